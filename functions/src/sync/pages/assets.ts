import { createHash } from 'node:crypto';
import { FieldPath, type Firestore, type Query } from 'firebase-admin/firestore';
import type { AssetCollection, Config } from '../../config/defineConfig.ts';
import { liesIn } from '../../config/place.ts';
import { assetsAt } from '../../records/assetQuery.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import type { KeyRange, ProjectRecord } from '../../records/projectRecord.ts';
import { wantedCopies } from './copyUpdates.ts';

/** The assets of a project in one collection; of a pattern also documents elsewhere, which `assetsAmong` tells apart.
 */
export function assetsOf(firestore: Firestore, collection: AssetCollection, projectId: string): Query {
  return assetsAt(firestore, collection).where(fieldPathOf(collection.projectId), '==', projectId);
}

/** The ranges that have to be scanned for a record: all collections for a deletion, those with known copies for a live
 *  project. */
export function rangesFor(config: Config, record: ProjectRecord): KeyRange[] {
  return config.collections
    .filter((collection) => record.desired.kind === 'deleted' || wantedCopies(collection, record.desired).length > 0)
    .map((collection) => ({ collection: collection.name, after: null, before: null }));
}

/** The one asset with this path, in the collection that it belongs to. None when that is not configured. */
export function rangesOfAsset(config: Config, path: string): KeyRange[] {
  const collection = config.collections.find((place) => liesIn(place, path));
  return collection === undefined ? [] : [{ collection: collection.name, after: null, before: null, asset: path }];
}

/** Fingerprint of the configured collections: work that was planned for others does not go on where it stopped, but
 *  begins anew. */
export function planOf(config: Config): string {
  return createHash('sha256').update(JSON.stringify(config.collections)).digest('base64url').slice(0, 16);
}

/** How many assets the work on a record has to scan, as counted by the index: one read per thousand
 *  (https://firebase.google.com/docs/firestore/pricing#aggregation_queries). */
export async function countAssets(
  { firestore, config }: { readonly firestore: Firestore; readonly config: Config },
  record: ProjectRecord,
): Promise<number> {
  const names = new Set(rangesFor(config, record).map((range) => range.collection));
  const counts = await Promise.all(
    config.collections
      .filter((collection) => names.has(collection.name))
      .map((collection) => assetsOf(firestore, collection, record.projectId).count().get()),
  );
  return counts.reduce((sum, count) => sum + count.data().count, 0);
}

/** The last key of a project's assets in a collection: where cutting takes an open range to end. One read. */
export async function readLastKey(
  firestore: Firestore,
  collection: AssetCollection,
  projectId: string,
): Promise<string | null> {
  const last = await assetsOf(firestore, collection, projectId)
    .orderBy(FieldPath.documentId(), 'desc')
    .select(FieldPath.documentId())
    .limit(1)
    .get();
  return last.docs[0]?.ref.path ?? null;
}
