import type { Transaction } from 'firebase-admin/firestore';
import { z } from 'zod';
import { pagesOf } from '../archive/archivePages.ts';
import {
  type ArchiveJob,
  ArchiveJobError,
  archiveJobData,
  archiveJobRef,
  newArchiveJob,
  parseArchiveJob,
} from '../archive/jobs/archiveJob.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { projectIdSchema } from '../events/projectId.ts';
import { encodeArchiveRequest } from '../events/requestedWork.ts';
import { parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import { unlessUnreadable } from './many.ts';
import {
  defineOperation,
  type OperationContext,
  OperationRefusedError,
  type Outcome,
  type Preview,
} from './operation.ts';

const restoreInput = z.strictObject({
  projectId: projectIdSchema,
  /** Another project that the assets come back to. */
  to: projectIdSchema.optional(),
  /** Names of collections; all when missing. */
  collections: z.array(z.string().min(1)).min(1).max(30).optional(),
  /** Only say what would come back, and what is in its way. */
  dryRun: z.boolean().optional(),
});

const purgeInput = z.strictObject({ projectId: projectIdSchema });

/** Has archived assets restored by `reconcileOnRequest`. */
export const restore = defineOperation({
  name: 'restore',
  role: 'operator',
  changes: true,
  summary: 'Brings archived assets of a project back. Creates what is missing; overwrites nothing.',
  input: restoreInput,
  async preview(context, given) {
    await checkRestore(context, given);
    const { what, ...preview } = await countArchived(context, given.projectId, given.collections);
    const isDry = given.dryRun === true;
    return { ...preview, count: isDry ? 0 : preview.count, what: isDry ? `${what}; a dry run restores none` : what };
  },
  async act(context, given) {
    await checkRestore(context, given);
    const { projectId, to, collections, dryRun } = given;
    const target = to === undefined ? `project ${projectId}` : `project ${projectId} into ${to}`;
    return askFor(context, { type: 'restore', projectId, to, collections, dryRun }, target);
  },
});

/** Has all that is archived of a project removed for good. At the terminal only, by whoever administers the Firebase
 *  project: nobody brings it back. */
export const purge = defineOperation({
  name: 'purge',
  role: 'operator',
  changes: true,
  summary: 'Removes for good what is archived of a project, with a certificate in the audit.',
  input: purgeInput,
  preview: (context, { projectId }) => countArchived(context, projectId),
  act: (context, { projectId }) => askFor(context, { type: 'purge', projectId }, `project ${projectId}`),
});

/** The job has the last word; this spares a person the wait for what is known now. */
async function checkRestore(
  { firestore, config }: OperationContext,
  { projectId, to, collections }: z.output<typeof restoreInput>,
): Promise<void> {
  const names = config.collections.map(({ name }) => name);
  const unknown = collections?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const problem = `"${unknown}" is not in lockstep.config.ts; there are: ${names.join(', ')}`;
    throw new OperationRefusedError(problem, 'input.collections');
  }
  const target = to ?? projectId;
  const { desired } = parseProjectRecord(target, (await projectRecordRef(firestore, target).get()).data());
  if (desired.kind !== 'live') {
    const state = desired.kind === 'deleted' ? 'is deleted' : 'is not known';
    const problem = `project ${target} ${state}: create it in MongoDB first, or name another one to restore into`;
    throw new OperationRefusedError(problem, to === undefined ? 'input.projectId' : 'input.to');
  }
}

/** Pages that are counted at most: 1 read each. */
const mostCounted = 1_000;

async function countArchived(
  { firestore }: OperationContext,
  projectId: string,
  collections?: readonly string[],
): Promise<Preview> {
  const query = pagesOf(firestore, projectId, collections ?? null).select('count', 'part.index', 'collection');
  const { docs } = await query.limit(mostCounted).get();
  const pages = docs.filter((page) => !page.get('part.index'));
  const byCollection = Map.groupBy(pages, (page) => String(page.get('collection')));
  const countOf = (some: typeof pages) => some.reduce((sum, page) => sum + Number(page.get('count') ?? 0), 0);
  return {
    count: countOf(pages),
    what: docs.length < mostCounted ? 'archived documents' : 'archived documents at least',
    details: [...byCollection].map(([name, some]) => ({ name, value: countOf(some) })),
  };
}

type Asked = Pick<ArchiveJob, 'type' | 'projectId'> & {
  readonly to?: string | undefined;
  readonly collections?: readonly string[] | undefined;
  readonly dryRun?: boolean | undefined;
};

/** Job, message and audit entry are one transaction. The same request while its job waits or is at work is that job. */
async function askFor(context: OperationContext, asked: Asked, target: string): Promise<Outcome> {
  const { firestore, actor, reason, clock, retentionMs, uniqueId } = context;
  const { name: initiator, via } = actor;
  const job = newArchiveJob({
    ...asked,
    reason,
    initiator,
    via,
    now: clock.now(),
    retentionMs,
    uniqueId: uniqueId(),
  });
  const { value, sequence } = await context.transact(async (transaction, trace) => {
    const same = await sameUnfinished(context, transaction, job);
    const jobId = same?.id ?? job.id;
    if (same === undefined) {
      transaction.create(archiveJobRef(firestore, jobId), archiveJobData(job));
      const { to, collections, dryRun } = job;
      trace.record({ target, before: null, after: { jobId, to, collections, dryRun }, result: 'asked for' });
    }
    // Also for a job that is there: Pub/Sub gives a message up that has failed for long, and two do no harm.
    trace.publish('reconciliationRequests', jobId, encodeArchiveRequest(jobId));
    return { jobId, isNew: same === undefined };
  });
  const result = value.isNew ? `${job.type} asked for` : `the same ${job.type} was asked for before, and is not over`;
  return { result, count: value.isNew ? 1 : 0, sequence, jobId: value.jobId };
}

async function sameUnfinished(
  { firestore }: OperationContext,
  transaction: Transaction,
  wanted: ArchiveJob,
): Promise<ArchiveJob | undefined> {
  const jobs = firestore.collection(recordCollections.jobs);
  const unfinished = jobs.where('type', '==', wanted.type).where('status', 'in', ['pending', 'running']);
  const { docs } = await transaction.get(unfinished);
  const keyOf = ({ projectId, to, collections, dryRun }: ArchiveJob) =>
    JSON.stringify([projectId, to, collections?.toSorted() ?? null, dryRun]);
  const readable = docs.flatMap((found) =>
    unlessUnreadable(() => parseArchiveJob(found.id, found.data()), ArchiveJobError),
  );
  return readable.find((job) => keyOf(job) === keyOf(wanted));
}
