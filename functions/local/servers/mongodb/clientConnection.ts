import type { ScramConversation } from './auth/scram.ts';
import type { Named } from './auth/users.ts';

/** One connection of a client, and what the server knows of it. */
export interface ClientConnection {
  readonly id: number;
  /** Aborted when it closes. */
  readonly signal: AbortSignal;
  /** Breaks it; whoever waits for an answer gets none. */
  close(): void;
  /** What the client calls itself. */
  appName?: string | undefined;
  /** The user that it has authenticated as. */
  user?: Named | undefined;
  /** The authentication that is under way. */
  conversation?: { readonly scram: ScramConversation; readonly user: Named } | undefined;
}
