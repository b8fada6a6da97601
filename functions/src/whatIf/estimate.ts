import { FieldPath, type Firestore } from 'firebase-admin/firestore';
import type { AssetCollection, Config } from '../config/defineConfig.ts';
import type { BilledOperations } from '../config/prices.ts';
import { everythingBelow } from '../reconcile/phantoms/below.ts';
import { assetsAmong, assetsAt } from '../records/assetQuery.ts';

import { fieldPathOf } from '../records/fieldPath.ts';

export const projectChanges = ['delete', 'rename'] as const;
export type ProjectChange = (typeof projectChanges)[number];

/** What a change of some projects would touch in one collection. */
export interface CollectionEstimate extends BilledOperations {
  readonly name: string;
  readonly assets: number;
  /** Documents below these assets that would go with them. */
  readonly below: number;
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
    let [assets, below, isReckoned] = [0, 0, false];
    // One after another: an operator waits a little, and Firestore is not met by hundreds of queries at once.
    for (const id of ids) {
      const found = await countAssets(firestore, collection, id);
      ownReads += Math.max(1, Math.ceil(found / entriesPerRead));
      assets += found;
      if (change === 'rename' || !collection.recursive || found === 0) continue;
      const looked = await countBelow(firestore, collection, id);
      ownReads += looked.reads;
      below += looked.assets === 0 ? 0 : Math.round((looked.below / looked.assets) * found);
      isReckoned ||= looked.assets < found;
    }
    collections.push({
      name: collection.name,
      assets,
      below,
      isReckoned,
      ...costOn(collection, assets, below, change),
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

/** Every asset that changes is read once; a collection without copies is not read for a rename. */
function costOn({ copies }: AssetCollection, assets: number, below: number, change: ProjectChange): BilledOperations {
  if (change === 'delete') return { reads: assets + below, writes: 0, deletes: assets + below };
  const renamed = Object.keys(copies).length > 0 ? assets : 0;
  return { reads: renamed, writes: renamed, deletes: 0 };
}

const assetsOf = (firestore: Firestore, collection: AssetCollection, projectId: string) =>
  assetsAt(firestore, collection).where(fieldPathOf(collection.projectId), '==', projectId);

async function countAssets(firestore: Firestore, collection: AssetCollection, projectId: string): Promise<number> {
  return (await assetsOf(firestore, collection, projectId).count().get()).data().count;
}

async function countBelow(firestore: Firestore, collection: AssetCollection, projectId: string) {
  const { docs } = await assetsOf(firestore, collection, projectId)
    .orderBy(FieldPath.documentId())
    .select(FieldPath.documentId())
    .limit(assetsLookedBelow)
    .get();
  const assets = assetsAmong(collection, docs);
  const counts = await Promise.all(assets.map(({ ref }) => everythingBelow(firestore, ref.path).count().get()));
  const below = counts.map((snapshot) => snapshot.data().count);
  return {
    assets: assets.length,
    below: below.reduce((sum, count) => sum + count, 0),
    reads: below.reduce((sum, count) => sum + Math.max(1, Math.ceil(count / entriesPerRead)), Math.max(1, docs.length)),
  };
}
