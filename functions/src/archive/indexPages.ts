import { type DocumentReference, FieldPath } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import type { IndexArchive } from '../files/completeIndex.ts';
import type { IndexDependencies } from '../files/indexAsset.ts';
import { indexFilesOf } from '../files/removalOf.ts';
import { errorText, type Log } from '../log.ts';
import { BucketError } from '../storage/bucket.ts';
import { type ColdStorage, isAsOpened, type Opened, openPage } from './openPage.ts';

export interface IndexPagesDependencies extends IndexDependencies {
  readonly log: Log;
  readonly cold: ColdStorage;
}

/** Records of the archive in one step of a walk: each has up to 1 MiB, and its documents are read whole. */
const recordsPerStep = 10;

/** Has it recorded which files the pages of the archive name. Those from before files were configured, or of another
 *  configuration, have no records of that, or wrong ones.
 *  @returns a step of the walk. It throws BucketError, what Firestore answered, and where a page lies in a bucket that
 *  is not named. */
export function createIndexArchive(dependencies: IndexPagesDependencies): IndexArchive {
  const pages = dependencies.firestore.collection(recordCollections.archive);
  const all = pages.orderBy(FieldPath.documentId()).select('object').limit(recordsPerStep);
  return async (after) => {
    const { docs } = await (after === null ? all : all.startAfter(pages.doc(after))).get();
    let corrected = 0;
    for (const page of docs) {
      // It may be restored once the bucket is named again: not known is not none.
      if (dependencies.cold === null && typeof page.get('object') === 'string') {
        throw new Error(`${page.ref.path} lies in cold storage, and ARCHIVE_BUCKET is empty: name the bucket`);
      }
      if (await indexPage(dependencies, page.ref)) corrected += 1;
    }
    const last = docs.length === recordsPerStep ? docs.at(-1) : undefined;
    return { scanned: docs.length, corrected, next: last?.id ?? null };
  };
}

/** Whether anything was written. */
async function indexPage(dependencies: IndexPagesDependencies, ref: DocumentReference): Promise<boolean> {
  const { firestore, log } = dependencies;
  const opened = await readPage(dependencies, ref);
  if (opened.kind === 'damaged') {
    log.error('files that a page of the archive names are not known', { record: ref.path, error: opened.problem });
  }
  if (opened.kind !== 'page') return false;
  const { page } = opened;
  const documents = page.documents.map(({ path, data }) => ({ ref: { path }, data: () => data }));
  const isWritten = await firestore.runTransaction(async (transaction) =>
    (await isAsOpened(transaction, page)) ? indexFilesOf(dependencies, transaction, ref.id, documents) : undefined,
  );
  // Restored or moved meanwhile: what is left of it is opened again.
  return isWritten ?? indexPage(dependencies, ref);
}

/** A page that Cloud Storage refuses to read may name any file: the walk waits for it, and no file goes. */
async function readPage({ log, cold }: IndexPagesDependencies, ref: DocumentReference): Promise<Opened> {
  try {
    return await openPage(ref, cold);
  } catch (error) {
    if (error instanceof BucketError && error.isRefused) {
      const message = 'no file of a deleted asset is removed until a page of the archive can be read';
      log.alarm('files-refused', message, { record: ref.path, error: errorText(error) });
    }
    throw error;
  }
}
