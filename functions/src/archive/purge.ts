import { createHash } from 'node:crypto';
import type { Firestore, QueryDocumentSnapshot, Transaction } from 'firebase-admin/firestore';
import { z } from 'zod';
import type { Transact } from '../audit/trace.ts';
import type { Clock } from '../clock.ts';
import { FileRecordError } from '../files/fileRecords.ts';
import type { FileSettings } from '../files/fileSettings.ts';
import { releaseFilesOf } from '../files/removalOf.ts';
import { errorText, type Log } from '../log.ts';
import { pagesOf } from './archivePages.ts';
import { coldPrefix } from './coldName.ts';
import {
  type ArchiveJob,
  archiveJobData,
  archiveJobRef,
  mostListed,
  type PurgeCertificate,
  parseArchiveJob,
} from './jobs/archiveJob.ts';
import type { JobBudget, JobEnd } from './jobs/budget.ts';
import type { ColdStorage } from './openPage.ts';

export interface PurgeDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly log: Log;
  readonly cold: ColdStorage;
  /** Where files of assets are; undefined where none are configured. */
  readonly files?: FileSettings | undefined;
  /** In the name of whoever asked, so that the certificate is an entry of the audit. */
  readonly transact: Transact;
}

/** Records that one transaction deletes. Where they may name files, each alone: these can be some MiB, and a request of
 *  Firestore takes 10 (https://firebase.google.com/docs/firestore/quotas). */
const recordsAtOnce = { withFiles: 1, without: 20 } as const;

/** Objects that are listed at once. */
const objectsAtOnce = 500;

/** Versions that a certificate lists at most. */
const mostVersions = 100;

/** What is read of a record: not its data. A damaged one is purged like the others. */
const fields = ['version', 'count', 'documents', 'checksum', 'bytes', 'part', 'object'];
const recordSchema = z.looseObject({
  version: z.string().catch('unknown'),
  count: z.number().catch(0),
  documents: z.array(z.string()).nullable().catch(null),
  checksum: z.string().catch(''),
  bytes: z.number().catch(0),
  part: z.looseObject({ index: z.number() }).nullable().catch(null),
  object: z.string().nullable().catch(null),
});

/** Removes for good all that is archived of a project, as far as the time allows: its pages and their objects. The
 *  certificate grows with each transaction; at the end it is an entry of the audit. A page whose files cannot be read
 *  keeps no other one waiting: it stays, and the job fails with its name.
 *  @throws ArchiveJobError, BucketError, PurgeError and what Firestore answered: a redelivered request goes on. */
export async function purge(
  dependencies: PurgeDependencies,
  { id, projectId }: ArchiveJob,
  { deadline, signal }: JobBudget,
): Promise<JobEnd> {
  const { firestore, clock } = dependencies;
  const ref = archiveJobRef(firestore, id);
  const step = (run: Step) =>
    firestore.runTransaction(async (transaction) => {
      const job = parseArchiveJob(id, (await transaction.get(ref)).data());
      if (job.status === 'done' || job.status === 'failed') return false;
      const before = job.certificate ?? {
        projectId,
        pages: 0,
        documents: 0,
        bytes: 0,
        objects: 0,
        versions: [],
        paths: '',
      };
      const after = await run(transaction, before);
      const certificate = after ?? before;
      const processed = certificate.documents;
      transaction.set(
        ref,
        archiveJobData({ ...job, status: 'running', certificate, processed, updatedAt: clock.now() }),
      );
      return after !== undefined;
    });
  const isOver = () => signal.aborted || clock.now() >= deadline;

  const left: Left = new Map();
  for (let passed = 0; ; passed = left.size) {
    if (!(await step((transaction, certificate) => purgeSome(dependencies, transaction, certificate, left)))) break;
    // The next invocation would begin with what this one has passed.
    if (left.size === passed && isOver()) return 'continued';
  }
  while ((await purgeObjects(dependencies, projectId, step)) > 0) {
    if (isOver()) return 'continued';
  }
  await certify(dependencies, id, [...left.values()]);
  return 'done';
}

/** Removes something, and says what has been removed by then; undefined when nothing was left to remove. */
type Step = (transaction: Transaction, certificate: PurgeCertificate) => Promise<PurgeCertificate | undefined>;

/** Pages that stay, in their order: why, by their ids. */
type Left = Map<string, string>;

async function purgeSome(
  { firestore, clock, log, cold, files }: PurgeDependencies,
  transaction: Transaction,
  certificate: PurgeCertificate,
  left: Left,
): ReturnType<Step> {
  const pages = pagesOf(firestore, certificate.projectId);
  const after = [...left.keys()].at(-1);
  const query = after === undefined ? pages : pages.startAfter(after);
  const most = files === undefined ? recordsAtOnce.without : recordsAtOnce.withFiles;
  const { docs } = await transaction.get(query.select(...fields).limit(most));
  if (docs.length === 0) return undefined;
  const next = docs.reduce((sum, page) => withPage(sum, page, cold), certificate);
  const { projectId } = certificate;
  const terms = files && { firestore, settings: files, now: clock.now() };
  // Who erases on demand waits for no grace time.
  const releases: (() => void)[] = [];
  for (const { id, ref } of docs) {
    if (terms === undefined) break;
    try {
      releases.push(await releaseFilesOf(terms, transaction, { id, projectId }, 0));
    } catch (error) {
      if (!(error instanceof FileRecordError)) throw error;
      log.error('a page of the archive is left where it is', { record: ref.path, error: errorText(error) });
      left.set(id, `${ref.path}: ${errorText(error)}`);
      return certificate;
    }
  }
  for (const page of docs) transaction.delete(page.ref);
  for (const release of releases) release();
  return next;
}

/** A page lies where Lockstep cannot reach it. */
export class PurgeError extends Error {}

function withPage(sum: PurgeCertificate, page: QueryDocumentSnapshot, cold: ColdStorage): PurgeCertificate {
  const { version, count, documents, checksum, bytes, part, object } = recordSchema.parse(page.data());
  if (object !== null && cold === null) {
    throw new PurgeError(
      `${page.ref.path} lies in cold storage as ${object}, and ARCHIVE_BUCKET is empty: name the bucket`,
    );
  }
  // Each part of a page says the same of it.
  if (part !== null && part.index > 0) return sum;
  return {
    ...sum,
    pages: sum.pages + 1,
    documents: sum.documents + count,
    bytes: sum.bytes + bytes,
    versions: [...new Set([...sum.versions, version])].sort().slice(0, mostVersions),
    paths: createHash('sha256')
      .update([sum.paths, ...(documents ?? [checksum])].join('\n'))
      .digest('hex'),
  };
}

/** Also objects that no page names, and those of a page that stays: the project's own prefix holds nothing else. */
async function purgeObjects(
  { cold }: PurgeDependencies,
  projectId: string,
  step: (run: Step) => Promise<boolean>,
): Promise<number> {
  if (cold === null) return 0;
  const bucket = await cold();
  const { objects } = await bucket.list({ prefix: coldPrefix(projectId), limit: objectsAtOnce });
  if (objects.length === 0) return 0;
  for (const { name } of objects) await bucket.delete(name);
  await step(async (_, certificate) => ({ ...certificate, objects: certificate.objects + objects.length }));
  return objects.length;
}

/** Ends the job together with the entry that says what was removed. */
async function certify(
  { transact, firestore, clock, log }: PurgeDependencies,
  id: string,
  left: readonly string[],
): Promise<void> {
  const ref = archiveJobRef(firestore, id);
  await transact(async (transaction, trace) => {
    const job = parseArchiveJob(id, (await transaction.get(ref)).data());
    if (job.status !== 'running' || job.certificate === null) return;
    const now = clock.now();
    const { projectId, certificate } = job;
    const status = left.length === 0 ? 'done' : 'failed';
    const errors = left.slice(0, mostListed);
    transaction.set(ref, archiveJobData({ ...job, status, errors, updatedAt: now, finishedAt: now }));
    const after = { jobId: id, ...certificate, versions: [...certificate.versions] };
    const result =
      left.length === 0 ? 'purged from the archive' : `purged from the archive; pages that stay: ${left.length}`;
    trace.record({ target: `project ${projectId}`, before: null, after, result });
    const { pages, documents } = certificate;
    log.info('purge over', { jobId: id, projectId, status, pages, documents, left: left.length });
  });
}
