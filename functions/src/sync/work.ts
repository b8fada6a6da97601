import { minuteMs } from '../clock.ts';
import type { AssetCollection } from '../config/defineConfig.ts';
import { type Control, pauseOf } from '../control/control.ts';
import { continuationAttribute, encodeEvent } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { clockMarginMs, isNewer, timeOf } from '../events/version.ts';
import { judgeDeletion } from '../holds/judge.ts';
import { errorText } from '../log.ts';
import type { KeyRange, Progress, ProjectRecord } from '../records/projectRecord.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { AttemptFailedError, LeaseLostError } from './errors.ts';
import { createJobDisplay, type JobDisplay, shortMs } from './jobDisplay.ts';
import { announcementOf } from './notifyConverged.ts';
import { countAssets, planOf } from './pages/assets.ts';
import { type Convergence, converge } from './pages/converge.ts';
import { createDocumentSizes, type DocumentSizes } from './pages/documentSizes.ts';
import { copiesOnly } from './pages/pageSize.ts';
import { type Restraint, restraintOn } from './restraint.ts';
import { retryTransient } from './retry.ts';
import { claimsTheFuture, type Fact, isPartlyKnown } from './settle.ts';
import { transact } from './transact.ts';
import {
  type Completion,
  completed,
  corrected,
  failed,
  givenBack,
  heldBack,
  type Parking,
  parked,
  paused,
  reloaded,
  type Terms,
  type Work,
} from './transitions.ts';

/** What the work on a claimed project came to. */
export type WorkOutcome =
  | { readonly kind: 'applied'; readonly processed: number }
  | { readonly kind: 'continued'; readonly processed: number }
  | { readonly kind: 'deferred'; readonly until: number }
  | { readonly kind: 'contradicted'; readonly processed: number }
  | { readonly kind: 'held'; readonly state: 'held' }
  | { readonly kind: 'parked'; readonly restraint: Restraint; readonly processed: number };

/** The life of one run of work. Each state knows which comes next; an error ends the run. */
type WorkState =
  /** Ask MongoDB, where its word is needed. */
  | { readonly name: 'checking'; readonly record: ProjectRecord }
  /** Compare a deletion with those around it. */
  | { readonly name: 'judging'; readonly record: ProjectRecord }
  | { readonly name: 'converging'; readonly record: ProjectRecord }
  /** Put off what is paused, or would only have been counted. */
  | { readonly name: 'parking'; readonly record: ProjectRecord; readonly parking: Parking }
  | { readonly name: 'completing'; readonly record: ProjectRecord }
  | { readonly name: 'pausing'; readonly record: ProjectRecord; readonly rest: readonly KeyRange[] }
  /** Go on with what the record says now. */
  | { readonly name: 'reloading' }
  | { readonly name: 'ended'; readonly outcome: WorkOutcome };

export interface WorkOptions extends Budget {
  /** Assets that were created later (ms since 1970) are left alone. */
  readonly createdBefore?: number | undefined;
  /** A repair that no message stands for. */
  readonly force?: boolean | undefined;
}

/** What a run knows besides its state. */
interface Run {
  readonly dependencies: SyncDependencies;
  readonly options: WorkOptions;
  readonly firstRevision: number;
  work: Work;
  processed: number;
  scanned: number;
  readonly display: JobDisplay;
  /** What was kept by an earlier invocation, or is to be kept of this one. */
  progress: Progress | null;
  contradicted: boolean;
  /** Whether the message is out that stands for the notification about a repair. */
  isAnnounced: boolean;
  /** What was paused when it was asked last, and whether that has changed since. */
  control: Control;
  interrupted: boolean;
  readonly copySizes: DocumentSizes;
}

/** Time that the transactions at the end of a run may still take after its deadline, in ms: progress and lease are
 *  given back even then. Part of the difference between the work budget and the timeout of the function. */
const closingMs = 15_000;

/** What a claim has begun with. */
export interface BegunWork {
  readonly record: ProjectRecord;
  readonly attempt: number;
  readonly control: Control;
  /** How large copies are, where a page has seen some already. */
  readonly sizes?: DocumentSizes;
}

/** Works under the lease of a claim until the assets show the newest state, or the time is used up.
 *  @throws LeaseLostError; AttemptFailedError with the cause; the cause itself where the record does not say that the
 *  attempt failed. */
export async function workOn(
  dependencies: SyncDependencies,
  work: Work,
  { record, attempt, control, sizes }: BegunWork,
  options: WorkOptions,
): Promise<WorkOutcome> {
  const run: Run = {
    dependencies,
    options,
    firstRevision: record.revision,
    work,
    processed: record.progress?.processed ?? 0,
    scanned: record.progress?.scanned ?? 0,
    display: createJobDisplay(
      dependencies,
      () => run.work,
      (scanned) => countAll(dependencies, record, scanned),
      record.progress?.total ?? null,
    ),
    progress: record.progress,
    contradicted: false,
    isAnnounced: false,
    control,
    interrupted: false,
    copySizes: sizes ?? createDocumentSizes(copiesOnly),
  };
  let state: WorkState = { name: 'checking', record };
  try {
    while (state.name !== 'ended') state = await next(run, state);
    return state.outcome;
  } catch (error) {
    if (error instanceof LeaseLostError) throw error;
    const lastError = errorText(error).slice(0, maxErrorLength);
    const outcome = await close(run, (current) => failed(current, run.work, run.progress, lastError, terms(run))).catch(
      (closingError: unknown) => {
        // The lease then runs out by itself, and the attempt was counted when it began.
        dependencies.log.warn('the lease of a failed attempt could not be given back', {
          eventId: work.event.id,
          error: errorText(closingError),
        });
      },
    );
    // Where the record does not say that the attempt failed, it is not given up, even if it was the last: another
    // worker may have brought its news by now, and if not, its redelivery ends it on record, so that a redrive begins
    // anew.
    if (outcome !== 'failed' && work.repair === undefined) throw error;
    throw new AttemptFailedError(work.event.id, work.repair === undefined ? attempt : null, error);
  } finally {
    await run.display.settled();
  }
}

/** Longest error text kept in a record, in characters: enough for the message, and a record stays far below Firestore's
 *  1 MiB. */
const maxErrorLength = 1_000;

async function next(run: Run, state: Exclude<WorkState, { name: 'ended' }>): Promise<WorkState> {
  switch (state.name) {
    case 'checking':
      return check(run, state.record);
    case 'judging':
      return judge(run, state.record);
    case 'converging':
      return afterConvergence(run, state.record, await convergeWithin(run, state.record));
    case 'completing':
      return afterCompletion(
        run,
        await close(run, (current) => completed(current, run.work, state.record, run, terms(run))),
      );
    case 'parking':
      return park(run, state.record, state.parking);
    case 'pausing':
      return pause(run, state.record, state.rest);
    case 'reloading': {
      run.scanned = 0;
      const record = await close(run, (current) => reloaded(current, run.work));
      return { name: 'checking', record: owned(run, record) };
    }
  }
}

/** Before anything is deleted, MongoDB is asked: what it says is newer than any message. A project that lives keeps its
 *  assets, whoever said otherwise and however late. It is also asked where the record claims what cannot have happened
 *  yet, where it lacks values of a project that lives again, and for every repair. */
async function check(run: Run, record: ProjectRecord): Promise<WorkState> {
  const { dependencies, work } = run;
  const isDeletion = record.desired.kind === 'deleted';
  const isOdd = claimsTheFuture(record.desired, dependencies.clock.now() + dependencies.limits.maxFutureMs);
  const isRepair = work.repair !== undefined && work.repair.fact !== null;
  const isPartly = isPartlyKnown(record, dependencies.config.source.fields);
  if (!isDeletion && !isOdd && !isRepair && !isPartly) return { name: 'converging', record };
  const fact = await ask(run);
  if (work.repair) return checkRepair(run, record, fact);
  const isAhead = isNewer(record.desired.version ?? '', fact.version);
  if (isDeletion && !isOdd && !isAhead && fact.fields === null) return { name: 'judging', record };
  const settled = owned(
    run,
    await retried(run, () =>
      transact(dependencies, record.projectId, (current) => corrected(current, work, record.desired, fact, terms(run))),
    ),
  );
  if (isDeletion && settled.desired.kind !== 'deleted') {
    run.contradicted = true;
    dependencies.log.warn('a deletion was not carried out: the project lives in MongoDB', {
      projectId: record.projectId,
      eventId: work.event.id,
      version: record.desired.version,
      aliveAt: fact.version,
    });
  }
  return { name: settled.desired.kind === 'deleted' ? 'judging' : 'converging', record: settled };
}

/** A repair is what MongoDB says now, under the lease. One that was meant for a living project deletes nothing: the
 *  brakes have not seen that. */
async function checkRepair(run: Run, record: ProjectRecord, fact: Fact): Promise<WorkState> {
  const { work } = run;
  const mayDelete =
    work.repair?.mayDelete === true || (work.repair?.asset !== undefined && record.desired.kind === 'deleted');
  const isGone = fact.fields === null;
  run.work = { ...work, repair: { mayDelete, ...work.repair, seen: work.repair?.seen ?? record.desired, fact } };
  if (isGone && !mayDelete) {
    await close(run, (current) => failed(current, work, null, 'the project is gone in MongoDB by now', terms(run)));
    return { name: 'ended', outcome: { kind: 'contradicted', processed: 0 } };
  }
  run.contradicted ||= mayDelete && !isGone;
  await announceRepair(run);
  const goal = owned(run, await close(run, (current) => reloaded(current, run.work)));
  if (goal.desired.kind !== 'deleted' || isJudged(goal, work)) return { name: 'converging', record: goal };
  await close(run, (current) => givenBack(current, work));
  return { name: 'ended', outcome: { kind: 'deferred', until: run.dependencies.clock.now() } };
}

/** Whether a repair may carry out the deletion on record. One that became known meanwhile, or is not carried out yet,
 *  is judged by the work on its own message. */
function isJudged({ revision, appliedRevision }: ProjectRecord, { repair }: Work): boolean {
  return repair?.mayDelete === true || (repair?.asset !== undefined && appliedRevision === revision);
}

async function ask(run: Run): Promise<Fact> {
  const { dependencies, work } = run;
  const { projectId } = work.event;
  const askedAt = dependencies.clock.now();
  // An election takes seconds, and must not cost one of the few attempts.
  const cancel = dependencies.clock.after(shortMs, () => run.display.note(run, true));
  try {
    const { version, projects } = await retried(run, () => dependencies.truth.ask([projectId]));
    return { version, fields: projects.get(projectId)?.fields ?? null, askedAt };
  } finally {
    cancel();
  }
}

/** A deletion that comes with too many others is held, unless there is nothing that it would delete. Judged it has been
 *  already by a person who released it, or by an invocation that has begun with it. */
async function judge(run: Run, record: ProjectRecord): Promise<WorkState> {
  const { dependencies, work } = run;
  const converging: WorkState = { name: 'converging', record };
  const { isShadow } = dependencies.limits;
  // What is not carried out needs no judgement yet, and keeps no progress, which would spare it one later.
  if (pauseOf(run.control, 'deletions') !== undefined) return parkingOf(run, record, 'deletions', null);
  if (isShadow) return converging;
  if (record.progress !== null || record.hold?.state === 'released') return converging;
  const judgement = await retried(run, () => judgeDeletion(dependencies, record));
  if (judgement.kind === 'within-limits') return converging;
  const assets = await retried(run, () => countAssets(dependencies, record));
  if (assets === 0) return { name: 'completing', record };
  const { deletions, countedUpTo, allowed, projects } = judgement;
  // Before it is written, so that a crash in between cannot leave a hold that nobody was notified of.
  dependencies.log.alarm(
    'hold',
    'a deletion is held: it came with too many others, and nothing of it is carried out until you decide',
    {
      projectId: record.projectId,
      eventId: work.event.id,
      assets,
      deletions: deletions < countedUpTo ? deletions : `at least ${deletions}`,
      allowed,
      withinMinutes: dependencies.limits.hold.windowMs / minuteMs,
      projectsLeft: projects,
      decide: 'npm --prefix functions run holds -- list',
    },
  );
  const completion = await close(run, (current) => heldBack(current, work, record, assets, terms(run)));
  return completion.kind === 'done'
    ? { name: 'ended', outcome: { kind: 'held', state: 'held' } }
    : afterCompletion(run, completion);
}

async function convergeWithin(run: Run, record: ProjectRecord): Promise<Convergence> {
  const { dependencies, options, work } = run;
  const { version, kind } = record.desired;
  // The grace period of a reconciliation is for what it has found itself, not for news that came while it was at work.
  const isOwnFinding = record.revision === run.firstRevision;
  const grace = isOwnFinding ? (options.createdBefore ?? run.progress?.createdBefore ?? undefined) : undefined;
  const deletedAt = kind === 'deleted' && version !== null ? timeOf(version) + clockMarginMs : Number.POSITIVE_INFINITY;
  run.control = await retried(run, () => dependencies.control.read());
  run.interrupted = false;
  return converge(dependencies, {
    record,
    work,
    processed: run.processed,
    scanned: run.scanned,
    onProgress: (processed, scanned, isLong) =>
      run.display.note({ processed: run.processed + processed, scanned: run.scanned + scanned }, isLong),
    isWithheld: (collection) => restraintOn(run.control, record, collection) !== undefined,
    isInterrupted: () => isInterrupted(run, record),
    copySizes: run.copySizes,
    createdBy: Math.min(grace ?? Number.POSITIVE_INFINITY, deletedAt),
    budget: options,
    terms: () => terms(run),
  });
}

function afterConvergence(run: Run, record: ProjectRecord, result: Convergence): WorkState {
  run.processed += result.processed;
  run.scanned += result.scanned;
  switch (result.kind) {
    case 'lost':
      throw new LeaseLostError(record.projectId);
    case 'superseded':
    case 'revived':
      return { name: 'reloading' };
    case 'finished':
      return ended(run);
    case 'complete':
      // Where nothing differs, the assets show it already.
      return run.dependencies.limits.isShadow && run.processed > 0
        ? parkingOf(run, record, 'shadow', null)
        : { name: 'completing', record };
    case 'withheld': {
      const restraint = result.rest.map(({ collection }) => restraintOn(run.control, record, collection)).find(Boolean);
      const progress = progressWith(run, record, result.rest, run.display.total());
      return parkingOf(run, record, restraint ?? 'deletions', progress);
    }
    case 'failed':
      run.progress = progressWith(run, record, result.rest, run.display.total());
      throw result.error;
    case 'unfinished': {
      if (!run.interrupted || isOver(run)) return { name: 'pausing', record, rest: result.rest };
      run.progress = progressWith(run, record, result.rest, run.display.total());
      return { name: 'converging', record: { ...record, progress: run.progress } };
    }
  }
}

/** No message stands for a repair, so the one that has others notified of it is out before the repair begins, whose
 *  last page may put it on record; it is refused until the lease is given back. */
async function announceRepair(run: Run): Promise<void> {
  const { config, events, limits } = run.dependencies;
  if (!config.converged || limits.isShadow || run.options.force !== true || run.isAnnounced) return;
  await events.publish(announcementOf(run.work.event));
  run.isAnnounced = true;
}

function afterCompletion(run: Run, completion: Completion): WorkState {
  switch (completion.kind) {
    case 'done':
      return ended(run);
    case 'superseded':
      return { name: 'checking', record: completion.record };
    case 'lost':
      throw new LeaseLostError(run.work.event.projectId);
  }
}

function parkingOf(run: Run, record: ProjectRecord, restraint: Restraint, progress: Progress | null): WorkState {
  const { processed, scanned } = run;
  return { name: 'parking', record, parking: { restraint, progress, processed, scanned, total: run.display.total() } };
}

/** Whether a pause has begun or ended in the middle of the work, or while it waited for its turn. */
async function isInterrupted(run: Run, record: ProjectRecord): Promise<boolean> {
  const { control, log, config } = run.dependencies;
  try {
    const now = await control.read();
    const isOther = ({ name }: AssetCollection) =>
      restraintOn(now, record, name) !== restraintOn(run.control, record, name);
    run.interrupted ||= config.collections.some(isOther);
  } catch (error) {
    log.warn('what is paused could not be read; the next page asks again', { error: errorText(error) });
  }
  return run.interrupted;
}

/** Its event is kept by its job from then on. Nobody waits for a repair, which is found again; what is about one asset
 *  has no job. */
async function park(run: Run, record: ProjectRecord, parking: Parking): Promise<WorkState> {
  const { work, processed } = run;
  const { restraint } = parking;
  if (work.repair !== undefined) {
    await close(run, (current) => givenBack(current, work));
    return { name: 'ended', outcome: { kind: 'parked', restraint, processed } };
  }
  const completion = await close(run, (current) => parked(current, work, record, parking, terms(run)));
  return completion.kind === 'done'
    ? { name: 'ended', outcome: { kind: 'parked', restraint, processed } }
    : afterCompletion(run, completion);
}

async function pause(run: Run, record: ProjectRecord, rest: readonly KeyRange[]): Promise<WorkState> {
  const { dependencies, work } = run;
  if (work.repair?.asset !== undefined)
    throw new Error(`the time was used up before asset ${work.repair.asset} was reached`);
  // Before the count, so that a count that fails costs a total and not the progress.
  const reached = progressWith(run, record, rest, run.display.total());
  run.progress = reached;
  const total = reached.total ?? (await closing(run, () => countAll(dependencies, record, run.scanned)));
  run.progress = { ...reached, total };
  const keep = () => close(run, (current) => paused(current, work, { ...reached, total }, terms(run)));
  const publish = () => dependencies.events.publish(continuationOf(work.event));
  // No message stands for a repair, so its continuation has to be out before its record asks for one; it is refused
  // until the lease is given back.
  if (work.repair) await publish();
  if ((await keep()) === 'lost') throw new LeaseLostError(record.projectId);
  if (!work.repair) await publish();
  return { name: 'ended', outcome: { kind: 'continued', processed: run.processed } };
}

/** Assets to look at in all. Those that were deleted are not found any more. */
async function countAll(dependencies: SyncDependencies, record: ProjectRecord, scanned: number): Promise<number> {
  const found = await countAssets(dependencies, record);
  return record.desired.kind === 'deleted' ? found + scanned : found;
}

function progressWith(run: Run, record: ProjectRecord, ranges: readonly KeyRange[], total: number | null): Progress {
  const isOwnFinding = record.revision === run.firstRevision;
  return {
    revision: record.revision,
    plan: planOf(run.dependencies.config),
    isShadow: run.dependencies.limits.isShadow,
    ranges,
    processed: run.processed,
    scanned: run.scanned,
    total,
    startedAt: run.work.startedAt,
    createdBefore: (isOwnFinding ? (run.options.createdBefore ?? run.progress?.createdBefore) : null) ?? null,
  };
}

function isOver({ dependencies, options }: Run): boolean {
  return dependencies.clock.now() >= options.deadline || options.signal.aborted;
}

function ended({ contradicted, processed }: Run): WorkState {
  return { name: 'ended', outcome: { kind: contradicted ? 'contradicted' : 'applied', processed } };
}

function owned(run: Run, record: ProjectRecord | undefined): ProjectRecord {
  if (record === undefined) throw new LeaseLostError(run.work.event.projectId);
  return record;
}

function terms({ dependencies: { clock, limits } }: Run): Terms {
  return { now: clock.now(), limits };
}

function retried<T>({ dependencies, options }: Run, action: () => Promise<T>): Promise<T> {
  return retryTransient(action, { ...dependencies, deadline: options.deadline, signal: options.signal });
}

/** Retries what ends a run also when the budget is spent or the process is asked to stop. */
function closing<T>({ dependencies, options }: Run, action: () => Promise<T>): Promise<T> {
  const deadline = Math.max(options.deadline, dependencies.clock.now()) + closingMs;
  return retryTransient(action, { ...dependencies, deadline, signal: new AbortController().signal });
}

function close<T>(run: Run, step: Parameters<typeof transact<T>>[2]): Promise<T> {
  return closing(run, () => transact(run.dependencies, run.work.event.projectId, step));
}

/** The event again, marked: work on it goes on where this run ended. */
function continuationOf(event: ProjectEvent) {
  const message = encodeEvent(event);
  return { ...message, attributes: { ...message.attributes, [continuationAttribute]: 'true' } };
}
