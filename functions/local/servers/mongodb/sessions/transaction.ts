import type { OpTime } from '../storage/clusterClock.ts';
import type { Collection } from '../storage/collection.ts';
import type { Change, TransactionIdentity } from '../storage/oplog.ts';

/** A change that a transaction will make when it commits. */
export interface PendingChange {
  readonly collection: Collection;
  readonly idKey: string;
  /** The document afterwards; `undefined` if it is deleted. */
  readonly after: Uint8Array | undefined;
  readonly change: Change;
}

export type TransactionState = 'open' | 'committed' | 'aborted';

/** One transaction. It holds what it wrote until it commits; everybody else sees the collections without it. */
export interface Transaction {
  readonly identity: TransactionIdentity;
  /** What it reads is as it was at this time. */
  readonly readTime: OpTime;
  state: TransactionState;
  readonly pending: PendingChange[];
  /** The documents of a collection that it has written; `undefined` is one that it deleted. */
  written(collection: Collection): Map<string, Uint8Array | undefined>;
  /** Resolves when the transaction has ended, one way or the other. */
  readonly ended: Promise<void>;
  end(state: 'committed' | 'aborted'): void;
}

export function createTransaction(identity: TransactionIdentity, readTime: OpTime): Transaction {
  const writtenBy = new Map<Collection, Map<string, Uint8Array | undefined>>();
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    identity,
    readTime,
    state: 'open',
    pending: [],
    written(collection) {
      const written = writtenBy.get(collection) ?? new Map<string, Uint8Array | undefined>();
      writtenBy.set(collection, written);
      return written;
    },
    ended: promise,
    end(state) {
      this.state = state;
      this.pending.length = 0;
      writtenBy.clear();
      resolve();
    },
  };
}
