import type { ProjectRecord } from '../records/projectRecord.ts';
import { rangesFor } from './converge.ts';
import type { SyncDependencies } from './dependencies.ts';
import { assetsOf } from './page.ts';

/** How many assets the work on a record has to go over, as counted by the index: one read per thousand
 *  (https://firebase.google.com/docs/firestore/pricing#aggregation_queries). */
export async function countAssets({ firestore, config }: SyncDependencies, record: ProjectRecord): Promise<number> {
  const names = new Set(rangesFor(config.collections, record).map((range) => range.collection));
  const counts = await Promise.all(
    config.collections
      .filter((collection) => names.has(collection.name))
      .map((collection) => assetsOf(firestore, collection, record.projectId).count().get()),
  );
  return counts.reduce((sum, count) => sum + count.data().count, 0);
}
