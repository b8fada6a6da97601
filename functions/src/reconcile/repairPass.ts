import { errorText } from '../log.ts';
import { ProjectRecordError } from '../records/projectRecord.ts';
import type { Statement } from '../source/truth.ts';
import type { ApplyOutcome } from './applier.ts';
import { judgeContradictions } from './brakes.ts';
import type { ToMend } from './findings.ts';
import { progressOf } from './progress.ts';
import { hasCause, isSourceError } from './projectsInMongo.ts';
import { mendingEvent } from './repairEvent.ts';
import { addExample, isOver, type PassEnd, type Run } from './runRecord.ts';

/** Too many projects could not be mended: something is wrong with more than those. The cause is the last error. */
export class MendingError extends Error {
  constructor(failures: number, cause: unknown) {
    super(
      `the mending of ${failures} projects failed; the run stops, and goes on with the projects after them when it is started again. ` +
        'Mend the cause first: the report names examples',
      { cause },
    );
    this.name = 'MendingError';
  }
}

/** Projects that this invocation could not mend, and whose own fault that need not be. */
interface Failures {
  count: number;
}

/** The second pass: mends what the first has found and kept, after the brakes were judged. Each project is looked up in MongoDB once more, and the
 *  code that applies it looks a third time right before it deletes. Whatever was done before an interruption is done again without harm. */
export async function mendPass(run: Run): Promise<PassEnd> {
  const { job, keeper, request, limits } = run;
  const failures: Failures = { count: 0 };
  for (; job.mend.chunk < job.chunks; job.mend = { ...job.mend, chunk: job.mend.chunk + 1, offset: 0 }) {
    const entries = await run.gate.pass(1, () => run.chunkOf(job.mend.chunk));
    while (job.mend.offset < entries.length) {
      if (isOver(run)) return { kind: 'out-of-time' };
      const batch = entries.slice(job.mend.offset, job.mend.offset + limits.parallelMending * batchesAhead);
      const statement = await run.lookups.pass(1, () => run.truth.ask(batch.map(({ projectId }) => projectId)));
      const { finished, failure } = await mendBatch(run, batch, statement, failures);
      job.mend.offset += finished;
      keeper.changed([]);
      if (failure !== undefined) throw failure.error;
      run.onProgress(progressOf(job));
      const brake = judgeContradictions(job.mend.outcomes.contradicted, limits.brakes);
      if (brake) return { kind: 'braked', brake };
      if (finished < batch.length) return { kind: 'out-of-time' };
    }
  }
  run.log.info('reconciliation mended what it found', { jobId: job.id, reason: request.reason, ...job.mend.outcomes });
  return { kind: 'complete' };
}

/** Projects of one question to MongoDB, per project that is mended at once: asking is cheap, but the answer should not age. */
const batchesAhead = 4;

interface BatchEnd {
  /** How many, counted from the first, need not be looked at again. */
  readonly finished: number;
  /** What ended it before its time. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Mends some projects, a few at once. */
async function mendBatch(
  run: Run,
  batch: readonly ToMend[],
  statement: Statement,
  failures: Failures,
): Promise<BatchEnd> {
  let next = 0;
  const dealtWith = new Set<ToMend>();
  let unsteady = false;
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  async function worker(): Promise<void> {
    while (next < batch.length && !unsteady && !isOver({ ...run, signal })) {
      const entry = batch[next];
      next += 1;
      if (entry === undefined) return;
      try {
        await mendOne(run, entry, statement, signal, failures);
        dealtWith.add(entry);
      } catch (error) {
        // A failure that is one too many is in the report like those before it: the next invocation begins behind it, or it would never come further.
        if (error instanceof MendingError) dealtWith.add(entry);
        failed.abort(error);
        throw error;
      }
      unsteady = judgeContradictions(run.job.mend.outcomes.contradicted, run.limits.brakes) !== undefined;
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: run.limits.parallelMending }, worker));
  const errors = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason);
  // The others were cut off because of it, and say so.
  const error: unknown = errors.find((reason) => reason instanceof MendingError) ?? failed.signal.reason;
  const firstLeft = batch.findIndex((entry) => !dealtWith.has(entry));
  return {
    finished: firstLeft === -1 ? batch.length : firstLeft,
    failure: errors.length > 0 ? { error } : undefined,
  };
}

async function mendOne(
  run: Run,
  { projectId, what }: ToMend,
  statement: Statement,
  signal: AbortSignal,
  failures: Failures,
): Promise<void> {
  const { job, limits, clock } = run;
  const { outcomes } = job.mend;
  const exists = statement.projects.has(projectId);
  if (what === 'orphan' && exists) {
    outcomes.contradicted += 1;
    return;
  }
  if (what === 'drift' && !exists) {
    // Deleted since the first pass: its event is on its way, and brakes have not judged it as an orphan.
    outcomes.settled += 1;
    return;
  }
  const event = mendingEvent(statement, projectId, run.request.reason);
  const grace = exists ? {} : { createdBefore: clock.now() - limits.graceMs };
  const options = { force: true, deadline: run.deadline, signal, ...grace } as const;
  let outcome: ApplyOutcome;
  try {
    outcome = await run.applier.apply(event, options);
  } catch (error) {
    // What MongoDB did not answer, and what the stop of the run has cut off, is no failure of this project.
    if (isSourceError(error) || signal.aborted) throw error;
    recordFailure(run, projectId, error, failures);
    return;
  }
  count(run, projectId, outcome, failures);
}

function count(run: Run, projectId: string, outcome: ApplyOutcome, failures: Failures): void {
  const { outcomes } = run.job.mend;
  switch (outcome.kind) {
    case 'applied':
      outcomes.applied += 1;
      outcomes.assets += outcome.processed;
      return;
    case 'duplicate':
      outcomes.applied += 1;
      return;
    case 'continued':
      outcomes.deferred += 1;
      outcomes.assets += outcome.processed;
      return;
    case 'deferred':
      outcomes.deferred += 1;
      return;
    case 'contradicted':
      outcomes.contradicted += 1;
      return;
    case 'held': {
      outcomes.held += 1;
      run.job.findings.held += 1;
      const detail = 'the hold for mass deletions keeps its assets';
      addExample(run, { kind: 'held', projectId, collections: [], path: null, detail });
      return;
    }
    case 'exhausted':
      recordFailure(
        run,
        projectId,
        new Error(outcome.lastError ?? `${outcome.attempts} attempts have failed`),
        failures,
      );
  }
}

/** One project that cannot be mended does not keep the others waiting; many mean that it is not about the projects. Damaged records are, however many they are. */
function recordFailure(run: Run, projectId: string, error: unknown, failures: Failures): void {
  const { job, limits, log } = run;
  const text = errorText(error);
  job.mend.outcomes.failed += 1;
  if (job.mend.failures.length < limits.examples) job.mend.failures.push(`${projectId}: ${text}`);
  log.error('a project could not be mended', { jobId: job.id, projectId, error: text });
  if (hasCause(error, (cause) => cause instanceof ProjectRecordError)) return;
  failures.count += 1;
  if (failures.count > limits.maxFailures) throw new MendingError(failures.count, error);
}
