import { randomUUID } from 'node:crypto';
import type { Firestore, Transaction } from 'firebase-admin/firestore';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/defineConfig.ts';
import type { FileSettings } from '../../files/fileSettings.ts';
import { returnFilesOf } from '../../files/removalOf.ts';
import { isRefusedWrite } from '../../grpc.ts';
import { errorText } from '../../log.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import { type ProjectRecord, parseProjectRecord, projectRecordRef } from '../../records/projectRecord.ts';
import { archiveRecordData, archiveRef, recordsOf } from '../archiveRecord.ts';
import { type ArchiveJob, archiveJobData, archiveJobRef, mostListed, parseArchiveJob } from '../jobs/archiveJob.ts';
import { isAsOpened, type OpenedPage, type PageDocument } from '../openPage.ts';
import { packPages } from '../packPages.ts';
import { restoredData, type Standing, standingOf } from './restoredDocument.ts';

/** What one transaction restores at most: documents, and bytes of their text. A request of Firestore takes 10 MiB
 *  (https://firebase.google.com/docs/firestore/quotas), and other writers wait for these documents. */
const documentsAtOnce = 400;
const bytesAtOnce = 4 * 1024 * 1024;

export interface RestoreContext {
  readonly firestore: Firestore;
  readonly config: Config;
  readonly clock: Clock;
  readonly jobId: string;
  /** Where files of assets are; undefined where none are configured. */
  readonly files?: FileSettings | undefined;
  /** Whether MongoDB has the project, as of a few seconds ago at most. */
  readonly lives: (projectId: string) => Promise<boolean>;
}

export type PageEnd =
  | { readonly kind: 'went-on'; readonly job: ArchiveJob }
  /** Somebody else has ended the job. */
  | { readonly kind: 'over'; readonly job: ArchiveJob }
  /** The project does not live: nothing was written. */
  | { readonly kind: 'not-live'; readonly job: ArchiveJob; readonly why: string };

/** What is restored of a page at once. */
interface Slice {
  readonly documents: readonly (PageDocument & { readonly standing: Standing })[];
  /** Those of the page before it, all of which stay, and behind it. */
  readonly before: readonly PageDocument[];
  readonly after: readonly PageDocument[];
}

/** Restores a page, or the next part of it, in one transaction with the job's progress: what is created leaves the
 *  archive, what is in its place already stays in it. The record of the project is read, so that a deletion or a rename
 *  that is folded meanwhile makes this transaction begin anew.
 *  @param most documents at once: fewer where Firestore refuses them, since they are too big, their index entries
 *  included, or one of them is refused by itself: that one stays. */
export async function restorePage(
  context: RestoreContext,
  page: OpenedPage,
  most: number = documentsAtOnce,
): Promise<PageEnd> {
  try {
    return await restoreSlice(context, page, most);
  } catch (error) {
    const fewer = Math.floor(Math.min(most, page.documents.length) / 2);
    if (!isRefusedWrite(error)) throw error;
    if (fewer > 0) return restorePage(context, page, fewer);
    return restoreSlice(context, page, 1, `Firestore refuses it: ${errorText(error)}`);
  }
}

function restoreSlice(context: RestoreContext, page: OpenedPage, most: number, refusal?: string): Promise<PageEnd> {
  const { firestore, config, clock } = context;
  return inJob(context, page.refs[0]?.id ?? '', async (transaction, job) => {
    const to = job.to ?? job.projectId;
    const project = await transaction.get(projectRecordRef(firestore, to));
    const record = parseProjectRecord(to, project.data());
    const why = whyNotLive(record) ?? ((await context.lives(to)) ? undefined : `MongoDB does not have project ${to}`);
    if (why !== undefined) return { kind: 'not-live', job, why };
    // Another worker has changed it since it was opened: it is opened again.
    if (!(await isAsOpened(transaction, page))) return { kind: 'went-on', job };

    const slice = nextSlice(config, page, job, most);
    const judged: readonly Judged[] =
      refusal === undefined
        ? await judge(transaction, context, slice, to)
        : slice.documents.map((document) => ({ document, problem: refusal }));
    const created = judged.filter(({ problem }) => problem === undefined);
    const kept = judged.filter(({ problem }) => problem !== undefined);
    const isEnd = slice.after.length === 0;
    const next: ArchiveJob = {
      ...job,
      processed: job.processed + created.length,
      createdInRound: job.createdInRound + created.length,
      postponed: job.postponed + kept.filter(({ isPostponed }) => isPostponed).length,
      conflicts: job.conflicts + kept.length,
      errors: [...job.errors, ...kept.map(({ document, problem }) => `${document.path}: ${problem}`)].slice(
        0,
        mostListed,
      ),
      cursor: isEnd ? (page.refs[0]?.id ?? null) : job.cursor,
      skip: isEnd ? 0 : job.skip + (job.dryRun ? judged.length : kept.length),
      updatedAt: clock.now(),
    };
    if (job.dryRun || created.length === 0) return { kind: 'went-on', job: next };
    const into = { from: job.projectId, to, desired: record.desired };
    const coming = created.map(({ document }) => ({
      ref: firestore.doc(document.path),
      data: () => restoredData(config, document, document.standing, into),
    }));
    const handFiles = await returnFiles(context, transaction, page, coming);
    for (const { ref, data } of coming) transaction.create(ref, data());
    const left = [...slice.before, ...kept.map(({ document }) => document), ...slice.after];
    const pages = await replacePage(transaction, page, left);
    handFiles?.(pages);
    const objects = [...next.objects, ...page.objects];
    // What had to be divided is behind the cursor perhaps: another round finds it.
    return { kind: 'went-on', job: { ...next, objects, postponed: next.postponed + (pages.length > 1 ? 1 : 0) } };
  });
}

/** Passes over a page that is not restored, in the job's progress.
 *  @param count its documents; one that is damaged says nothing of them that can be relied on. */
export function passPage(context: RestoreContext, pageId: string, problem?: string, count = 1): Promise<PageEnd> {
  return inJob(context, pageId, async (_transaction, job) => ({
    kind: 'went-on',
    job: {
      ...job,
      cursor: pageId,
      skip: 0,
      conflicts: job.conflicts + (problem === undefined ? 0 : count),
      errors: problem === undefined ? job.errors : [...job.errors, problem].slice(0, mostListed),
      updatedAt: context.clock.now(),
    },
  }));
}

/** Runs a step of the job and keeps its progress in the same transaction, unless another worker has done the step. */
function inJob(
  { firestore, jobId }: RestoreContext,
  pageId: string,
  step: (transaction: Transaction, job: ArchiveJob) => Promise<PageEnd>,
): Promise<PageEnd> {
  const ref = archiveJobRef(firestore, jobId);
  return firestore.runTransaction(async (transaction): Promise<PageEnd> => {
    const job = parseArchiveJob(jobId, (await transaction.get(ref)).data());
    if (job.status !== 'running') return { kind: 'over', job };
    if (job.cursor !== null && job.cursor >= pageId) return { kind: 'went-on', job };
    const end = await step(transaction, job);
    if (end.kind === 'went-on' && end.job !== job) transaction.set(ref, archiveJobData(end.job));
    return end;
  });
}

function whyNotLive({ projectId, desired: { kind } }: ProjectRecord): string | undefined {
  switch (kind) {
    case 'live':
      return undefined;
    case 'deleted':
      return `project ${projectId} is deleted: create it again in MongoDB first, or name another one with --to`;
    case 'unknown':
      return `nothing is known of project ${projectId} yet: it has to be created, or changed once, in MongoDB`;
  }
}

function nextSlice(config: Config, { documents }: OpenedPage, { skip, projectId }: ArchiveJob, most: number): Slice {
  let bytes = 0;
  const end = documents.findIndex(({ line }, at) => {
    if (at < skip) return false;
    bytes += Buffer.byteLength(line);
    return at > skip && (bytes > bytesAtOnce || at - skip >= most);
  });
  const behind = end === -1 ? documents.length : end;
  return {
    documents: documents
      .slice(skip, behind)
      .map((document) => ({ ...document, standing: standingOf(config, document, projectId) })),
    before: documents.slice(0, skip),
    after: documents.slice(behind),
  };
}

interface Judged {
  readonly document: Slice['documents'][number];
  /** Why it stays in the archive. */
  readonly problem?: string;
  /** Perhaps not in the next round. */
  readonly isPostponed?: boolean;
}

/** Which documents of a slice can be created. What lies below an asset only where that asset is, and is the
 *  project's: a deletion would not find it otherwise. What is in between may be missing or name no project, as long as
 *  it names no other one. */
async function judge(
  transaction: Transaction,
  { firestore, config }: RestoreContext,
  { documents }: Slice,
  to: string,
): Promise<readonly Judged[]> {
  const above = documents.flatMap(({ standing }) => (standing.kind === 'below' ? standing.assets : []));
  const paths = [...new Set([...documents.map(({ path }) => path), ...above])];
  const owners = [...new Set(config.collections.map(({ projectId }) => projectId))];
  const found = await transaction.getAll(...paths.map((path) => firestore.doc(path)), {
    fieldMask: owners.map(fieldPathOf),
  });
  const there = new Map(found.filter(({ exists }) => exists).map((snapshot) => [snapshot.ref.path, snapshot]));
  const coming = new Set(
    documents.filter(({ path, standing }) => standing.kind === 'asset' && !there.has(path)).map(({ path }) => path),
  );
  return documents.map((document): Judged => {
    const { path, standing } = document;
    if (there.has(path)) return { document, problem: 'exists, and is not overwritten' };
    if (standing.kind === 'asset') return { document };
    if (standing.kind === 'unmanaged') {
      return { document, problem: 'lies in no collection of lockstep.config.ts, so that nothing would delete it' };
    }
    for (const asset of standing.assets) {
      const named = owners.map((owner): unknown => there.get(asset)?.get(fieldPathOf(owner)));
      if (coming.has(asset) || named.includes(to)) return { document };
      const isAnothers = named.some((owner) => typeof owner === 'string' && owner !== '');
      if (isAnothers) return { document, problem: `lies below ${asset}, which is another project's` };
    }
    const missing = standing.assets.find((asset) => !there.has(asset));
    if (missing === undefined) return { document, problem: `lies below ${standing.assets[0]}, which is no asset` };
    return { document, problem: `lies below ${missing}, which does not exist`, isPostponed: true };
  });
}

/** Nothing where no files are configured. */
async function returnFiles(
  { firestore, config, clock, files }: RestoreContext,
  transaction: Transaction,
  { refs }: OpenedPage,
  restored: Parameters<typeof returnFilesOf>[3],
) {
  const page = refs[0]?.id;
  if (files === undefined || page === undefined) return undefined;
  return returnFilesOf({ firestore, config, settings: files, now: clock.now() }, transaction, page, restored);
}

/** A page of what is left, by its first record. */
interface LeftPage {
  readonly page: string;
  readonly documents: readonly { readonly ref: { readonly path: string }; data(): unknown }[];
}

/** Leaves in the archive what is not restored: in several pages where it no longer fits into one. */
async function replacePage(
  transaction: Transaction,
  page: OpenedPage,
  left: readonly PageDocument[],
): Promise<readonly LeftPage[]> {
  const [first, ...others] = page.refs;
  if (first === undefined) throw new Error('a page without a record was opened');
  for (const ref of others) transaction.delete(ref);
  if (left.length === 0) {
    transaction.delete(first);
    return [];
  }
  const { firestore } = first;
  const documents = new Map(left.map(({ path, data }) => [path, { ref: { path }, data: () => data }]));
  const packed = await packPages(left.map(({ path, line }) => ({ path, text: line })));
  return packed.map((one, at): LeftPage => {
    const refs = recordsOf(one, page.record, randomUUID()).map((record, index) => {
      const ref = at === 0 && index === 0 ? first : archiveRef(firestore, page.record, randomUUID());
      transaction.set(ref, archiveRecordData(record));
      return ref;
    });
    return { page: refs[0]?.id ?? '', documents: one.paths.flatMap((path) => documents.get(path) ?? []) };
  });
}
