import type { Config } from '../config/defineConfig.ts';
import { createControlReader } from '../control/control.ts';
import {
  collectionsOf,
  type ReconcileRequest,
  ReconcileRequestError,
  requestKeyOf,
} from '../events/reconciliationRequest.ts';
import { errorText } from '../log.ts';
import { type Brake, brakeForSourceError, judgeSource, reasonToRedeliver, type SourceLook } from './brakes.ts';
import { isFinished, type ReconcileJob, requestOf } from './jobRecord.ts';
import { createJobStore, type JobStore, ReconcileCancelledError, ReconcileLeaseLostError } from './jobStore.ts';
import { newJob } from './newJob.ts';
import { passes } from './passes.ts';
import type { ReconcileProgress } from './progress.ts';
import { createProgressKeeper } from './progressKeeper.ts';
import { createProjectsInMongo, isRefusal, isSourceError, type ProjectsInMongo } from './projectsInMongo.ts';
import { type ReconcileReport, reportOf } from './report.ts';
import type { ReconcileDependencies, Run } from './runRecord.ts';
import { createReadGate } from './scan/readGate.ts';

/** How a run ended. */
export type ReconcileOutcome =
  /** All was scanned, and in mode `clean` repaired. */
  | { readonly kind: 'done'; readonly report: ReconcileReport }
  /** A brake took hold; nothing was deleted after it. */
  | {
      readonly kind: 'braked';
      readonly brake: Brake;
      /** Whether somebody has asked with the job, sees in it what stopped the run, and asks again. */
      readonly isSeen: boolean;
      readonly report: ReconcileReport;
    }
  /** The time is used up, or the run was asked to stop. The next run for the same request resumes it. */
  | { readonly kind: 'continued'; readonly report: ReconcileReport }
  /** A person has cancelled it. What was repaired before stays repaired. */
  | { readonly kind: 'cancelled'; readonly report: ReconcileReport }
  /** Another run holds the lease, until this time (ms since 1970) at least. */
  | { readonly kind: 'busy'; readonly until: number };

export interface ReconcileTask {
  readonly request: ReconcileRequest;
  /** When the invocation has to be over, ms since 1970. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ReconcileProgress) => void;
}

/** Compares all assets with the projects in MongoDB, and in mode `clean` repairs what differs.
 *  Errors of MongoDB end the run with a brake. On every other error progress is kept too, and the next run resumes it.
 *  @throws ReconcileRequestError when the request names something unknown, ReconcileRecordError when a record of an
 *  earlier run cannot be read, and errors of Firestore. */
export async function runReconciliation(
  dependencies: ReconcileDependencies,
  task: ReconcileTask,
): Promise<ReconcileOutcome> {
  const { firestore, config, clock, limits, log } = dependencies;
  const holder = dependencies.uniqueId();
  const store = createJobStore({
    firestore,
    clock,
    holder,
    leaseMs: limits.leaseMs,
    resumeMs: limits.resumeMs,
    retentionMs: limits.jobRetentionMs,
  });
  const asked = task.request.jobId === undefined ? null : await store.requested(task.request.jobId);
  if (asked !== null && isDealtWith(asked)) {
    // Between two invocations nobody else removes it.
    if (asked.status === 'cancelled') await store.forgetFindings(asked);
    return outcomeOf(asked);
  }
  const { jobId: _named, ...said } = task.request;
  const request = (asked && requestOf(asked)) ?? said;
  const collections = await collectionsFor(request, config, asked, store);
  const requestKey = requestKeyOf(request, config);
  // Under another configuration than it began with, a run begins anew.
  const isResumed = asked !== null && !isFinished(asked) && asked.requestKey === requestKey;
  const taken = await store.take(requestKey, isResumed ? asked.id : undefined);
  if (taken.kind === 'busy') {
    log.info('another reconciliation holds the lease', { until: new Date(taken.until).toISOString() });
    return taken;
  }
  const inMongo = createProjectsInMongo(dependencies.source, config);
  const names = collections.map(({ name }) => name);
  const look = await lookAt(inMongo);
  const { database, collection } = config.source;
  const sight = 'brake' in look ? { database, collection, uuid: null, projects: 0 } : look;
  // Of a job that has not begun, only the request is known.
  const unfinished = taken.unfinished?.status === 'pending' ? null : taken.unfinished;
  const before = unfinished?.source ?? taken.state.lastSource;
  const brake = 'brake' in look ? look.brake : judgeSource(look, before, limits.brakes, request.allow ?? {});
  // A report changes nothing, so it goes on to say what a clean run would meet; an empty MongoDB has nothing to say.
  const isBraked =
    brake !== undefined && (request.mode === 'clean' || 'brake' in look || brake.kind === 'source-empty');
  // An unfinished run stays as it is, to be resumed once MongoDB is itself again. One that somebody has asked for ends
  // instead, with all that it has done: its record is where the brake is seen.
  const isLeft = isBraked && unfinished?.request === null;
  const job = (isLeft ? null : unfinished) ?? newJob(dependencies, request, requestKey, sight, names);
  try {
    if (isBraked) return await finish({ job, clock, log }, store, brake);
    job.invocations += 1;
    job.brake = brake ?? job.brake;
    await store.start(job);
    const started = { job, store, inMongo, collections, lastTuples: taken.state.lastTuples };
    return await work(dependencies, { ...task, request }, started);
  } catch (error) {
    if (error instanceof ReconcileCancelledError) {
      await store.drop(job);
      log.info('reconciliation was cancelled', { jobId: job.id, phase: job.phase });
      job.status = 'cancelled';
      return { kind: 'cancelled', report: reportOf(job) };
    }
    if (!(error instanceof ReconcileLeaseLostError)) throw error;
    log.alarm('lease-lost', 'reconciliation stopped, another run has taken its lease', { jobId: job.id });
    return { kind: 'busy', until: clock.now() + limits.leaseMs };
  }
}

/** The collections of a request. What was asked for before the configuration changed may name one that is gone.
 *  @throws ReconcileRequestError */
async function collectionsFor(
  request: ReconcileRequest,
  config: Config,
  asked: ReconcileJob | null,
  store: JobStore,
): Promise<Run['collections']> {
  try {
    return collectionsOf(request, config);
  } catch (error) {
    if (asked !== null && error instanceof ReconcileRequestError) await store.giveUp(asked.id, error.message);
    throw error;
  }
}

interface Started {
  readonly job: ReconcileJob;
  readonly store: JobStore;
  readonly inMongo: ProjectsInMongo;
  readonly collections: Run['collections'];
  readonly lastTuples: Run['lastTuples'];
}

async function work(
  dependencies: ReconcileDependencies,
  task: ReconcileTask,
  started: Started,
): Promise<ReconcileOutcome> {
  const { clock, limits, log } = dependencies;
  const { job, store, inMongo, collections, lastTuples } = started;
  const stop = new AbortController();
  const signal = AbortSignal.any([task.signal, stop.signal]);
  const { saveEveryMs, leaseMs } = limits;
  const onError = (error: unknown) => stop.abort(error);
  const keeper = createProgressKeeper({ store, job, clock, saveEveryMs, leaseMs, onError });
  const run: Run = {
    ...dependencies,
    request: task.request,
    collections,
    job,
    keeper,
    inMongo,
    control: createControlReader(dependencies.firestore, clock),
    lastTuples,
    chunkOf: (chunk) => store.chunk(job, chunk),
    gate: createReadGate({ clock, signal, parallel: limits.parallelQueries, readsPerSecond: limits.readsPerSecond }),
    lookups: createReadGate({ clock, signal, parallel: limits.parallelLookups }),
    signal,
    deadline: task.deadline - limits.closingMs,
    onProgress: task.onProgress ?? (() => undefined),
  };
  const end = await passes(run).catch((error: unknown) => ({ kind: 'failed' as const, error }));
  const waiting = await keeper.stop();
  switch (end.kind) {
    case 'complete':
      return finish(run, store, undefined);
    case 'braked':
      return finish(run, store, end.brake);
    case 'out-of-time':
      return pause(run, store, waiting);
    case 'failed':
      // What breaks off in the middle because of it may say so in words of its own.
      throwIfEnded(stop.signal.reason);
      throwIfEnded(end.error);
      if (isSourceError(end.error)) return finish(run, store, brakeForError(end.error));
      // Asked to stop: whatever broke off in the middle did so because of that.
      if (task.signal.aborted) return pause(run, store, waiting);
      job.lastError = errorText(end.error);
      await pause(run, store, waiting).catch((error: unknown) => {
        log.warn('reconciliation could not keep its progress', { jobId: job.id, error: errorText(error) });
      });
      throw end.error;
  }
}

function throwIfEnded(error: unknown): void {
  if (error instanceof ReconcileLeaseLostError || error instanceof ReconcileCancelledError) throw error;
}

async function lookAt(inMongo: ProjectsInMongo): Promise<SourceLook | { readonly brake: Brake }> {
  try {
    return await inMongo.look();
  } catch (error) {
    if (!isSourceError(error)) throw error;
    return { brake: brakeForError(error) };
  }
}

function brakeForError(error: unknown): Brake {
  return brakeForSourceError(isRefusal(error), errorText(error));
}

/** Whether nothing is left to be done for a request that names this job: it was done, or somebody has cancelled it. Of
 *  a run that nobody has asked for with its job, an unreachable MongoDB ends the job and not the request. */
function isDealtWith(job: ReconcileJob): boolean {
  if (!isFinished(job)) return false;
  return job.status === 'abandoned' ? job.request !== null : reasonToRedeliver(outcomeOf(job)) === undefined;
}

function outcomeOf(job: ReconcileJob): ReconcileOutcome {
  const report = reportOf(job);
  if (job.status === 'cancelled') return { kind: 'cancelled', report };
  if (job.brake === null) return { kind: 'done', report };
  return { kind: 'braked', brake: job.brake, isSeen: job.request !== null, report };
}

async function finish(
  run: Pick<Run, 'job' | 'clock' | 'log'>,
  store: JobStore,
  ended: Brake | undefined,
): Promise<ReconcileOutcome> {
  const { job, clock, log } = run;
  job.brake = ended ?? job.brake;
  job.status = job.brake === null ? 'done' : 'braked';
  job.finishedAt = clock.now();
  await store.finish(job);
  const outcome = outcomeOf(job);
  if (job.brake === null) {
    const { findings, reads, projects } = reportOf(job);
    // A metric counts the finished runs by `signal`.
    log.info('reconciliation done', {
      signal: 'reconciliation-finished',
      jobId: job.id,
      mode: job.mode,
      projects,
      reads,
      findings,
    });
    return outcome;
  }
  const { kind, saw, goOn } = job.brake;
  log.alarm('brake', `reconciliation stopped: ${saw}`, { jobId: job.id, brake: kind, goOn, mode: job.mode });
  return outcome;
}

async function pause(run: Run, store: JobStore, waiting: Parameters<JobStore['pause']>[1]): Promise<ReconcileOutcome> {
  const { job, log } = run;
  await store.pause(job, waiting);
  log.info('reconciliation continues in the next invocation', {
    jobId: job.id,
    phase: job.phase,
    projects: job.projects,
  });
  return { kind: 'continued', report: reportOf(job) };
}
