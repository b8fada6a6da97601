import type { AssetCollection } from '../../config/defineConfig.ts';
import { archivesFrom } from './archiving.ts';
import { bytesOfValue, type WantedCopy, wantedCopies } from './copyUpdates.ts';
import type { Reading } from './documentSizes.ts';
import { readsFiles } from './filesOfPage.ts';
import type { PageContext } from './pageContext.ts';

/** Assets in one page, which is one transaction. A commit may have 10 MiB and last 270 s
 *  (https://firebase.google.com/docs/firestore/quotas); what bounds it in practice is that other writers of these
 *  assets wait for it. */
export const assetsPerPage = 1_000;

/** What is read, and as much is written, of assets whose copies are compared: below the 10 MiB of a commit, of which names
 *  and framing take a part. The copies in one project are alike: mostly they still show the value before. */
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
export function updateLimit({ sizes }: PageContext, { name }: AssetCollection, wanted: readonly WantedCopy[]): number {
  const written = Math.max(1, Math.floor(copiesOnly.bytes / bytesOf(wanted)));
  return Math.min(written, sizes.limit(name));
}

/** How many bytes in memory a page of a collection takes, as far as the pages before it say.
 *  @param documents how many it has; without them, as many as it may have */
export function bytesOfPage(context: PageContext, collection: AssetCollection, documents?: number): number {
  const { record, sizes } = context;
  const expected = sizes.expected(collection.name);
  if (record.desired.kind !== 'deleted') {
    const wanted = wantedCopies(collection, record.desired);
    const written = bytesOf(wanted);
    const each = bytesPerKey + timesInMemory * (written + (expected ?? written));
    return Math.ceil((documents ?? updateLimit(context, collection, wanted)) * each);
  }
  if (!readsWhole(context, collection)) return (documents ?? assetsPerPage) * bytesPerKey;
  if (expected === undefined) return bytesOfUnknown;
  return Math.ceil((documents ?? sizes.limit(collection.name)) * (bytesPerKey + timesInMemory * expected));
}

function readsWhole(context: PageContext, collection: AssetCollection): boolean {
  return !context.isShadow && (archivesFrom(context.config, collection) || readsFiles(context, collection));
}

/** About how many bytes the copies of one asset have. */
function bytesOf(wanted: readonly WantedCopy[]): number {
  return wanted.reduce((sum, { value }) => sum + bytesOfValue(value), 1);
}
