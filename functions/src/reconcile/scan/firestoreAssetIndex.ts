import { FieldPath, Filter, type Firestore, type Query, type QueryDocumentSnapshot } from 'firebase-admin/firestore';
import type { AssetCollection } from '../../config/defineConfig.ts';
import { assetsAmong, assetsAt } from '../../records/assetQuery.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import {
  type AssetEntry,
  type AssetIndex,
  type EntryCounts,
  type ReadMeter,
  readsToCount,
  type StartAt,
} from './assetIndex.ts';
import { type IdRange, justAfter } from './idOrder.ts';
import type { ReadGate } from './readGate.ts';

/** Sorts after every string and before all that is sorted behind strings
 *  (https://firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering). */
export const endOfStrings = Buffer.alloc(0);

const smallestId = justAfter('');

/** Documents read at a time where those before were no assets; as many as in a page of the hop scan. */
const maxReadOn = 300;

export interface FirestoreAssetIndexOptions {
  readonly firestore: Firestore;
  readonly collection: AssetCollection;
  /** Every query passes it: bounds queries in flight and reads per second. */
  readonly gate: ReadGate;
  readonly meter: ReadMeter;
}

/** The queries of reconciliation, asked of Firestore. Each returns keys only (a projection). */
export function createFirestoreAssetIndex(options: FirestoreAssetIndexOptions): AssetIndex {
  const { firestore, collection, gate, meter } = options;
  const projectId = fieldPathOf(collection.projectId);
  const copies = Object.values(collection.copies).map(fieldPathOf);
  const all = assetsAt(firestore, collection);
  const ordered = {
    ids: all.orderBy(projectId),
    tuples: [projectId, ...copies].reduce<Query>((query, field) => query.orderBy(field), all),
  };

  const entryOf = (document: QueryDocumentSnapshot): AssetEntry => ({
    path: document.ref.path,
    projectId: document.get(projectId),
    copies: copies.map((copy): unknown => document.get(copy)),
    createdAt: document.createTime.toMillis(),
  });

  /** Reads at most `limit` assets. Of a pattern of paths it reads on until it has as many, or all there are. Firestore
   *  bills one read for a query without results. */
  async function read(query: Query, limit: number, what: 'hops' | 'closer'): Promise<AssetEntry[]> {
    const selected = query.select(projectId, ...copies);
    const assets: QueryDocumentSnapshot[] = [];
    let size = limit;
    for (let next = selected; ; ) {
      const { docs } = await gate.pass(size, () => next.limit(size).get());
      meter[what] += Math.max(1, docs.length);
      assets.push(...assetsAmong(collection, docs));
      const last = docs.at(-1);
      if (assets.length >= limit || docs.length < size || last === undefined) break;
      next = selected.startAfter(last);
      size = Math.min(2 * size, Math.max(limit, maxReadOn));
    }
    return assets.slice(0, limit).map(entryOf);
  }

  /** In a read-only transaction all queries see the same state, so that two counts differ only if assets do. */
  function countTogether(queries: readonly Query[]): Promise<number[]> {
    return gate.pass(queries.length, () =>
      firestore.runTransaction(
        async (transaction) => {
          const snapshots = await Promise.all(queries.map((query) => transaction.get(query.count())));
          return snapshots.map((snapshot) => snapshot.data().count);
        },
        { readOnly: true },
      ),
    );
  }

  const bill = (entries: number) => {
    meter.counts += readsToCount(entries);
  };

  const within = (query: Query, range: IdRange): Query => query.startAt(range.from).endBefore(range.to ?? endOfStrings);

  async function count(range: IdRange): Promise<EntryCounts> {
    const hasCopies = copies.length > 0;
    const queries = [ordered.ids, ...(hasCopies ? [ordered.tuples] : [])].map((query) => within(query, range));
    const [ids = 0, tuples = ids] = await countTogether(queries);
    bill(ids);
    if (hasCopies) bill(tuples);
    return { ids, tuples };
  }

  return {
    collection,
    count,
    async countEqual(range, tuples) {
      const oneOf = tuples.map((tuple) =>
        Filter.and(
          Filter.where(projectId, '==', tuple.projectId),
          ...copies.map((copy, index) => Filter.where(copy, '==', tuple.copies[index])),
        ),
      );
      const [ids = 0, equal = 0] = await countTogether([within(ordered.ids, range), all.where(Filter.or(...oneOf))]);
      bill(ids);
      bill(equal);
      return { ids, equal };
    },
    page: (order, start, to, limit) =>
      read(startingAt(ordered[order], start).endBefore(to ?? endOfStrings), limit, 'hops'),
    every(range, after, limit) {
      const byKey = ordered.ids.orderBy(FieldPath.documentId());
      const query =
        after === null ? byKey.startAt(range.from) : byKey.startAfter(after.projectId, firestore.doc(after.path));
      return read(query.endBefore(range.to ?? endOfStrings), limit, 'closer');
    },
    async last(range) {
      const descending = all.orderBy(projectId, 'desc');
      // From the end towards the beginning: the exclusive upper bound comes first.
      const query = descending.startAfter(range.to ?? endOfStrings).endAt(range.from);
      return (await read(query, 1, 'closer')).at(0);
    },
    async countAll() {
      const text = { from: smallestId, to: null };
      const hasCopies = copies.length > 0;
      const [assets = 0, withProjectId = 0, ids = 0, tuples = ids] = await countTogether([
        all,
        ordered.ids,
        within(ordered.ids, text),
        ...(hasCopies ? [within(ordered.tuples, text)] : []),
      ]);
      for (const entries of [assets, withProjectId, ids, ...(hasCopies ? [tuples] : [])]) bill(entries);
      return { assets, withProjectId, withText: { ids, tuples } };
    },
    async unusable(limit) {
      const before = await read(ordered.ids.endBefore(smallestId), limit, 'closer');
      if (before.length >= limit) return before;
      return [...before, ...(await read(ordered.ids.startAt(endOfStrings), limit - before.length, 'closer'))];
    },
  };
}

function startingAt(query: Query, start: StartAt): Query {
  return start.kind === 'from' ? query.startAt(start.id) : query.startAfter(...start.values);
}
