import type { Config } from '../../config/defineConfig.ts';
import { asksForLess, isRefusedWrite } from '../../grpc.ts';
import type { KeyRange, ProjectRecord } from '../../records/projectRecord.ts';
import type { Budget, SyncDependencies } from '../dependencies.ts';
import { isTransient } from '../errors.ts';
import type { Share } from '../memory.ts';
import { type RetryDependencies, retryTransient } from '../retry.ts';
import { completed, type Reached, type Terms, type Work } from '../transitions.ts';
import { planOf, rangesFor, rangesOfAsset, readLastKey } from './assets.ts';
import { createConfirmation } from './confirmation.ts';
import { createDocumentSizes, type DocumentSizes, wholeDocuments } from './documentSizes.ts';
import { splitRange, upTo } from './keyRanges.ts';
import { createLeaseRenewal, type LeaseRenewal } from './leaseRenewal.ts';
import { type PageOutcome, type PageView, type Piece, runPage } from './page.ts';
import type { PageContext } from './pageContext.ts';
import { admitted, type Pool, workThrough } from './pagePool.ts';
import { bytesOfDeletions, bytesOfUpdates } from './pageSize.ts';
import { createRefusedWrites, type RefusedWrites } from './refusedWrites.ts';

/** How the work on one revision ended, and how many assets it deleted or updated. */
export type Convergence = { readonly processed: number; readonly scanned: number } & (
  | { readonly kind: 'complete' }
  /** As complete, but for ranges that are withheld. */
  | { readonly kind: 'withheld'; readonly rest: readonly KeyRange[] }
  /** As complete, and the record says so already. */
  | { readonly kind: 'finished' }
  /** The time is used up; `rest` is what is left. */
  | { readonly kind: 'unfinished'; readonly rest: readonly KeyRange[] }
  /** Another event changed the desired state meanwhile. */
  | { readonly kind: 'superseded' }
  /** MongoDB says that the deleted project lives. */
  | { readonly kind: 'revived' }
  /** Another worker holds the lease now. */
  | { readonly kind: 'lost' }
  /** A page failed, after its retries. */
  | { readonly kind: 'failed'; readonly rest: readonly KeyRange[]; readonly error: unknown }
);

/** What has to be brought in step. */
export interface Assignment {
  readonly record: ProjectRecord;
  readonly work: Work;
  /** Assets that earlier invocations have deleted or updated. */
  readonly processed: number;
  /** And looked at. */
  readonly scanned: number;
  /** Notified of how many assets this convergence has deleted or updated, and looked at, so far. `isLong`: it takes
   *  more than one page. */
  readonly onProgress: (processed: number, scanned: number, isLong: boolean) => void;
  /** Assets that were created later (ms since 1970) are left alone. */
  readonly createdBy: number;
  /** Whether the work on a collection is put off. */
  readonly isWithheld: (collection: string) => boolean;
  /** Whether to stop soon, since it is to be asked anew what is put off. */
  readonly isInterrupted: () => boolean;
  /** How large copies are, as far as pages have seen some. */
  readonly copySizes: DocumentSizes;
  readonly budget: Budget;
  readonly terms: () => Terms;
}

/** A convergence under way. */
interface Run {
  readonly dependencies: SyncDependencies;
  readonly assignment: Assignment;
  readonly context: PageContext;
  readonly retries: RetryDependencies;
  readonly renewal: LeaseRenewal;
  readonly refusals: RefusedWrites;
  /** Collection -> the last key of the project's assets, where it was asked for. */
  readonly lastKeys: Map<string, Promise<string | null>>;
  processed: number;
  scanned: number;
  stopped: 'finished' | 'superseded' | 'revived' | 'lost' | undefined;
  failure: { readonly error: unknown } | undefined;
}

/** Brings all assets of a project to the desired state of `record` within the budget.
 *
 *  One transaction over all collections does it where they are few. Else page by page, several side by side: a page's
 *  successor is read while it is committed, and a range that turns out to be longer than a page is cut in two as long
 *  as there is room for another page in flight. A page that Firestore refuses is halved, down to the asset that is at
 *  fault, which becomes a dead letter of its own. */
export async function converge(dependencies: SyncDependencies, assignment: Assignment): Promise<Convergence> {
  const { config, clock, throttle, memory } = dependencies;
  const { record, budget } = assignment;
  const run = begin(dependencies, assignment);
  const isTimeOver = () => clock.now() >= budget.deadline || budget.signal.aborted;
  const isOver = () => isTimeOver() || assignment.isInterrupted();
  const { progress } = record;
  const isFresh = progress === null || progress.plan !== planOf(config);
  const ranges = rangesOf(assignment, config, isFresh);
  const withheld = ranges.filter(({ collection }) => assignment.isWithheld(collection));
  let left: readonly Piece[] = ranges
    .filter((range) => !withheld.includes(range))
    .map((range) => ({ range, share: 1 }));
  const isWhole = withheld.length === 0 && !dependencies.limits.isShadow;
  if (isFresh && !isOver() && (isWhole || left.length > 0)) left = await openingPage(run, left, isWhole);
  left = await workThrough(left, {
    throttle,
    memory: memory.pages,
    bytesOf: (piece) => bytesOf(run, [piece]),
    isOver: () => isOver() || run.stopped !== undefined || run.failure !== undefined,
    work: (piece, pool, share) => onePage(run, piece, pool, share),
  });

  const { processed, scanned, stopped, failure } = run;
  const counts = { processed, scanned };
  const rest = [...left.map(({ range }) => range), ...withheld];
  if (stopped !== undefined) return { kind: stopped, ...counts };
  if (failure !== undefined) {
    const { error } = failure;
    // A transient error when the time was over anyway is no failure, as long as the run got on: the next one tries
    // again.
    const gotOn = processed > 0 && isTimeOver() && (budget.signal.aborted || (await isTransient(error)));
    return gotOn ? { kind: 'unfinished', ...counts, rest } : { kind: 'failed', ...counts, rest, error };
  }
  if (left.length > 0) return { kind: 'unfinished', ...counts, rest };
  return withheld.length > 0 ? { kind: 'withheld', ...counts, rest } : { kind: 'complete', ...counts };
}

function begin(dependencies: SyncDependencies, assignment: Assignment): Run {
  const { config, clock, random, throttle, firestore, limits } = dependencies;
  const { record, work, budget, createdBy } = assignment;
  const retries = {
    clock,
    random,
    deadline: budget.deadline,
    signal: budget.signal,
    onRetry(error: unknown) {
      if (asksForLess(error)) throttle.pushedBack();
    },
  };
  const confirmGone = createConfirmation(dependencies, record.projectId);
  return {
    dependencies,
    assignment,
    context: {
      firestore,
      config,
      record,
      lease: work.lease,
      createdBy,
      isShadow: limits.isShadow,
      confirmGone,
      files: dependencies.files ?? null,
      sizes: record.desired.kind === 'deleted' ? createDocumentSizes(wholeDocuments) : assignment.copySizes,
      now: () => clock.now(),
      uniqueId: dependencies.uniqueId,
    },
    retries,
    renewal: createLeaseRenewal(clock, work.lease, limits.leaseMs),
    refusals: createRefusedWrites(dependencies, work),
    lastKeys: new Map(),
    processed: 0,
    scanned: 0,
    stopped: undefined,
    failure: undefined,
  };
}

function rangesOf({ record, work }: Assignment, config: Config, isFresh: boolean): readonly KeyRange[] {
  if (work.repair?.asset !== undefined) return rangesOfAsset(config, work.repair.asset);
  return isFresh ? rangesFor(config, record) : (record.progress?.ranges ?? []);
}

/** All collections in one transaction, which also completes the work if these are the `whole` and leave nothing.
 *  Returns the pieces that are left. */
async function openingPage(run: Run, pieces: readonly Piece[], whole: boolean): Promise<readonly Piece[]> {
  const { assignment, context, retries } = run;
  const { throttle, memory } = run.dependencies;
  const { work, record, processed, scanned } = assignment;
  const finish = (current: ProjectRecord, page: Reached) =>
    completed(
      current,
      work,
      record,
      { processed: processed + page.processed, scanned: scanned + page.scanned },
      assignment.terms(),
    );
  const share = await admitted({ throttle, memory: memory.pages }, bytesOf(run, pieces));
  try {
    const outcome = await retryTransient(
      () =>
        runPage(context, pieces, {
          finish: whole ? finish : undefined,
          onRead: ({ bytes }) => share.resize(bytes),
        }),
      retries,
    );
    return settle(run, outcome).map((range) => ({ range, share: 1 }));
  } catch (error) {
    if (!isRefusedWrite(error)) run.failure = { error };
    return pieces;
  } finally {
    share.release();
  }
}

/** What a page takes of the memory before it is read: the ranges of one page share its size. */
function bytesOf({ context }: Run, pieces: readonly Piece[]): number {
  const names = new Set(pieces.map(({ range }) => range.collection));
  const collections = context.config.collections.filter(({ name }) => names.has(name));
  const bytesOfPage = context.record.desired.kind === 'deleted' ? bytesOfDeletions : bytesOfUpdates;
  return Math.max(0, ...collections.map((collection) => bytesOfPage(context, collection)));
}

async function onePage(run: Run, piece: Piece, pool: Pool<Piece>, held: Share): Promise<void> {
  const { context, renewal, refusals, retries } = run;
  const { range } = piece;
  const share = refusals.fitting(piece.share);
  const renewUntil = renewal.begin();
  const handing: { view?: PageView; own: KeyRange; handedOn: Promise<void> } = {
    own: range,
    handedOn: Promise.resolve(),
  };
  /** What lies behind this page is others' work as soon as its keys are known, whatever becomes of the page. */
  const onRead = (view: PageView) => {
    handing.view = view;
    held.resize(view.bytes);
    const next = view.rests.find((rest) => rest.asset === undefined);
    if (next === undefined) return;
    handing.own = upTo(handing.own, next.after);
    const before = handing.handedOn;
    handing.handedOn = cut(run, next, pool).then((parts) => {
      pool.enqueue(...parts.map((part) => ({ range: part, share: Math.min(1, share * 2) })));
      return before;
    });
  };
  let isDone = false;
  try {
    const outcome = await retryTransient(
      () => runPage(context, [{ range: handing.own, share }], { renewUntil, onRead }),
      retries,
    );
    isDone = outcome.kind === 'done';
    const below = settle(run, outcome).filter((rest) => rest.asset !== undefined);
    pool.enqueue(...below.map((rest) => ({ range: rest, share })));
  } catch (error) {
    pool.enqueue(...(await afterFailure(run, error, { range: handing.own, share }, handing.view)));
  } finally {
    renewal.end(renewUntil, isDone);
    await handing.handedOn;
  }
}

/** Takes account of what a page did; returns what it left of its ranges. */
function settle(run: Run, outcome: PageOutcome): readonly KeyRange[] {
  if (outcome.kind !== 'done') {
    if (run.stopped !== 'lost') run.stopped = outcome.kind;
    return [];
  }
  run.dependencies.throttle.succeeded();
  run.processed += outcome.processed;
  run.scanned += outcome.scanned;
  if (outcome.finished) run.stopped = 'finished';
  else run.assignment.onProgress(run.processed, run.scanned, outcome.rests.length > 0);
  return outcome.rests;
}

async function afterFailure(
  run: Run,
  error: unknown,
  piece: Piece,
  view: PageView | undefined,
): Promise<readonly Piece[]> {
  try {
    if (view === undefined || view.seen.length === 0 || !isRefusedWrite(error)) throw error;
    return await run.refusals.halve(piece, view, error);
  } catch (final) {
    run.failure ??= { error: final };
    return [piece];
  }
}

/** The rest of a range, in two parts if another page may be in flight. */
async function cut(run: Run, rest: KeyRange, pool: Pool<Piece>): Promise<readonly KeyRange[]> {
  const { config, firestore } = run.dependencies;
  const collection = config.collections.find(({ name }) => name === rest.collection);
  if (collection === undefined || !pool.hasRoom()) return [rest];
  const reading =
    run.lastKeys.get(collection.name) ??
    retryTransient(() => readLastKey(firestore, collection, run.assignment.record.projectId), run.retries);
  run.lastKeys.set(collection.name, reading);
  try {
    return splitRange(rest, await reading) ?? [rest];
  } catch (error) {
    run.failure ??= { error };
    return [rest];
  }
}
