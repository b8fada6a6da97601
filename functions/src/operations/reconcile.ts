import { isDeepStrictEqual } from 'node:util';
import type { Transaction } from 'firebase-admin/firestore';
import { z } from 'zod';
import type { Json } from '../audit/canonicalJson.ts';
import { recordCollections } from '../config/defineConfig.ts';
import {
  collectionsOf,
  encodeReconciliationRequest,
  type ReconcileRequest,
  ReconcileRequestError,
} from '../events/reconciliationRequest.ts';
import { parseJob, type ReconcileJob, ReconcileRecordError, requestOf } from '../reconcile/jobRecord.ts';
import { defaultReconcileLimits } from '../reconcile/limits.ts';
import { openCancellation, requestedJob } from '../reconcile/requestedJob.ts';
import { documentIdFrom, hasDocumentId } from '../records/documentIds.ts';
import { unlessUnreadable } from './many.ts';
import {
  defineOperation,
  type OperationContext,
  OperationRefusedError,
  type Outcome,
  type Preview,
} from './operation.ts';
import { projectIdsInput } from './projectIds.ts';

const count = z.number().int().min(0);

const reconcileInput = z.strictObject({
  /** `report` changes no asset. */
  mode: z.enum(['report', 'clean']),
  /** Names of collections; all when missing. */
  collections: z.array(z.string()).min(1).optional(),
  /** All when missing. */
  projectIds: projectIdsInput.optional(),
  /** Also find what lies below documents that do not exist. */
  phantoms: z.boolean().optional(),
  /** Also find files that no asset names. */
  files: z.boolean().optional(),
  /** In mode `clean`, has those of them removed that are older. */
  filesOlderThanDays: z.number().int().min(1).max(3_650).optional(),
  /** To go on past a brake, once and on purpose. */
  allow: z
    .strictObject({
      orphans: count.optional(),
      unknownIds: count.optional(),
      phantoms: count.optional(),
      files: count.optional(),
      shrink: z.boolean().optional(),
      source: z.boolean().optional(),
    })
    .optional(),
});

type Input = z.output<typeof reconcileInput>;

const shared = {
  name: 'reconcile',
  role: 'operator',
  changes: true,
  summary: 'Compares the assets with the projects in MongoDB, and reports or repairs what differs.',
  input: reconcileInput,
  preview,
} as const;

/** Has a reconciliation done by `reconcileOnRequest`. */
export const reconcile = defineOperation({
  ...shared,
  act: (context, given) => askForRun(context, requestFrom(context, given), 'publish'),
});

/** The same, for whoever does the work: nothing is published, and the outcome names the job to run. */
export const reconcileHere = defineOperation({
  ...shared,
  act: (context, given) => askForRun(context, requestFrom(context, given), 'here'),
});

function requestFrom({ actor, reason, config }: OperationContext, given: Input): ReconcileRequest {
  const { mode, collections, projectIds, phantoms, files, filesOlderThanDays, allow } = given;
  const request: ReconcileRequest = {
    mode,
    reason,
    actor: actor.name,
    ...(collections && { collections: [...new Set(collections)] }),
    ...(projectIds && { projectIds: [...new Set(projectIds)] }),
    ...(phantoms && { phantoms }),
    ...(files && { files }),
    ...(filesOlderThanDays !== undefined && { filesOlderThanDays }),
    ...(allow && { allow }),
  };
  try {
    collectionsOf(request, config);
  } catch (error) {
    if (!(error instanceof ReconcileRequestError)) throw error;
    const isAboutFiles = files === true || filesOlderThanDays !== undefined;
    const field = isAboutFiles ? 'files' : phantoms && projectIds ? 'phantoms' : 'collections';
    throw new OperationRefusedError(error.message, `input.${field}`);
  }
  return request;
}

async function preview(context: OperationContext, given: Input): Promise<Preview> {
  const { mode, projectIds, collections } = requestFrom(context, given);
  const projects = projectIds?.length ?? (await countProjects(context));
  const details = [
    { name: 'projects', value: projects },
    { name: 'collections', value: collections?.join(', ') ?? 'all' },
  ];
  if (mode === 'report') return { count: 0, what: 'projects; a report changes no asset', details };
  const what = 'projects, whose assets are repaired where they differ';
  return { count: projects, what, moves: projectIds === undefined, details };
}

async function countProjects({ firestore }: OperationContext): Promise<number> {
  return (await firestore.collection(recordCollections.projects).count().get()).data().count;
}

/** Asks for a run: its job, its message and the audit entry are one transaction. The same request while its run
 *  waits or is at work is that run. */
export async function askForRun(
  context: OperationContext,
  request: ReconcileRequest,
  how: 'publish' | 'here',
): Promise<Outcome> {
  const limits = { ...defaultReconcileLimits, jobRetentionMs: context.retentionMs };
  const { value, sequence } = await context.transact(async (transaction, trace) => {
    const unfinished = await sameUnfinishedRun(context, transaction, request);
    if (unfinished !== undefined) {
      const { id: jobId, mode, reason } = unfinished;
      const message = encodeReconciliationRequest({ jobId, mode, reason }, { reason: 'operator', mode });
      // Whoever asked may have died before it published, and Pub/Sub gives a message up that has failed for long. Two
      // do no harm.
      if (how === 'publish') trace.publish('reconciliationRequests', jobId, message);
      return { jobId, isNew: false };
    }
    const asked = requestedJob({ ...context, limits }, request);
    asked.create(transaction);
    trace.record({
      target: targetOf(request),
      before: null,
      after: { jobId: asked.jobId, ...withoutUndefined(request) },
      result: 'asked for',
    });
    if (how === 'publish') trace.publish('reconciliationRequests', asked.jobId, asked.message);
    return { jobId: asked.jobId, isNew: true };
  });
  return {
    result: value.isNew
      ? `${request.mode} asked for`
      : `the same ${request.mode} was asked for before, and is not over`,
    count: value.isNew ? 1 : 0,
    sequence,
    jobId: value.jobId,
  };
}

/** Runs that wait or are at work: a handful at most. */
async function sameUnfinishedRun(
  { firestore }: OperationContext,
  transaction: Transaction,
  { reason: _reason, actor: _actor, ...wanted }: ReconcileRequest,
): Promise<ReconcileJob | undefined> {
  const jobs = firestore.collection(recordCollections.jobs);
  const unfinished = await transaction.get(
    jobs.where('type', 'in', ['reconciliation', 'verification']).where('status', 'in', ['pending', 'running']),
  );
  return unfinished.docs
    .flatMap((document) => unlessUnreadable(() => parseJob(document.id, document.data()), ReconcileRecordError))
    .find((job) => {
      const request = requestOf(job);
      if (request === null) return false;
      const { reason: _why, actor: _who, jobId: _job, ...asked } = request;
      return isDeepStrictEqual(normal(asked), normal(wanted));
    });
}

/** Two requests that ask for the same are equal in this form. */
function normal(request: Omit<ReconcileRequest, 'reason'>): Json {
  const { collections, projectIds, phantoms = false, files = false, samples = null, allow = {}, mode } = request;
  return {
    mode,
    collections: collections?.toSorted() ?? null,
    projectIds: projectIds?.toSorted() ?? null,
    phantoms,
    files,
    filesOlderThanDays: request.filesOlderThanDays ?? null,
    samples,
    allow: withoutUndefined(allow),
  };
}

function withoutUndefined(value: object): { readonly [name: string]: Json } {
  return z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(value)));
}

function targetOf({ collections, projectIds }: ReconcileRequest): string {
  const parts = [
    ...(collections ? [`collections ${collections.join(', ')}`] : []),
    ...(projectIds ? [projectIds.length === 1 ? `project ${projectIds[0]}` : `${projectIds.length} projects`] : []),
  ];
  return parts.length === 0 ? 'all projects' : parts.join('; ');
}

export const cancelReconciliation = defineOperation({
  name: 'cancel-reconciliation',
  role: 'operator',
  changes: true,
  summary: 'Ends a reconciliation or a verification that waits or is at work; what was repaired stays repaired.',
  input: z.strictObject({
    jobId: z.string().refine((id) => hasDocumentId(id) && documentIdFrom(id) === id, 'is not the id of a job'),
  }),
  async preview({ firestore, clock }, { jobId }) {
    const { cancellation } = await firestore.runTransaction(
      (transaction) => openCancellation({ firestore, clock }, transaction, jobId),
      { readOnly: true },
    );
    if (cancellation.kind === 'missing') throw missing(jobId);
    const was = cancellation.kind === 'cancelled' ? cancellation.was : cancellation.status;
    return {
      count: cancellation.kind === 'cancelled' ? 1 : 0,
      what: 'run to end',
      details: [{ name: 'status', value: was }],
    };
  },
  async act({ firestore, clock, transact }, { jobId }) {
    const { value, sequence } = await transact(async (transaction, trace) => {
      const { cancellation, write } = await openCancellation({ firestore, clock }, transaction, jobId);
      if (cancellation.kind !== 'cancelled') return cancellation;
      write();
      trace.record({
        target: `job ${jobId}`,
        before: { status: cancellation.was },
        after: { status: 'cancelled' },
        result: 'cancelled',
      });
      return cancellation;
    });
    switch (value.kind) {
      case 'missing':
        throw missing(jobId);
      case 'already-finished':
        return { result: `was over before: ${value.status}`, count: 0, sequence, jobId };
      case 'cancelled':
        return { result: 'cancelled', count: 1, sequence, jobId };
    }
  },
});

function missing(jobId: string): OperationRefusedError {
  return new OperationRefusedError(`there is no reconciliation "${jobId}"`, 'input.jobId');
}
