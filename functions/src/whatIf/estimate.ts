import { FieldPath, type Firestore } from 'firebase-admin/firestore';
import type { AssetCollection, Config } from '../config/defineConfig.ts';
import type { BilledOperations } from '../config/prices.ts';
import { assetsAmong, assetsAt } from '../records/assetQuery.ts';
import { everythingBelow } from '../records/below.ts';

import { fieldPathOf } from '../records/fieldPath.ts';

export const projectChanges = ['delete', 'rename'] as const;
export type ProjectChange = (typeof projectChanges)[number];

/** What a change of some projects would touch in one collection. */
export interface CollectionEstimate extends BilledOperations {
  readonly name: string;
  readonly assets: number;
  /** Documents below these assets that would go with them. */
  readonly below: number;
  /** Whether `assets` is reckoned from some of the documents that may be assets. */
  readonly isAbout: boolean;
  /** Whether `below` is reckoned from some of the assets. */
  readonly isReckoned: boolean;
}

export interface Estimate {
  readonly collections: readonly CollectionEstimate[];
  /** All that the change would cost, with the records that are kept of it. */
  readonly total: BilledOperations;
  /** What this estimate has cost: it writes nothing. */
  readonly ownReads: number;
}

/** What Lockstep reads and writes of its own for one change of one project: record, job and history, on a way without
 *  retries (measured against the local Firestore: `whatIf.int.test.ts`). */
const recordsPerChange = { reads: 5, writes: 5 };

/** Assets below which documents are counted; of more, the others are reckoned from these: each costs two reads. */
const assetsLookedBelow = 50;

/** Documents of a collection group that are told apart by their paths, where a path has wildcards; of more, the others
 *  are reckoned from these: each costs a read. */
const pathsLookedAt = 200;

/** Firestore bills one read per thousand index entries that it counts, and at least one:
 *  https://firebase.google.com/docs/firestore/pricing#aggregation_queries */
const entriesPerRead = 1_000;

/** Counts what a change would touch, with aggregations: nothing is written, and assets are read by key only where
 *  documents lie below them.
 *  @throws what Firestore answers. */
export async function estimateChange(
  { firestore, config }: { readonly firestore: Firestore; readonly config: Config },
  projectIds: readonly string[],
  change: ProjectChange,
): Promise<Estimate> {
  const ids = [...new Set(projectIds)];
  let ownReads = 0;
  const collections: CollectionEstimate[] = [];
  for (const collection of config.collections) {
    let [assets, elsewhere, below, isAbout, isReckoned] = [0, 0, 0, false, false];
    // One after another: an operator waits a little, and Firestore is not met by hundreds of queries at once.
    for (const id of ids) {
      const found = await countAssets(firestore, collection, id);
      ownReads += found.reads;
      assets += found.assets;
      elsewhere += found.elsewhere;
      isAbout ||= found.isAbout;
      if (change === 'rename' || !collection.recursive || found.assets === 0) continue;
      const looked = await countBelow(firestore, collection, id);
      ownReads += looked.reads;
      below += looked.assets === 0 ? 0 : Math.round((looked.below / looked.assets) * found.assets);
      isReckoned ||= looked.assets < found.assets;
    }
    collections.push({
      name: collection.name,
      assets,
      below,
      isAbout,
      isReckoned,
      ...costOn(collection, { assets, elsewhere, below }, change),
    });
  }
  const sum = (of: keyof BilledOperations) => collections.reduce((total, part) => total + part[of], 0);
  return {
    collections,
    total: {
      reads: sum('reads') + recordsPerChange.reads * ids.length,
      writes: sum('writes') + recordsPerChange.writes * ids.length,
      deletes: sum('deletes'),
    },
    ownReads,
  };
}

/** Every asset that changes is read once, and so is what lies elsewhere in its collection group; a collection without
 *  copies is not read for a rename. */
function costOn(
  { copies }: AssetCollection,
  { assets, elsewhere, below }: { readonly assets: number; readonly elsewhere: number; readonly below: number },
  change: ProjectChange,
): BilledOperations {
  if (change === 'delete') return { reads: assets + elsewhere + below, writes: 0, deletes: assets + below };
  if (Object.keys(copies).length === 0) return { reads: 0, writes: 0, deletes: 0 };
  return { reads: assets + elsewhere, writes: assets, deletes: 0 };
}

const assetsOf = (firestore: Firestore, collection: AssetCollection, projectId: string) =>
  assetsAt(firestore, collection).where(fieldPathOf(collection.projectId), '==', projectId);

/** Assets of a project in a collection; of a path with wildcards also the documents `elsewhere` in its collection
 *  group, which an aggregation cannot tell apart. */
async function countAssets(firestore: Firestore, collection: AssetCollection, projectId: string) {
  const { count } = (await assetsOf(firestore, collection, projectId).count().get()).data();
  const reads = Math.max(1, Math.ceil(count / entriesPerRead));
  if (collection.kind !== 'pattern' || count === 0) return { assets: count, elsewhere: 0, isAbout: false, reads };
  const { docs } = await keysOf(firestore, collection, projectId, pathsLookedAt);
  const share = assetsAmong(collection, docs).length / Math.max(1, docs.length);
  const assets = Math.round(share * count);
  return { assets, elsewhere: count - assets, isAbout: docs.length < count, reads: reads + Math.max(1, docs.length) };
}

const keysOf = (firestore: Firestore, collection: AssetCollection, projectId: string, most: number) =>
  assetsOf(firestore, collection, projectId)
    .orderBy(FieldPath.documentId())
    .select(FieldPath.documentId())
    .limit(most)
    .get();

async function countBelow(firestore: Firestore, collection: AssetCollection, projectId: string) {
  const { docs } = await keysOf(
    firestore,
    collection,
    projectId,
    collection.kind === 'pattern' ? pathsLookedAt : assetsLookedBelow,
  );
  const assets = assetsAmong(collection, docs).slice(0, assetsLookedBelow);
  const counts = await Promise.all(assets.map(({ ref }) => everythingBelow(firestore, ref.path).count().get()));
  const below = counts.map((snapshot) => snapshot.data().count);
  return {
    assets: assets.length,
    below: below.reduce((sum, count) => sum + count, 0),
    reads: below.reduce((sum, count) => sum + Math.max(1, Math.ceil(count / entriesPerRead)), Math.max(1, docs.length)),
  };
}
