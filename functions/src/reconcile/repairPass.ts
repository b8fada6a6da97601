import { isDeepStrictEqual } from 'node:util';
import { secondMs, sleep } from '../clock.ts';
import { errorText } from '../log.ts';
import { ProjectRecordError } from '../records/projectRecord.ts';
import { statedEvent } from '../source/statedEvent.ts';
import type { Statement } from '../source/truth.ts';
import { judgeContradictions } from './brakes.ts';
import { repairKinds, type ToRepair } from './findings.ts';
import { progressOf } from './progress.ts';
import { hasCause, isSourceError } from './projectsInMongo.ts';
import { addExample, isOver, type PassEnd, type RepairOutcome, type Run } from './runRecord.ts';
import { judgeOne } from './scan/judgeOne.ts';

/** Too many projects could not be repaired: something is wrong with more than those. The cause is the last error. */
export class RepairError extends Error {
  constructor(failures: number, cause: unknown) {
    super(
      `the repair of ${failures} projects failed; the run stops, and the next one resumes with the projects after them. ` +
        'Remove the cause first: the report names examples',
      { cause },
    );
    this.name = 'RepairError';
  }
}

/** Projects that this invocation could not repair, and whose own fault that need not be. */
export interface Failures {
  count: number;
}

/** The second pass: repairs what the first has found, after the brakes were judged. Each project is looked up in
 *  MongoDB once more, and the worker looks a third time right before it deletes. To repeat what was done before an
 *  interruption does no harm. Unknown ids come last, one at a time, so that they keep nobody waiting. */
export async function repairPass(run: Run): Promise<PassEnd> {
  const { job, request } = run;
  const failures: Failures = { count: 0 };
  if (job.repair.round === 'known') {
    const end = await repairRound(run, failures, ({ what }) => what !== 'unknown-id', run.limits.parallelRepairs);
    if (end.kind !== 'complete') return end;
    job.repair = { ...job.repair, round: 'unknown', chunk: 0, offset: 0 };
  }
  const unknown = job.findings['unknown-id'];
  if (unknown > 0 && unknown <= (job.unknownAllowed ?? 0)) {
    const end = await repairRound(run, failures, ({ what }) => what === 'unknown-id', 1);
    if (end.kind !== 'complete') return end;
  }
  run.log.info('reconciliation repaired what it found', {
    jobId: job.id,
    reason: request.reason,
    ...job.repair.outcomes,
  });
  return { kind: 'complete' };
}

/** Repairs the findings of a kind, batch by batch. */
async function repairRound(
  run: Run,
  failures: Failures,
  isDue: (entry: ToRepair) => boolean,
  parallel: number,
): Promise<PassEnd> {
  const { job, keeper, limits } = run;
  for (; job.repair.chunk < job.chunks; job.repair = { ...job.repair, chunk: job.repair.chunk + 1, offset: 0 }) {
    const entries = (await run.gate.pass(1, () => run.chunkOf(job.repair.chunk))).filter(isDue);
    while (job.repair.offset < entries.length) {
      if (isOver(run)) return { kind: 'out-of-time' };
      const batch = entries.slice(job.repair.offset, job.repair.offset + parallel * batchesAhead);
      const statement = await run.lookups.pass(1, () => run.truth.ask(batch.map(({ projectId }) => projectId)));
      const { finished, failure } = await repairBatch(run, batch, statement, failures, parallel);
      keeper.changed([]);
      if (failure !== undefined) throw failure.error;
      run.onProgress(progressOf(job));
      const brake = judgeContradictions(job.repair.outcomes.contradicted, limits.brakes);
      if (brake) return { kind: 'braked', brake };
      if (finished < batch.length) return { kind: 'out-of-time' };
    }
  }
  return { kind: 'complete' };
}

/** Projects of one question to MongoDB, per project repaired at once: asking is cheap, but the answer should not
 *  age. */
const batchesAhead = 4;

/** What came of one finding. */
type Ending =
  | Exclude<RepairOutcome, { kind: 'exhausted' }>
  /** No longer so at the second look. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'failed'; readonly error: unknown };

interface BatchEnd {
  /** How many, counted from the first, are dealt with. */
  readonly finished: number;
  /** What ended it before its time. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Repairs some projects, a few at once. */
async function repairBatch(
  run: Run,
  batch: readonly ToRepair[],
  statement: Statement,
  failures: Failures,
  parallel: number,
): Promise<BatchEnd> {
  const { repair } = run.job;
  const contradictedBefore = repair.outcomes.contradicted;
  let next = 0;
  let finished = 0;
  const endings = new Map<ToRepair, Ending>();
  let unsteady = false;
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  /** Counts in the order of the findings, each together with the place behind it: whoever keeps the progress keeps
   *  both. What is dealt with behind one that is not is repaired again after an interruption, and counted then. */
  function settle(): void {
    for (let entry = batch[finished]; entry !== undefined; entry = batch[finished]) {
      const ending = endings.get(entry);
      if (ending === undefined) return;
      finished += 1;
      repair.offset += 1;
      // May be the failure that is one too many: the next invocation begins behind it, or never gets on.
      count(run, entry.projectId, ending, failures);
    }
  }
  async function worker(): Promise<void> {
    while (next < batch.length && !unsteady && !isOver({ ...run, signal })) {
      const entry = batch[next];
      next += 1;
      if (entry === undefined) return;
      try {
        endings.set(entry, await repairOne(run, entry, statement, signal));
        settle();
      } catch (error) {
        failed.abort(error);
        throw error;
      }
      const contradicted = [...endings.values()].filter(({ kind }) => kind === 'contradicted').length;
      unsteady = judgeContradictions(contradictedBefore + contradicted, run.limits.brakes) !== undefined;
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: parallel }, worker));
  const errors = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason);
  // The others were cut off because of it, and say so.
  const error: unknown = errors.find((reason) => reason instanceof RepairError) ?? failed.signal.reason;
  return { finished, failure: errors.length > 0 ? { error } : undefined };
}

async function repairOne(
  run: Run,
  { projectId, what }: ToRepair,
  statement: Statement,
  signal: AbortSignal,
): Promise<Ending> {
  const { limits, clock } = run;
  const exists = statement.projects.has(projectId);
  if ((what === 'orphan' || what === 'unknown-id') && exists) return { kind: 'contradicted' };
  // Deleted or created since the first pass: its event is under way, and no brake has judged it.
  if (exists !== (what === 'drift' || what === 'living-record')) return { kind: 'settled' };
  const event = statedEvent(statement, projectId, { channel: 'reconciliation', reason: run.request.reason });
  const graceBegins = clock.now() - limits.graceMs;
  const grace = exists ? {} : { createdBefore: graceBegins };
  const options = { force: true, deadline: run.deadline, signal, ...grace } as const;
  try {
    let outcome = await run.applier.apply(event, options);
    // A worker that is dead brings nothing in step, and one that lives may not know what MongoDB says. One that works
    // for longer than its lease is left to the next run.
    const lastTryAt = outcome.kind === 'deferred' ? outcome.until + clocksDifferMs : 0;
    for (let pause = secondMs; outcome.kind === 'deferred' && lastTryAt < run.deadline; pause *= 2) {
      const left = lastTryAt - clock.now();
      if (left <= 0) break;
      await sleep(clock, Math.min(pause, left), signal);
      outcome = await run.applier.apply(event, options);
    }
    const isDone = outcome.kind === 'applied' || outcome.kind === 'duplicate';
    const left = isDone ? await leftBy(run, projectId, statement, graceBegins) : undefined;
    if (left !== undefined) throw new UnrepairedError(left);
    if (outcome.kind !== 'exhausted') return outcome;
    throw new Error(outcome.lastError ?? `${outcome.attempts} attempts have failed`);
  } catch (error) {
    // What MongoDB did not answer, and what the stop of the run has cut off, is no failure of this project.
    if (isSourceError(error) || signal.aborted) throw error;
    return { kind: 'failed', error };
  }
}

/** A lease ends by another clock, in ms. */
const clocksDifferMs = 5 * secondMs;

/** The repair went well, and what it was for is as it was. */
class UnrepairedError extends Error {
  constructor(left: string) {
    super(`it is as it was after its repair: ${left}`);
    this.name = 'UnrepairedError';
  }
}

/** A second look at a finding after its repair: what is left of it, or undefined. What changed in MongoDB since it was
 *  asked is news, and left to its event. */
async function leftBy(
  run: Run,
  projectId: string,
  { projects }: Statement,
  graceBegins: number,
): Promise<string | undefined> {
  const { project, verdict, snapshot } = await judgeOne(run, projectId, graceBegins);
  if (!isDeepStrictEqual(snapshot, projects.get(projectId))) return undefined;
  const isLeft = repairKinds.some((kind) => kind === verdict.kind);
  if (isLeft) return verdict.findings[0]?.detail ?? verdict.kind;
  if (verdict.kind !== 'young') return undefined;
  // Its tombstone is of a moment ago, which makes the project young, but not its assets.
  const old = [...project.collections.values()].find(({ newestCreatedAt }) => newestCreatedAt <= graceBegins);
  return old && `assets of it are still there (${old.examplePath})`;
}

/** @throws RepairError */
function count(run: Run, projectId: string, ending: Ending, failures: Failures): void {
  const { outcomes } = run.job.repair;
  switch (ending.kind) {
    case 'applied':
      outcomes.applied += 1;
      outcomes.assets += ending.processed;
      return;
    case 'duplicate':
      outcomes.applied += 1;
      return;
    case 'continued':
      outcomes.deferred += 1;
      outcomes.assets += ending.processed;
      return;
    case 'deferred':
    case 'parked':
      outcomes.deferred += 1;
      return;
    case 'contradicted':
      outcomes.contradicted += 1;
      return;
    case 'settled':
      outcomes.settled += 1;
      return;
    case 'held': {
      outcomes.held += 1;
      run.job.findings.held += 1;
      const detail = 'the hold for mass deletions keeps its assets';
      addExample(run, { kind: 'held', projectId, collections: [], path: null, detail });
      return;
    }
    case 'failed':
      recordFailure(run, projectId, ending.error, failures);
  }
}

/** One failed repair does not keep the others waiting; many mean that it is not about the projects. A damaged record is
 *  its project's own, however many there are, and so is what a repair that went well has left: a value that no copy can
 *  have, an asset that refuses its write. */
export function recordFailure(run: Run, what: string, error: unknown, failures: Failures): void {
  const { job, limits, log } = run;
  const text = errorText(error);
  job.repair.outcomes.failed += 1;
  if (job.repair.failures.length < limits.examples) job.repair.failures.push(`${what}: ${text}`);
  log.error('a finding could not be repaired', { jobId: job.id, what, error: text });
  if (hasCause(error, (cause) => cause instanceof ProjectRecordError || cause instanceof UnrepairedError)) return;
  failures.count += 1;
  if (failures.count > limits.maxFailures) throw new RepairError(failures.count, error);
}
