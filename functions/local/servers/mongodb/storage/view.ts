import type { Transaction } from '../sessions/transaction.ts';
import type { Collection } from './collection.ts';

/** A collection as one reader sees it: as it is, or as a transaction sees it. */
export interface CollectionView {
  readonly collection: Collection;
  get(idKey: string): Uint8Array | undefined;
  /**
   * Documents that differ from the collection, which no index of the collection knows rightly; `undefined` is one that
   * is not there.
   */
  readonly differing: ReadonlyMap<string, Uint8Array | undefined>;
}

const nothing: ReadonlyMap<string, Uint8Array | undefined> = new Map();

export function viewOf(collection: Collection, transaction: Transaction | undefined): CollectionView {
  const divergence = transaction?.peek(collection);
  if (!divergence || divergence.snapshot.size + divergence.written.size === 0) {
    return { collection, get: collection.get, differing: nothing };
  }
  const differing = new Map([...divergence.snapshot, ...divergence.written]);
  return {
    collection,
    differing,
    get: (idKey) => (differing.has(idKey) ? differing.get(idKey) : collection.get(idKey)),
  };
}
