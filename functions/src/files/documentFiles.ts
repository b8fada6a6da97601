import { createHash } from 'node:crypto';
import { FieldPath } from 'firebase-admin/firestore';
import type { AssetCollection, Config } from '../config/defineConfig.ts';
import { liesIn } from '../config/place.ts';
import { fieldPathOf } from '../records/fieldPath.ts';
import { type FilePlace, urlForms } from './fileName.ts';
import { type FilesOfAsset, filesOfAsset, rootFieldOf } from './filesOfAsset.ts';

/** Fields to read of the assets of collections for the names of their files. */
export function fileFieldsOf(collections: readonly Pick<AssetCollection, 'files'>[]): readonly FieldPath[] {
  return [...new Set(collections.flatMap(({ files }) => files.map(rootFieldOf)))].map(fieldPathOf);
}

/** The files that a document names, by its place in the configuration: none where it is no asset, or is gone. */
export function filesOfDocument(
  { collections }: Pick<Config, 'collections'>,
  place: FilePlace,
  document: { readonly ref: { readonly path: string }; data(): unknown },
): FilesOfAsset {
  const collection = collections.find((candidate) => liesIn(candidate, document.ref.path));
  return filesOfAsset(collection?.files ?? [], document.data(), place);
}

/** Fingerprint of what the records of references were made for, and of whose they are: others are not complete for it.
 */
export function indexPlanOf({ collections }: Pick<Config, 'collections'>, { bucket, prefix }: FilePlace): string {
  const named = collections
    .filter(({ files }) => files.length > 0)
    .map(({ kind, name, files }) => ({ kind, name, files }));
  const holders = ['asset', 'archive'];
  const forms = urlForms.map(String);
  return createHash('sha256')
    .update(JSON.stringify({ named, bucket, prefix, holders, forms }))
    .digest('base64url')
    .slice(0, 16);
}

/** For a query that reads keys only. */
export const keyOnly: readonly FieldPath[] = [FieldPath.documentId()];
