import type { AssetCollection } from '../../config/defineConfig.ts';
import type { ProjectEvent } from '../../events/contract.ts';
import { archivesFrom } from './archiving.ts';
import { bytesOfValue, type WantedCopy, wantedCopies } from './copyUpdates.ts';
import type { DocumentSizes, Reading } from './documentSizes.ts';
import { readsFiles } from './filesOfPage.ts';
import type { PageContext } from './pageContext.ts';

/** Assets in one page, which is one transaction. A commit may have 10 MiB and last 270 s
 *  (https://firebase.google.com/docs/firestore/quotas). What bounds it in practice is that other writers of these
 *  assets wait for it; a small one costs more: a page takes 2.4 ms of processor time besides what its assets take. */
export const assetsPerPage = 2_000;

/** What is read, and as much is written, of assets whose copies are compared: below the 10 MiB of a commit, of which
 *  names and framing take a part. The copies in one project are alike: mostly they still show the value before. A first
 *  page of a hundred has room in memory even if each has hundreds of KB. */
export const copiesOnly: Reading = { bytes: 6 * 1024 * 1024, first: 100, most: assetsPerPage, fallsTo: 0 };

/** Bytes in memory of a document of which the key is read and which is written: its query's answer, its snapshot, its
 *  write, the bytes of both. */
const bytesPerKey = 3 * 1024;

/** How often a value lies in memory that is read or written: as text, in the message that it came in or leaves with, in
 *  that message's frame, and as garbage of these. */
const timesInMemory = 2;

/** Bytes in memory of a page of whole documents whose size nobody knows. */
const bytesOfUnknown = 32 * 1024 * 1024;

/** Assets that a page brings to these copies at most. */
export function updateLimit(sizes: DocumentSizes, { name }: AssetCollection, wanted: readonly WantedCopy[]): number {
  return Math.min(sizes.limit(name), fitting(bytesOfCopies(wanted)));
}

/** How many bytes in memory a page of updates of a collection takes, as far as the pages before it say.
 *  @param assets how many it has; without them, as many as it may have */
export function bytesOfUpdates(
  { record, sizes }: Pick<PageContext, 'record' | 'sizes'>,
  collection: AssetCollection,
  assets?: number,
): number {
  const wanted = wantedCopies(collection, record.desired);
  const written = bytesOfCopies(wanted);
  const read = sizes.expected(collection.name) ?? written;
  return bytesOf(assets ?? updateLimit(sizes, collection, wanted), written + read);
}

/** The same of the first page for an event, before the record of its project is read. */
export function bytesOfFirstUpdates({ changes }: Pick<ProjectEvent, 'changes'>): number {
  const written = bytesOfValue(changes) + 1;
  return bytesOf(Math.min(copiesOnly.first, fitting(written)), 2 * written);
}

/** How many bytes in memory a page of deletions in a collection takes, as far as the pages before it say.
 *  @param documents how many it has; without them, as many as it may have */
export function bytesOfDeletions(context: PageContext, collection: AssetCollection, documents?: number): number {
  const { config, sizes, isShadow } = context;
  const isWhole = !isShadow && (archivesFrom(config, collection) || readsFiles(context, collection));
  if (!isWhole) return bytesOf(documents ?? assetsPerPage, 0);
  const read = sizes.expected(collection.name);
  return read === undefined ? bytesOfUnknown : bytesOf(documents ?? sizes.limit(collection.name), 2 * read);
}

/** How many assets with copies of so many bytes a page may write. */
function fitting(bytesEach: number): number {
  return Math.max(1, Math.floor(copiesOnly.bytes / bytesEach));
}

function bytesOf(documents: number, bytesEach: number): number {
  return Math.ceil(documents * (bytesPerKey + timesInMemory * bytesEach));
}

/** About how many bytes the copies of one asset have. */
export function bytesOfCopies(wanted: readonly WantedCopy[]): number {
  return wanted.reduce((sum, { value }) => sum + bytesOfValue(value), 1);
}
