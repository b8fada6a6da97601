import type { Firestore, Transaction } from 'firebase-admin/firestore';
import type { Config } from '../config/defineConfig.ts';
import { filesOfDocument } from './documentFiles.ts';
import { type Holder, parseReference, referencesOf, writeReferences, writeRemoval } from './fileRecords.ts';
import type { FileSettings } from './fileSettings.ts';

// What becomes of files is decided in the transaction that ends or moves what has named them, and done afterwards: no
// file goes before that is committed, and a crash in between leaves the record that has it done.

interface Terms {
  readonly firestore: Firestore;
  readonly config: Pick<Config, 'collections'>;
  readonly settings: FileSettings;
  /** In ms since 1970. */
  readonly now: number;
}

/** Documents, with the fields of `fileFieldsOf` at least. */
type Documents = readonly { readonly ref: { readonly path: string }; data(): unknown }[];

function namesIn({ config, settings }: Pick<Terms, 'config' | 'settings'>, documents: Documents): string[] {
  return [...new Set(documents.flatMap((document) => filesOfDocument(config, settings.place, document).names))].sort();
}

/** Has the files of documents that are deleted for good removed. One write where they name any. */
export function removeFilesOf(terms: Terms, transaction: Transaction, projectId: string, documents: Documents): void {
  const { firestore, settings, now } = terms;
  const files = namesIn(terms, documents);
  const { bucket } = settings.place;
  writeRemoval(firestore, transaction, { projectId, bucket, files, deletedAt: now, dueAt: now + settings.graceMs });
}

/** Keeps the files of documents that go into a new page of the archive: it names them from now on. */
export function keepFilesOf(terms: Terms, transaction: Transaction, page: string, documents: Documents): void {
  const { bucket } = terms.settings.place;
  writeReferences(terms.firestore, transaction, archiveHolder(page), [], namesIn(terms, documents), bucket);
}

/** Brings the records of a page of the archive to what its documents name. Whether anything was written. */
export async function indexFilesOf(
  terms: Omit<Terms, 'now'>,
  transaction: Transaction,
  page: string,
  documents: Documents,
): Promise<boolean> {
  const holder = archiveHolder(page);
  const { docs } = await transaction.get(referencesOf(terms.firestore, holder));
  const { bucket } = terms.settings.place;
  return writeReferences(terms.firestore, transaction, holder, docs, namesIn(terms, documents), bucket);
}

/** Has the files removed that a page of the archive names, for the transaction that deletes the page: reads now, and
 *  returns the writes. What was recorded for another bucket is none of today's. `graceMs` 0 is for an erasure on
 *  demand. */
export async function releaseFilesOf(
  { firestore, settings, now }: Pick<Terms, 'firestore' | 'settings' | 'now'>,
  transaction: Transaction,
  page: { readonly id: string; readonly projectId: string | null },
  graceMs: number = settings.graceMs,
): Promise<() => void> {
  const holder = archiveHolder(page.id);
  const { docs } = await transaction.get(referencesOf(firestore, holder));
  const references = docs.map(parseReference);
  return () => {
    writeReferences(firestore, transaction, holder, docs, []);
    // All records of a page are written together, for one bucket.
    const bucket = references[0]?.bucket ?? settings.place.bucket;
    const files = references.flatMap(({ names }) => names);
    const { projectId } = page;
    writeRemoval(firestore, transaction, { projectId, bucket, files, deletedAt: now, dueAt: now + graceMs });
  };
}

/** Hands the files of documents that are restored from a page of the archive to them, for the transaction that creates
 *  them and takes them out of the page: reads now, and returns the writes, for what is left in the page, which may have
 *  become several. */
export async function returnFilesOf(
  terms: Terms,
  transaction: Transaction,
  page: string,
  restored: Documents,
): Promise<(left: readonly { readonly page: string; readonly documents: Documents }[]) => void> {
  const { firestore } = terms;
  const [held, ...known] = await Promise.all([
    transaction.get(referencesOf(firestore, archiveHolder(page))),
    ...restored.map(({ ref }) => transaction.get(referencesOf(firestore, { kind: 'asset', id: ref.path }))),
  ]);
  return (left) => {
    const inPage = left.find((other) => other.page === page)?.documents ?? [];
    const { bucket } = terms.settings.place;
    writeReferences(firestore, transaction, archiveHolder(page), held.docs, namesIn(terms, inPage), bucket);
    for (const other of left) {
      if (other.page !== page) keepFilesOf(terms, transaction, other.page, other.documents);
    }
    restored.forEach((document, at) => {
      const asset: Holder = { kind: 'asset', id: document.ref.path };
      writeReferences(firestore, transaction, asset, known[at]?.docs ?? [], namesIn(terms, [document]));
    });
  };
}

function archiveHolder(page: string): Holder {
  return { kind: 'archive', id: page };
}
