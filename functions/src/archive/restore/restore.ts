import type { DocumentReference } from 'firebase-admin/firestore';
import { secondMs } from '../../clock.ts';
import { recordCollections } from '../../config/defineConfig.ts';
import { encodeEvent } from '../../events/codec.ts';
import type { Log } from '../../log.ts';
import type { Publisher } from '../../publisher.ts';
import { statedEvent } from '../../source/statedEvent.ts';
import type { ProjectTruth } from '../../source/truth.ts';
import { pagesOf } from '../archivePages.ts';
import { type ArchiveJob, archiveJobData, archiveJobRef, parseArchiveJob } from '../jobs/archiveJob.ts';
import type { JobBudget, JobEnd } from '../jobs/budget.ts';
import { removeObjects } from '../jobs/removeObjects.ts';
import { type ColdStorage, openPage } from '../openPage.ts';
import { type PageEnd, passPage, type RestoreContext, restorePage } from './restorePage.ts';

export interface RestoreDependencies extends Omit<RestoreContext, 'jobId' | 'lives'> {
  readonly truth: ProjectTruth;
  readonly cold: ColdStorage;
  /** The topic of events. */
  readonly events: Pick<Publisher, 'publish'>;
  readonly log: Log;
}

/** How old the word of MongoDB may be on whether the project lives, in ms. */
const answerAgeMs = 10 * secondMs;

/** Pages whose names are read at once. */
const pagesAtOnce = 50;

/** Restores archived assets, as far as the time allows. It needs no lease: each transaction reads the job, and does the
 *  next thing to do, whoever else is at it.
 *  @throws ArchiveJobError, MongoError, BucketError and what Firestore answered: a redelivered request goes on. */
export async function restore(
  dependencies: RestoreDependencies,
  begun: ArchiveJob,
  { deadline, signal }: JobBudget,
): Promise<JobEnd> {
  const { firestore, clock, cold } = dependencies;
  const context: RestoreContext = { ...dependencies, jobId: begun.id, lives: livesInMongo(dependencies) };
  let job = await started(context);
  while (job.status === 'running') {
    await removeObjects(context, cold, job);
    const ids = await nextPages(job);
    if (ids.length === 0) {
      if (needsAnotherRound(job)) job = await nextRound(context);
      else return finish(dependencies, job, 'done');
    }
    for (const ref of ids) {
      if (signal.aborted || clock.now() >= deadline) return 'continued';
      const end = await takePage(context, cold, ref, job);
      job = end.job;
      if (end.kind === 'not-live') return finish(dependencies, job, 'failed', end.why);
      if (end.kind === 'over') return 'done';
      // A part of the page is left, or an object of it is to go.
      if (job.cursor !== ref.id || job.objects.length > 0) break;
    }
  }
  return 'done';

  async function nextPages({ projectId, collections, cursor }: ArchiveJob) {
    const pages = pagesOf(firestore, projectId, collections).select();
    const from =
      cursor === null ? pages : pages.startAfter(firestore.collection(recordCollections.archive).doc(cursor));
    return (await from.limit(pagesAtOnce).get()).docs.map((page) => page.ref);
  }
}

async function takePage(
  context: RestoreContext,
  cold: ColdStorage,
  ref: DocumentReference,
  job: ArchiveJob,
): Promise<PageEnd> {
  const opened = await openPage(ref, cold);
  if (opened.kind === 'damaged') return passPage(context, ref.id, opened.problem);
  if (opened.kind !== 'page') return passPage(context, ref.id);
  const { projectId, expireAt, count } = opened.page.record;
  if (projectId !== job.projectId) return passPage(context, ref.id);
  if (expireAt > context.clock.now()) return restorePage(context, opened.page);
  const problem = `${ref.path}: its retention has ended at ${new Date(expireAt).toISOString()}`;
  return passPage(context, ref.id, problem, count);
}

/** Marks the job as begun, with what there is to do. */
async function started({ firestore, clock, jobId }: RestoreContext): Promise<ArchiveJob> {
  const ref = archiveJobRef(firestore, jobId);
  return firestore.runTransaction(async (transaction) => {
    const job = parseArchiveJob(jobId, (await transaction.get(ref)).data());
    if (job.status !== 'pending') return job;
    const pages = await transaction.get(
      pagesOf(firestore, job.projectId, job.collections).select('count', 'part.index'),
    );
    const total = pages.docs
      .filter((page) => !page.get('part.index'))
      .reduce((sum, page) => sum + Number(page.get('count') ?? 0), 0);
    const next: ArchiveJob = { ...job, status: 'running', total, updatedAt: clock.now() };
    transaction.set(ref, archiveJobData(next));
    return next;
  });
}

/** What lay below an asset may have been met before it. */
function needsAnotherRound({ postponed, createdInRound, dryRun }: ArchiveJob): boolean {
  return !dryRun && postponed > 0 && createdInRound > 0;
}

function nextRound({ firestore, jobId }: RestoreContext): Promise<ArchiveJob> {
  const ref = archiveJobRef(firestore, jobId);
  return firestore.runTransaction(async (transaction) => {
    const job = parseArchiveJob(jobId, (await transaction.get(ref)).data());
    if (!needsAnotherRound(job)) return job;
    const cleared = { cursor: null, skip: 0, createdInRound: 0, postponed: 0, conflicts: 0, errors: [] };
    const next: ArchiveJob = { ...job, ...cleared, round: job.round + 1 };
    transaction.set(ref, archiveJobData(next));
    return next;
  });
}

function livesInMongo({ truth, clock }: RestoreDependencies): RestoreContext['lives'] {
  let newest: { readonly askedAt: number; readonly lives: boolean } | undefined;
  return async (projectId) => {
    if (newest === undefined || clock.now() - newest.askedAt > answerAgeMs) {
      const askedAt = clock.now();
      newest = { askedAt, lives: (await truth.ask([projectId])).projects.has(projectId) };
    }
    return newest.lives;
  };
}

/** Ends the job. A project can be deleted right after MongoDB was asked for the last time, and what was created since
 *  is not that deletion's: so MongoDB is asked once more, after everything was created. If the project is gone, its
 *  deletion is published as of now, before the job says that it is over: a crash in between asks again. */
async function finish(
  { firestore, clock, truth, events, log }: RestoreDependencies,
  { id, projectId, to, processed, dryRun }: ArchiveJob,
  status: 'done' | 'failed',
  why?: string,
): Promise<'done'> {
  const target = to ?? projectId;
  if (processed > 0 && !dryRun) {
    const statement = await truth.ask([target]);
    if (!statement.projects.has(target)) {
      const origin = { channel: 'restore', reason: 'deleted while its assets were restored' };
      await events.publish(encodeEvent(statedEvent(statement, target, origin)));
      log.warn('a project was deleted while its assets were restored; its deletion is published again', {
        projectId: target,
        jobId: id,
        version: statement.version,
      });
    }
  }
  const ref = archiveJobRef(firestore, id);
  await firestore.runTransaction(async (transaction) => {
    const job = parseArchiveJob(id, (await transaction.get(ref)).data());
    if (job.status !== 'running') return;
    const errors = why === undefined ? job.errors : [why, ...job.errors];
    const now = clock.now();
    transaction.set(ref, archiveJobData({ ...job, status, errors, updatedAt: now, finishedAt: now }));
  });
  log.info('restore over', { jobId: id, projectId: target, status, documents: processed });
  return 'done';
}
