import { collectionsOf, type ReconcileRequest, requestKeyOf } from '../events/reconciliationRequest.ts';
import { errorText } from '../log.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import {
  type Brake,
  brakeForSourceError,
  judgeOrphans,
  judgeSource,
  type OrphansFound,
  type SourceLook,
  type SourceSight,
} from './brakes.ts';
import { noFindings } from './findings.ts';
import type { ReconcileJob } from './jobRecord.ts';
import { createJobStore, type JobStore, ReconcileLeaseLostError } from './jobStore.ts';
import { judgedProjectsOf, orphansOf, type ReconcileProgress } from './progress.ts';
import { createProgressKeeper } from './progressKeeper.ts';
import { createProjectsInMongo, isRefusal, isSourceError, type ProjectsInMongo } from './projectsInMongo.ts';
import { mendPass } from './repairPass.ts';
import { type ReconcileReport, reportOf } from './report.ts';
import { addExample, isOver, type PassEnd, type ReconcileDependencies, type Run } from './runRecord.ts';
import { addChecksums, checksumFromText, checksumText, emptyChecksum, tupleChecksum } from './scan/checksum.ts';
import { rangesFromSample, rangesOfProjects, samplesPerRange } from './scan/idRanges.ts';
import { createReadGate } from './scan/readGate.ts';
import { indexesOf, scanPass } from './scan/scanPass.ts';

/** How a run ended. */
export type ReconcileOutcome =
  /** All was looked at, and in mode `clean` mended. */
  | { readonly kind: 'done'; readonly report: ReconcileReport }
  /** A brake took hold; nothing was deleted after it. */
  | { readonly kind: 'braked'; readonly brake: Brake; readonly report: ReconcileReport }
  /** The time is used up, or the run was asked to stop. The next run for the same request goes on where this one ended. */
  | { readonly kind: 'continued'; readonly report: ReconcileReport }
  /** Another run is at work, until this time (ms since 1970) at least. */
  | { readonly kind: 'busy'; readonly until: number };

export interface ReconcileTask {
  readonly request: ReconcileRequest;
  /** When the invocation has to be over, ms since 1970. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ReconcileProgress) => void;
}

/** Compares all assets with the projects in MongoDB, and in mode `clean` mends what differs.
 *  @throws ReconcileRequestError when the request names what there is not, ReconcileRecordError when a record of an earlier run cannot be read, and errors of
 *  Firestore. Progress is kept then too, and the next run goes on from there. Errors of MongoDB end the run with a brake instead. */
export async function runReconciliation(
  dependencies: ReconcileDependencies,
  task: ReconcileTask,
): Promise<ReconcileOutcome> {
  const { firestore, config, clock, limits, log } = dependencies;
  const { request } = task;
  const collections = collectionsOf(request, config);
  const requestKey = requestKeyOf(request, config);
  const holder = dependencies.uniqueId();
  const store = createJobStore({ firestore, clock, holder, leaseMs: limits.leaseMs, resumeMs: limits.resumeMs });
  const taken = await store.take(requestKey);
  if (taken.kind === 'busy') {
    log.info('reconciliation leaves: another run is at work', { until: new Date(taken.until).toISOString() });
    return taken;
  }
  const inMongo = createProjectsInMongo(dependencies.source, config);
  const names = collections.map(({ name }) => name);
  const sight = await look(inMongo);
  if ('brake' in sight) {
    const { database, collection } = config.source;
    const unseen = newJob(dependencies, request, requestKey, { database, collection, uuid: null, projects: 0 }, names);
    return finish({ job: unseen, clock, log }, store, sight.brake);
  }
  const before = taken.unfinished?.source ?? taken.state.lastSource;
  const brake = judgeSource(sight, before, limits.brakes, request.allow ?? {});
  // A report harms nobody, so it goes on to tell what a clean run would meet; but an empty MongoDB has nothing to tell.
  if (brake && (request.mode === 'clean' || brake.kind === 'source-empty')) {
    // An unfinished run stays as it is, for when MongoDB is itself again.
    return finish({ job: newJob(dependencies, request, requestKey, sight, names), clock, log }, store, brake);
  }
  const job = taken.unfinished ?? newJob(dependencies, request, requestKey, sight, names);
  job.invocations += 1;
  job.brake = brake ?? job.brake;
  return work(dependencies, task, { job, store, inMongo, collections, lastTuples: taken.state.lastTuples });
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
  try {
    switch (end.kind) {
      case 'complete':
        return await finish(run, store, undefined);
      case 'braked':
        return await finish(run, store, end.brake);
      case 'out-of-time':
        return await pause(run, store, waiting);
      case 'failed':
        if (end.error instanceof ReconcileLeaseLostError) throw end.error;
        if (isSourceError(end.error)) return await finish(run, store, brakeForError(end.error));
        // Asked to stop: whatever broke off in the middle did so because of that.
        if (task.signal.aborted) return await pause(run, store, waiting);
        job.lastError = errorText(end.error);
        await pause(run, store, waiting).catch((error: unknown) => {
          log.warn('the progress of reconciliation could not be kept', { jobId: job.id, error: errorText(error) });
        });
        throw end.error;
    }
  } catch (error) {
    if (!(error instanceof ReconcileLeaseLostError)) throw error;
    log.alarm('lease-lost', 'reconciliation stopped: another run has taken over', { jobId: job.id });
    return { kind: 'busy', until: clock.now() + limits.leaseMs };
  }
}

/** Both passes, as far as the time allows. */
async function passes(run: Run): Promise<PassEnd> {
  const { job, request, limits } = run;
  if (job.ranges.length === 0) {
    await plan(run);
    run.keeper.changed([]);
  }
  if (job.phase === 'scan') {
    const scanned = await scanPass(run);
    if (scanned.kind !== 'complete') return scanned;
    const brake = await judgeScan(run);
    if (brake) return { kind: 'braked', brake };
    if (job.brake !== null || request.mode === 'report') return { kind: 'complete' };
    job.phase = 'mend';
  } else {
    const again = judgeOrphans(scanResult(run), limits.brakes, request.allow ?? {});
    if (again) return { kind: 'braked', brake: again };
  }
  await run.keeper.flush();
  return isOver(run) ? { kind: 'out-of-time' } : mendPass(run);
}

const scanResult = ({ job, request }: Run): OrphansFound => ({
  orphans: orphansOf(job),
  projects: judgedProjectsOf(job),
  complete: true,
  named: request.projectIds !== undefined,
});

/** After the first pass and before the second: is what was found believable, and is MongoDB still what it was? */
async function judgeScan(run: Run): Promise<Brake | undefined> {
  const { job, limits, request } = run;
  const allowed = request.allow ?? {};
  const tooMany = judgeOrphans(scanResult(run), limits.brakes, allowed);
  if (tooMany) return tooMany;
  return judgeSource(await run.inMongo.look(), job.source, limits.brakes, { ...allowed, shrink: false, source: false });
}

/** Counts the collections and cuts the project ids into ranges. */
async function plan(run: Run): Promise<void> {
  const { job, request, limits, inMongo } = run;
  // An invocation that ended in the middle of this may have left a part of it.
  job.findings = noFindings();
  job.examples = [];
  job.checksum.assets = checksumText(emptyChecksum);
  if (request.projectIds !== undefined) {
    job.ranges = rangesOfProjects(request.projectIds).map((range) => ({ ...range, done: false }));
    for (const tally of job.collections) tally.lacksCopies = hasCopies(run, tally.name);
    return;
  }
  const ranges = Math.max(1, Math.min(limits.ranges, Math.ceil(job.source.projects / limits.projectsPerRange)));
  const [sample] = await Promise.all([
    ranges > 1 ? run.lookups.pass(1, () => inMongo.sample(ranges * samplesPerRange)) : [],
    ...indexesOf(run).map((index) => countCollection(run, index)),
  ]);
  job.ranges = rangesFromSample(sample, ranges).map((range) => ({ ...range, done: false }));
}

function hasCopies(run: Run, name: string): boolean {
  return Object.keys(run.collections.find((collection) => collection.name === name)?.copies ?? {}).length > 0;
}

async function countCollection(run: Run, index: ReturnType<typeof indexesOf>[number]): Promise<void> {
  const { job, limits } = run;
  const { name, projectId } = index.collection;
  const counts = await index.countAll();
  const tally = job.collections.find((collection) => collection.name === name);
  if (tally === undefined) return;
  tally.assets = counts.assets;
  tally.lacksCopies = counts.withText.tuples !== counts.withText.ids;
  const missing = counts.assets - counts.withProjectId;
  const unusable = counts.withProjectId - counts.withText.ids;
  job.findings['missing-project-id'] += missing;
  job.findings['unusable-project-id'] += unusable;
  // Assets that belong to no project count on the side of the assets only.
  const odd = [
    { kind: 'missing', count: missing },
    { kind: 'unusable', count: unusable },
  ].reduce(
    (sum, { kind, count }) => (count > 0 ? addChecksums(sum, tupleChecksum(name, '', [kind, count])) : sum),
    emptyChecksum,
  );
  job.checksum.assets = checksumText(addChecksums(checksumFromText(job.checksum.assets), odd));
  if (missing > 0) {
    const detail = `${missing} assets have no field ${projectId}; they are in no index, so only their number is known`;
    addExample(run, { kind: 'missing-project-id', projectId: null, collections: [name], path: null, detail });
  }
  if (unusable === 0) return;
  for (const asset of await index.unusable(limits.examples)) {
    const detail = `${projectId} is ${describe(asset.projectId)}`;
    addExample(run, { kind: 'unusable-project-id', projectId: null, collections: [name], path: asset.path, detail });
  }
}

function describe(value: unknown): string {
  if (value === '') return 'empty text';
  if (value === null) return 'null';
  return `not text (${Array.isArray(value) ? 'array' : typeof value})`;
}

async function look(inMongo: ProjectsInMongo): Promise<SourceLook | { readonly brake: Brake }> {
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
  const report = reportOf(job);
  if (job.brake === null) {
    const { findings, reads, projects, checksum } = report;
    // A metric counts the runs that came to their end by `signal`.
    log.info('reconciliation done', {
      signal: 'reconciliation-finished',
      jobId: job.id,
      mode: job.mode,
      projects,
      reads,
      findings,
      checksum,
    });
    return { kind: 'done', report };
  }
  const { kind, saw, goOn } = job.brake;
  log.alarm('brake', `reconciliation stopped: ${saw}`, { jobId: job.id, brake: kind, goOn, mode: job.mode });
  return { kind: 'braked', brake: job.brake, report };
}

async function pause(run: Run, store: JobStore, waiting: Parameters<JobStore['pause']>[1]): Promise<ReconcileOutcome> {
  const { job, log } = run;
  await store.pause(job, waiting);
  log.info('reconciliation goes on in the next invocation', {
    jobId: job.id,
    phase: job.phase,
    projects: job.projects,
  });
  return { kind: 'continued', report: reportOf(job) };
}

function newJob(
  { clock, uniqueId }: ReconcileDependencies,
  request: ReconcileRequest,
  requestKey: string,
  { database, collection, uuid, projects }: SourceSight,
  collections: readonly string[],
): ReconcileJob {
  const now = clock.now();
  const zero = checksumText(emptyChecksum);
  return {
    id: `reconciliation-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${uniqueId()}`,
    schemaVersion,
    type: 'reconciliation',
    requestKey,
    mode: request.mode,
    reason: request.reason,
    status: 'running',
    phase: 'scan',
    startedAt: now,
    updatedAt: now,
    finishedAt: null,
    invocations: 0,
    lastError: null,
    source: { database, collection, uuid, projects },
    ranges: [],
    collections: collections.map((name) => ({
      name,
      assets: null,
      lacksCopies: false,
      projects: 0,
      tuples: 0,
      reads: { hops: 0, counts: 0, closer: 0 },
    })),
    projects: 0,
    young: 0,
    waste: 0,
    recordReads: 0,
    lookups: 0,
    findings: noFindings(),
    examples: [],
    checksum: { assets: zero, truth: zero },
    brake: null,
    chunks: 0,
    mend: {
      chunk: 0,
      offset: 0,
      outcomes: { applied: 0, assets: 0, deferred: 0, settled: 0, contradicted: 0, held: 0, failed: 0 },
      failures: [],
    },
    origin: { service: 'lockstep', channel: 'reconciliation' },
  };
}
