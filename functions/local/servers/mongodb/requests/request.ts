import type { Document } from '../bson/values.ts';
import type { ClientConnection } from '../clientConnection.ts';

/** A command from a client. */
export interface IncomingRequest {
  readonly name: string;
  readonly db: string;
  readonly body: Document;
  readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly connection: ClientConnection;
}

export interface Request extends IncomingRequest {
  /** Aborted when the command is killed or the connection closes. */
  readonly signal: AbortSignal;
}
