import {
  type DocumentReference,
  type DocumentSnapshot,
  type Firestore,
  type Query,
  Timestamp,
} from 'firebase-admin/firestore';
import type { Clock } from '../../clock.ts';
import { recordCollections } from '../../config/defineConfig.ts';
import { FileRecordError } from '../../files/fileRecords.ts';
import type { FileSettings } from '../../files/fileSettings.ts';
import { releaseFilesOf } from '../../files/removalOf.ts';
import { grpcStatus, statusOf } from '../../grpc.ts';
import { errorText, type Log } from '../../log.ts';
import { type Bucket, BucketError } from '../../storage/bucket.ts';
import { type ArchiveRecord, ArchiveRecordError, parseArchiveRecord } from '../archiveRecord.ts';
import { coldName } from '../coldName.ts';
import type { JobBudget, JobEnd } from '../jobs/budget.ts';
import type { ColdStorage } from '../openPage.ts';

export interface SweepDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly log: Log;
  readonly cold: ColdStorage;
  /** The age, in ms, at which pages move to cold storage. */
  readonly coldAfterMs: number;
  /** Where files of assets are; undefined where none are configured. */
  readonly files?: FileSettings | undefined;
}

/** Refusals of Cloud Storage after which a pass ends. What is new can be refused by the bucket only; of what is there,
 *  any number may be held, and none of it keeps other pages beyond their end. */
const mostRefused = { expired: Number.POSITIVE_INFINITY, moved: 10 } as const;

/** Records that are read at once: each may have 1 MiB. */
const recordsAtOnce = 10;

/** Whether there is anything to sweep: one read where nothing is, and one more with cold storage. */
export async function isSweepDue(dependencies: SweepDependencies): Promise<boolean> {
  for (const query of dueQueries(dependencies)) {
    if (!(await query.select().limit(1).get()).empty) return true;
  }
  return false;
}

/** Removes pages at the end of their retention with their objects, and moves old ones to cold storage, as far as the
 *  time allows. It keeps no progress: what it has done no query finds again. What Cloud Storage refuses of single pages
 *  is thrown at the end, so that it is seen.
 *  @throws BucketError and what Firestore answered. */
export async function sweep(dependencies: SweepDependencies, { deadline, signal }: JobBudget): Promise<JobEnd> {
  const { clock, cold, log } = dependencies;
  const counts = { expired: 0, moved: 0, unreadable: 0 };
  const refused: BucketError[] = [];
  const [expired, old] = dueQueries(dependencies);
  const isOver = () => signal.aborted || clock.now() >= deadline;
  const passes = [
    { name: 'expired', query: expired, take: (page: Page) => expire(dependencies, page) },
    { name: 'moved', query: old, take: async (page: Page) => (cold === null ? 0 : move(page, await cold())) },
  ] as const;
  for (const { name, query, take } of passes) {
    let after: DocumentSnapshot | undefined;
    const refusedBefore = refused.length;
    while (query !== undefined) {
      // The next invocation would begin with the same refusals at once.
      if (isOver() && refused.length > 0) break;
      if (isOver()) return 'continued';
      const { docs } = await (after ? query.startAfter(after) : query).limit(recordsAtOnce).get();
      for (const snapshot of docs) {
        try {
          counts[name] += await take({ snapshot, record: parseArchiveRecord(snapshot.ref.path, snapshot.data()) });
        } catch (error) {
          if (!isOfPage(error)) throw error;
          log.error('a page of the archive is left where it is', {
            record: snapshot.ref.path,
            error: errorText(error),
          });
          if (error instanceof BucketError) refused.push(error);
          else counts.unreadable += 1;
          if (refused.length - refusedBefore === mostRefused[name]) throw error;
        }
      }
      after = docs.at(-1);
      if (docs.length < recordsAtOnce) break;
    }
  }
  log.info('archive swept', { ...counts, refused: refused.length });
  const [refusal] = refused;
  if (refusal !== undefined) throw refusal;
  return 'done';
}

/** Pages at the end of their retention, and those that are to move. */
function dueQueries({
  firestore,
  clock,
  cold,
  coldAfterMs,
}: SweepDependencies): readonly [Query] | readonly [Query, Query] {
  const pages = firestore.collection(recordCollections.archive);
  const now = clock.now();
  const expired = pages.where('expireAt', '<=', Timestamp.fromMillis(now)).orderBy('expireAt');
  if (cold === null) return [expired];
  const old = Timestamp.fromMillis(now - coldAfterMs);
  return [expired, pages.where('object', '==', null).where('archivedAt', '<=', old).orderBy('archivedAt', 'desc')];
}

interface Page {
  readonly snapshot: DocumentSnapshot;
  readonly record: ArchiveRecord;
}

/** Whether a failure says something of one page: it cannot be read, or its object is held. It keeps no other page
 *  waiting: it stays, and is reported by each sweep. */
function isOfPage(error: unknown): boolean {
  const isUnreadable = error instanceof ArchiveRecordError || error instanceof FileRecordError;
  return isUnreadable || (error instanceof BucketError && error.isRefused);
}

/** The object first: a page that is left without one is expired, and nobody restores it. */
async function expire(dependencies: SweepDependencies, { snapshot, record }: Page): Promise<number> {
  const { cold } = dependencies;
  if (record.object !== null && cold === null) {
    throw new Error(`${snapshot.ref.path} lies in cold storage as ${record.object}, and ARCHIVE_BUCKET is empty`);
  }
  if (cold !== null) await (await cold()).delete(record.object ?? coldName(snapshot.ref, record));
  return ifUnchanged(snapshot, (precondition) =>
    dependencies.files === undefined
      ? snapshot.ref.delete(precondition)
      : expireWithFiles({ ...dependencies, settings: dependencies.files }, snapshot.ref, record, precondition),
  );
}

function expireWithFiles(
  { firestore, clock, settings }: Pick<SweepDependencies, 'firestore' | 'clock'> & { readonly settings: FileSettings },
  ref: DocumentReference,
  { projectId }: ArchiveRecord,
  precondition: { readonly lastUpdateTime: Timestamp },
): Promise<void> {
  return firestore.runTransaction(async (transaction) => {
    const terms = { firestore, settings, now: clock.now() };
    const release = await releaseFilesOf(terms, transaction, { id: ref.id, projectId });
    transaction.delete(ref, precondition);
    release();
  });
}

/** The object first, read again and compared; then the record's data give way to its name, if the record is still as it
 *  was. An object that no record names yet is found by the next sweep, by its name, or goes with its page. */
async function move({ snapshot, record }: Page, bucket: Bucket): Promise<number> {
  const { data } = record;
  if (data === null) return 0;
  const object = coldName(snapshot.ref, record);
  if ((await bucket.saveIfAbsent(object, data)) === 'existed' && !data.equals((await bucket.read(object)) ?? nothing)) {
    await bucket.delete(object);
    await bucket.saveIfAbsent(object, data);
  }
  if (!data.equals((await bucket.read(object)) ?? nothing)) {
    throw new Error(
      `object ${object} of bucket ${bucket.name} is not what was saved there; its page stays in Firestore`,
    );
  }
  const moved = await ifUnchanged(snapshot, (precondition) =>
    snapshot.ref.update({ data: null, object }, precondition),
  );
  if (moved === 0) await removeStray(snapshot.ref, record, bucket);
  return moved;
}

/** Whoever restored or purged a page while it moved has removed its object perhaps before it was saved: nobody would
 *  look for it again. */
async function removeStray(ref: DocumentReference, record: ArchiveRecord, bucket: Bucket): Promise<void> {
  const current = await ref.get();
  if (current.get('checksum') !== record.checksum) await bucket.delete(coldName(ref, record));
}

const nothing = Buffer.alloc(0);

/** Writes to a record unless it has changed since it was read: 1 if it was written, else 0. */
async function ifUnchanged(
  { updateTime }: DocumentSnapshot,
  write: (precondition: { lastUpdateTime: Timestamp }) => Promise<unknown>,
): Promise<number> {
  if (updateTime === undefined) return 0;
  try {
    await write({ lastUpdateTime: updateTime });
    return 1;
  } catch (error) {
    const status = statusOf(error);
    // Restored or purged meanwhile, or written by this call whose answer was lost: the next sweep sees which.
    if (status === grpcStatus.failedPrecondition || status === grpcStatus.notFound) return 0;
    throw error;
  }
}
