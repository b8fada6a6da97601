import { minuteMs } from '../clock.ts';
import { continuationAttribute, encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { judgeDeletion } from '../holds/judge.ts';
import type { Progress, ProjectRecord } from '../records/projectRecord.ts';
import { type Claim, claim } from './claim.ts';
import { type Convergence, converge } from './converge.ts';
import { countAssets } from './countAssets.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { AttemptFailedError, ContradictedError, LeaseLostError, ProjectBusyError } from './errors.ts';
import { complete, correct, fail, holdBack, pause, reload, type Work } from './release.ts';
import { retryTransient } from './retry.ts';

/** What applying an event came to. */
export type ApplyOutcome =
  /** The assets show the newest state; so many of them were deleted or updated for it. */
  | { readonly kind: 'applied'; readonly processed: number }
  /** They did already. */
  | { readonly kind: 'duplicate' }
  /** The worker for another event of this project does it. */
  | { readonly kind: 'deferred'; readonly to: string }
  /** The time was used up; a continuation is on its way. */
  | { readonly kind: 'continued'; readonly processed: number }
  /** The deletion was not carried out: MongoDB says that the project lives. Its assets show its state instead. */
  | { readonly kind: 'contradicted'; readonly processed: number }
  /** The deletion came with too many others: its event is kept, and nothing is deleted until a person decides (`held`); or a person has decided
   *  that the assets stay (`discarded`). */
  | { readonly kind: 'held'; readonly state: 'held' | 'discarded' }
  /** As many deliveries as allowed have failed. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

export interface ApplyOptions extends Budget {
  /** Go over the assets even if the event tells nothing new. */
  readonly force?: boolean;
  /** Assets that were created later (ms since 1970) are left alone. */
  readonly createdBefore?: number;
}

/** Brings the assets of projects in step with events. */
export interface SyncWorker {
  /** Applies one event, within its budget. Any number of calls with any events in any order, also at once and in several processes,
   *  come to the same end.
   *  @throws ProjectBusyError, LeaseLostError: the event must be delivered again.
   *  @throws ProjectRecordError: no delivery can help until a person mends the record.
   *  @throws AttemptFailedError: the work failed; says which attempt it was. */
  apply(event: ProjectEvent, options: ApplyOptions): Promise<ApplyOutcome>;
}

/** Time that the transactions at the end of a run may still take after its deadline, in ms: progress and lease are given back even then.
 *  Part of the difference between the work budget and the timeout of the function. */
const closingMs = 15_000;

export function createSyncWorker(dependencies: SyncDependencies): SyncWorker {
  return { apply: (event, options) => apply(dependencies, event, options) };
}

async function apply(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const holder = dependencies.uniqueId();
  const claimed = await retryTransient(() => claim(dependencies, event, holder, { force: options.force }), {
    ...dependencies,
    ...options,
  });
  switch (claimed.kind) {
    case 'busy':
      throw new ProjectBusyError(event.id, claimed.until);
    case 'claimed':
      return workOn(dependencies, event, claimed, options);
    default:
      return claimed;
  }
}

/** Works until the assets show the newest state, or the time is used up. */
async function workOn(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  claimed: Extract<Claim, { kind: 'claimed' }>,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const { clock, log } = dependencies;
  const before = claimed.record.progress;
  const work: Work = { event, lease: claimed.lease, startedAt: before?.startedAt ?? clock.now() };
  const closing = closingRetries(dependencies, options);
  const createdBefore = options.createdBefore ?? before?.createdBefore ?? undefined;
  let record = claimed.record;
  let progress: Progress | null = before;
  let processed = before?.processed ?? 0;
  let contradicted = false;
  try {
    for (;;) {
      const checked = await lastLook(dependencies, work, record, options);
      contradicted ||= checked.desired.kind !== record.desired.kind;
      record = checked;
      const verdict = await passOrHold();
      if (verdict === 'held') return { kind: 'held', state: 'held' };
      if (verdict !== 'pass' && verdict !== 'nothing-to-delete') {
        record = verdict;
        continue;
      }
      const result: Convergence =
        verdict === 'pass'
          ? await converge(dependencies, record, claimed.lease, options, createdBeforeFor(record))
          : { kind: 'complete', processed: 0 };
      processed += result.processed;
      const next = await afterConvergence(result);
      if (next === undefined) return { kind: contradicted ? 'contradicted' : 'applied', processed };
      if (next === 'continued') return { kind: 'continued', processed };
      record = next;
    }
  } catch (error) {
    if (error instanceof LeaseLostError) throw error;
    await closing(() => fail(dependencies, work, progress, record, error)).catch((closingError: unknown) => {
      // The lease then runs out by itself, and the attempt has been counted when it began: only the text of the error is not kept.
      log.warn('the lease of a failed attempt could not be given back', {
        eventId: event.id,
        error: String(closingError),
      });
    });
    throw new AttemptFailedError(event.id, claimed.attempt, error);
  }

  /** Whether a deletion may be carried out. One that comes with too many others is held, unless there is nothing that it would delete.
   *  A record: there is news, to go on with. */
  async function passOrHold(): Promise<'pass' | 'held' | 'nothing-to-delete' | ProjectRecord> {
    if (!hasToBeJudged(record, event, options)) return 'pass';
    const judgement = await retryTransient(() => judgeDeletion(dependencies, record), { ...dependencies, ...options });
    if (judgement.kind === 'within-limits') return 'pass';
    const assets = await retryTransient(() => countAssets(dependencies, record), { ...dependencies, ...options });
    if (assets === 0) return 'nothing-to-delete';
    const { deletions, countedUpTo, allowed, projects } = judgement;
    // Before it is written, so that a crash in between cannot leave a hold that nobody was told of.
    log.alarm(
      'hold',
      'a deletion is held, for it came with too many others; nothing of it is carried out until you decide',
      {
        projectId: event.projectId,
        eventId: event.id,
        assets,
        deletions: deletions < countedUpTo ? deletions : `at least ${deletions}`,
        allowed,
        withinMinutes: dependencies.limits.hold.windowMs / minuteMs,
        projectsLeft: projects,
        decide: 'npm --prefix functions run holds -- list',
      },
    );
    const completion = await closing(() => holdBack(dependencies, work, record, assets));
    if (completion.kind === 'lost') throw new LeaseLostError(event.projectId);
    return completion.kind === 'superseded' ? completion.record : 'held';
  }

  /** Undefined when all is done, else the record to go on with. */
  async function afterConvergence(result: Convergence): Promise<ProjectRecord | 'continued' | undefined> {
    switch (result.kind) {
      case 'lost':
        throw new LeaseLostError(event.projectId);
      case 'superseded':
        return owned(await closing(() => reload(dependencies, work)));
      case 'complete': {
        const completion = await closing(() => complete(dependencies, work, record, processed));
        if (completion.kind === 'lost') throw new LeaseLostError(event.projectId);
        return completion.kind === 'superseded' ? completion.record : undefined;
      }
      case 'failed':
        progress = progressWith(result.rest, progress?.total ?? null);
        throw result.error;
      case 'unfinished': {
        // Before the count, so that a count that fails costs a total and not the progress.
        const reached = progressWith(result.rest, progress?.total ?? null);
        progress = reached;
        const deleted = record.desired.kind === 'deleted' ? processed : 0;
        const total = reached.total ?? (await closing(() => countAssets(dependencies, record))) + deleted;
        const kept = { ...reached, total };
        progress = kept;
        if ((await closing(() => pause(dependencies, work, kept, record))) === 'lost')
          throw new LeaseLostError(event.projectId);
        await dependencies.events.publish(continuationOf(event));
        return 'continued';
      }
    }
  }

  function progressWith(rest: Progress['ranges'], total: number | null): Progress {
    const { revision } = record;
    return {
      revision,
      ranges: rest,
      processed,
      total,
      startedAt: work.startedAt,
      createdBefore: createdBeforeFor(record) ?? null,
    };
  }

  /** The grace period of a reconciliation is for what it has found itself, not for news that came while it was at work. */
  function createdBeforeFor({ revision }: ProjectRecord): number | undefined {
    return revision === claimed.record.revision ? createdBefore : undefined;
  }

  function owned(current: ProjectRecord | 'lost'): ProjectRecord {
    if (current === 'lost') throw new LeaseLostError(event.projectId);
    return current;
  }
}

/** Whether a record asks for a deletion that nobody and nothing has judged yet. Judged it has been by a person who released it, by an invocation
 *  that has begun with it, and by the brakes of a reconciliation, which saw all that it was going to delete. */
function hasToBeJudged(
  { desired, hold, progress }: ProjectRecord,
  event: ProjectEvent,
  options: ApplyOptions,
): boolean {
  if (desired.kind !== 'deleted' || progress !== null || hold?.state === 'released') return false;
  const isOwnFinding = options.force === true && desired.version === event.version;
  return !isOwnFinding;
}

/** Before anything is deleted, MongoDB is asked once more: what it says is newer than any message. A project that lives keeps its assets,
 *  whoever said otherwise and however late. Returns the record to go on with. */
async function lastLook(
  dependencies: SyncDependencies,
  work: Work,
  record: ProjectRecord,
  options: ApplyOptions,
): Promise<ProjectRecord> {
  if (record.desired.kind !== 'deleted') return record;
  const { projectId } = work.event;
  // An election takes seconds, and must not cost one of the few attempts.
  const statement = await retryTransient(() => dependencies.truth.ask([projectId]), { ...dependencies, ...options });
  if (!statement.projects.has(projectId)) return record;
  const corrected = await retryTransient(() => correct(dependencies, work, statement), { ...dependencies, ...options });
  if (corrected === 'lost') throw new LeaseLostError(projectId);
  if (corrected.desired.kind === 'deleted') throw new ContradictedError(projectId);
  dependencies.log.warn('a deletion was not carried out: the project lives in MongoDB', {
    projectId,
    eventId: work.event.id,
    version: record.desired.version,
    aliveAt: statement.version,
  });
  return corrected;
}

/** Retries for the transactions that end a run: they also run when the budget is spent or the process is asked to stop. */
function closingRetries(
  dependencies: SyncDependencies,
  options: ApplyOptions,
): <T>(action: () => Promise<T>) => Promise<T> {
  const { signal } = new AbortController();
  return (action) => {
    const deadline = Math.max(options.deadline, dependencies.clock.now()) + closingMs;
    return retryTransient(action, { ...dependencies, deadline, signal });
  };
}

/** The event again, marked: work on it goes on where this run ended. */
function continuationOf(event: ProjectEvent) {
  const message = encodeEvent(event);
  return { ...message, attributes: { ...message.attributes, [continuationAttribute]: 'true' } };
}
