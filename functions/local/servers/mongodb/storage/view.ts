import type { Transaction } from '../sessions/transaction.ts';
import type { OpTime } from './clusterClock.ts';
import type { Collection } from './collection.ts';
import type { History } from './history.ts';

/** A collection as a reader sees it: as it is, or as it was, with what its transaction wrote. */
export interface CollectionView {
  readonly collection: Collection;
  get(idKey: string): Uint8Array | undefined;
  /** Documents that differ from what the indexes know; `undefined` is one that is not there. */
  readonly differing: ReadonlyMap<string, Uint8Array | undefined>;
}

const nothing: ReadonlyMap<string, Uint8Array | undefined> = new Map();

/** Who reads: without one, a collection is seen as it is. */
export interface SnapshotReader {
  readonly history: History;
  readonly time: OpTime;
  readonly transaction: Transaction | undefined;
}

export function viewOf(collection: Collection, reader: SnapshotReader | undefined): CollectionView {
  if (!reader) return { collection, get: collection.get, differing: nothing };
  const { history, time, transaction } = reader;
  const past = history.changedSince(collection, time);
  const written = transaction?.written(collection) ?? nothing;
  const differing = past.size === 0 ? written : new Map([...past, ...written]);
  return {
    collection,
    differing,
    get: (idKey) => (differing.has(idKey) ? differing.get(idKey) : collection.get(idKey)),
  };
}
