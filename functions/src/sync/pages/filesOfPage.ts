import type { DocumentReference, FieldPath, QueryDocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import { encodeSnapshot } from '../../archive/encodeDocument.ts';
import type { AssetCollection, Config } from '../../config/defineConfig.ts';
import { mayLieBelow } from '../../config/place.ts';
import { fileFieldsOf } from '../../files/documentFiles.ts';
import { keepFilesOf, removeFilesOf } from '../../files/removalOf.ts';
import type { PageContext } from './pageContext.ts';

/** Whether a page that deletes from a collection has to read which files are named. */
export function readsFiles({ config, files, isShadow }: PageContext, collection: AssetCollection): boolean {
  if (files === null || isShadow) return false;
  return collection.files.length > 0 || below(config, collection).some((other) => other.files.length > 0);
}

/** Fields to read of documents below the assets of a collection. */
export function fileFieldsBelow({ config, files }: PageContext, collection: AssetCollection): readonly FieldPath[] {
  return files === null ? [] : fileFieldsOf(below(config, collection));
}

function below({ collections }: Config, collection: AssetCollection): readonly AssetCollection[] {
  return collection.recursive ? collections.filter((other) => mayLieBelow(collection, other)) : [];
}

/** Notes how large what was read of documents is, so that the next page reads no more than fits. */
export function observeSizes(
  { sizes }: PageContext,
  { name }: AssetCollection,
  documents: readonly QueryDocumentSnapshot[],
): void {
  const bytes = documents.reduce((sum, document) => sum + Buffer.byteLength(encodeSnapshot(document)), 0);
  sizes.observe(name, documents.length, bytes);
}

interface PartWithFiles {
  readonly deleted: readonly QueryDocumentSnapshot[];
  /** New pages of the archive, and what they hold. */
  readonly archived: readonly { readonly ref: DocumentReference; readonly paths: readonly string[] }[];
}

/** Has the files of what a page deletes removed, or kept for as long as the archive keeps what names them: in the same
 *  transaction, so that no file goes before, and none is forgotten after.
 *  @param kept paths of what is archived. */
export function writeFilesOfPage(
  { firestore, config, files: settings, record: { projectId }, now }: PageContext,
  transaction: Transaction,
  parts: readonly PartWithFiles[],
  kept: ReadonlySet<string>,
): void {
  if (settings === null) return;
  const terms = { firestore, config, settings, now: now() };
  const deleted = new Map(parts.flatMap((part) => part.deleted.map((document) => [document.ref.path, document])));
  for (const { ref, paths } of parts.flatMap(({ archived }) => archived)) {
    const documents = paths.flatMap((path) => deleted.get(path) ?? []);
    keepFilesOf(terms, transaction, ref.id, documents);
  }
  const forGood = [...deleted.values()].filter(({ ref }) => !kept.has(ref.path));
  removeFilesOf(terms, transaction, projectId, forGood);
}
