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

/**
 * How a transaction sees one collection: where it differs from the collection as it is now. `undefined` is a document
 * that is not there.
 */
export interface Divergence {
  /** Documents that others changed since the transaction began, as they were then. */
  readonly snapshot: Map<string, Uint8Array | undefined>;
  /** Documents that the transaction itself has written. */
  readonly written: Map<string, Uint8Array | undefined>;
}

export type TransactionState = 'open' | 'committed' | 'aborted';

/** One transaction. It holds what it wrote until it commits; everybody else sees the collections without it. */
export interface Transaction {
  readonly identity: TransactionIdentity;
  readonly startedAt: number;
  state: TransactionState;
  /** The time of the commit, for a commit that is sent twice. */
  committedAt: OpTime | undefined;
  readonly pending: PendingChange[];
  divergence(collection: Collection): Divergence;
  /** The divergence if there is any. */
  peek(collection: Collection): Divergence | undefined;
  /** Resolves when the transaction has ended, one way or the other. */
  readonly ended: Promise<void>;
  end(state: 'committed' | 'aborted'): void;
}

export function createTransaction(identity: TransactionIdentity, startedAt: number): Transaction {
  const divergences = new Map<Collection, Divergence>();
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    identity,
    startedAt,
    state: 'open',
    committedAt: undefined,
    pending: [],
    divergence(collection) {
      let divergence = divergences.get(collection);
      if (!divergence) {
        divergence = { snapshot: new Map(), written: new Map() };
        divergences.set(collection, divergence);
      }
      return divergence;
    },
    peek: (collection) => divergences.get(collection),
    ended: promise,
    end(state) {
      this.state = state;
      this.pending.length = 0;
      divergences.clear();
      resolve();
    },
  };
}
