import type { Document } from './bson/values.ts';
import type { ClientConnection } from './clientConnection.ts';
import type { Deployment } from './deployment.ts';
import type { Evaluation } from './expression/scope.ts';
import type { Fields } from './requests/fields.ts';
import type { Session } from './sessions/sessions.ts';
import type { Transaction } from './sessions/transaction.ts';
import type { OpTime } from './storage/clusterClock.ts';
import type { Collection } from './storage/collection.ts';
import type { CollectionView } from './storage/view.ts';

/** A command that is being run. */
export interface Operation {
  readonly deployment: Deployment;
  readonly db: string;
  readonly fields: Fields;
  readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly session: Session | undefined;
  readonly transaction: Transaction | undefined;
  /** What it reads is as it was at this time: of its transaction, or of a snapshot read outside of one. */
  readonly readTime: OpTime | undefined;
  /** Whether the driver may send the command again with the same number. */
  readonly retryable: boolean;
  readonly evaluation: Evaluation;
  readonly connection: ClientConnection;
  /** Aborted when the command is killed or the connection closes. */
  readonly signal: AbortSignal;
  view(collection: Collection): CollectionView;
  /** Runs a statement of a retryable write once, or repeats its answer; run again after a transaction held it up. */
  once<T>(statement: number, run: () => T): Promise<{ readonly result: T; readonly retried: boolean }>;
}

/** What a command answers; `ok` and the times are added. A batch goes into `cursor`. */
export interface Reply {
  readonly fields: Document;
  readonly batch?: {
    readonly name: 'firstBatch' | 'nextBatch';
    readonly documents: readonly Uint8Array[];
    readonly fields: Document;
  };
}

export type CommandHandler = (operation: Operation) => Reply | Promise<Reply>;

/** Commands by name. */
export type CommandTable = Readonly<Record<string, CommandHandler>>;
