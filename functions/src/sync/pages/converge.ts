import type { Config } from '../../config/defineConfig.ts';
import { asksForLess, isRefusedWrite } from '../../grpc.ts';
import type { KeyRange, ProjectRecord } from '../../records/projectRecord.ts';
import type { Budget, SyncDependencies } from '../dependencies.ts';
import { isTransient } from '../errors.ts';
import type { Share } from '../memory/memory.ts';
import { type RetryDependencies, retryTransient } from '../retry.ts';
import { completed, type Reached, type Terms, type Work } from '../transitions.ts';
import { archivesFrom } from './archiving.ts';
import { planOf, rangesFor, rangesOfAsset, readLastKey } from './assets.ts';
import { createConfirmation } from './confirmation.ts';
import { createDocumentSizes, type DocumentSizes, wholeDocuments } from './documentSizes.ts';
import { splitRange, upTo } from './keyRanges.ts';
import { createLeaseRenewal, type LeaseRenewal } from './leaseRenewal.ts';
import { type PageOutcome, type PageView, type Piece, runPage } from './page.ts';
import type { PageContext } from './pageContext.ts';
import { type Pool, workThrough } from './pagePool.ts';
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
  /** Whether to stop, since it is to be asked anew what is put off. */
  readonly isInterrupted: () => Promise<boolean>;
  /** How large copies are, as far as pages have seen some. */
  readonly copySizes: DocumentSizes;
  readonly budget: Budget;
  readonly terms: () => Terms;
}

/** What shares one page. The first one has all collections; the others a range each. */
interface PageWork {
  readonly pieces: readonly Piece[];
  /** Whether the page also completes the work, if it leaves nothing. */
  readonly completes: boolean;
}

const alone = (piece: Piece): PageWork => ({ pieces: [piece], completes: false });

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
 *  One transaction over all collections does it where they are few. Else page by page, several side by side: what lies
 *  behind a page is read while it is committed, and a range that turns out to be longer than a page is cut in two as
 *  long as there is room for another page in flight. A page that Firestore refuses is halved, down to the asset that is
 *  at fault, which becomes a dead letter of its own. */
export async function converge(dependencies: SyncDependencies, assignment: Assignment): Promise<Convergence> {
  const { config, clock, throttle, memory } = dependencies;
  const { record, budget } = assignment;
  const run = begin(dependencies, assignment);
  const isTimeOver = () => clock.now() >= budget.deadline || budget.signal.aborted;
  const { progress } = record;
  const isFresh = progress === null || progress.plan !== planOf(config);
  const ranges = rangesOf(assignment, config, isFresh);
  const withheld = ranges.filter(({ collection }) => assignment.isWithheld(collection));
  const pieces = ranges.filter((range) => !withheld.includes(range)).map((range) => ({ range, share: 1 }));
  const isWhole = withheld.length === 0 && !dependencies.limits.isShadow;
  const opens = isFresh && (isWhole || pieces.length > 0);
  const left = await workThrough<PageWork>(opens ? [{ pieces, completes: isWhole }] : pieces.map(alone), {
    throttle,
    memory: memory.pages,
    bytesOf: (page) => bytesOf(run, page.pieces),
    isOver: () => isTimeOver() || run.stopped !== undefined || run.failure !== undefined,
    mayBegin: async () => !(await assignment.isInterrupted()),
    work: (page, pool, share) => onePage(run, page, pool, share),
  });

  const { processed, scanned, stopped, failure } = run;
  const counts = { processed, scanned };
  const rest = [...left.flatMap((page) => page.pieces.map(({ range }) => range)), ...withheld];
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

/** What a page takes of the memory before it is read: the ranges of one page share its size. */
function bytesOf({ context }: Run, pieces: readonly Piece[]): number {
  const names = new Set(pieces.map(({ range }) => range.collection));
  const collections = context.config.collections.filter(({ name }) => names.has(name));
  const bytesOfPage = context.record.desired.kind === 'deleted' ? bytesOfDeletions : bytesOfUpdates;
  return Math.max(0, ...collections.map((collection) => bytesOfPage(context, collection)));
}

async function onePage(run: Run, { pieces, completes }: PageWork, pool: Pool<PageWork>, memory: Share): Promise<void> {
  const { context, renewal, refusals, retries } = run;
  const renewUntil = renewal.begin();
  const page: { own: readonly Piece[]; completes: boolean; view?: PageView; handedOn: Promise<void> } = {
    own: pieces.map(({ range, share }) => ({ range, share: refusals.fitting(share) })),
    completes,
    handedOn: Promise.resolve(),
  };
  /** What lies behind this page is others' work as soon as its keys are known, whatever becomes of the page. */
  const onRead = (view: PageView) => {
    page.view = view;
    memory.resize(view.bytes);
    const behind = view.rests.filter((rest) => rest.asset === undefined);
    if (behind.length === 0) return;
    // Behind a first page there may be little, and each page of the archive is a write.
    const isCut = !page.completes || !behind.some((rest) => isArchived(run, rest));
    page.completes = false;
    page.own = page.own.map((piece) => ({ ...piece, range: upToRest(piece.range, behind) }));
    const share = Math.min(1, ...page.own.map((piece) => piece.share * 2));
    const before = page.handedOn;
    page.handedOn = (isCut ? cut(run, behind, pool) : Promise.resolve(behind)).then((parts) => {
      pool.enqueue(...parts.map((range) => alone({ range, share })));
      return before;
    });
  };
  let isDone = false;
  try {
    const outcome = await retryTransient(
      () => runPage(context, page.own, { renewUntil, onRead, finish: page.completes ? finishOf(run) : undefined }),
      retries,
    );
    isDone = outcome.kind === 'done';
    const share = Math.min(1, ...page.own.map((piece) => piece.share));
    const below = settle(run, outcome).filter((rest) => rest.asset !== undefined);
    pool.enqueue(...below.map((range) => alone({ range, share })));
  } catch (error) {
    const left = await afterFailure(run, error, { pieces: page.own, completes }, page.view);
    pool.enqueue(...left.map(alone));
  } finally {
    renewal.end(renewUntil, isDone);
    await page.handedOn;
  }
}

/** The end of the work, in the transaction of its last page. */
function finishOf({ assignment: { work, record, processed, scanned, terms } }: Run) {
  return (current: ProjectRecord, page: Reached) => {
    const reached = { processed: processed + page.processed, scanned: scanned + page.scanned };
    return completed(current, work, record, reached, terms());
  };
}

/** The part of a range before what is left of it. */
function upToRest(range: KeyRange, rests: readonly KeyRange[]): KeyRange {
  const rest = rests.find(({ collection }) => collection === range.collection);
  return rest === undefined || range.asset !== undefined ? range : upTo(range, rest.after);
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
  { pieces, completes }: PageWork,
  view: PageView | undefined,
): Promise<readonly Piece[]> {
  // Pages of their own will show which of them was refused.
  if (isRefusedWrite(error) && (completes || pieces.length > 1)) return pieces;
  try {
    if (view === undefined || view.documents === 0 || !isRefusedWrite(error)) throw error;
    const halves = pieces.map((piece) => run.refusals.halve(piece, view, error));
    return (await Promise.all(halves)).flat();
  } catch (final) {
    run.failure ??= { error: final };
    return pieces;
  }
}

function isArchived({ context: { config, record } }: Run, { collection }: KeyRange): boolean {
  const own = config.collections.find(({ name }) => name === collection);
  return own !== undefined && record.desired.kind === 'deleted' && archivesFrom(config, own);
}

/** What is left behind a page: a single range in two parts, if another page may be in flight. */
async function cut(run: Run, rests: readonly KeyRange[], pool: Pool<PageWork>): Promise<readonly KeyRange[]> {
  const { config, firestore } = run.dependencies;
  const [rest, ...others] = rests;
  const collection = config.collections.find(({ name }) => name === rest?.collection);
  if (rest === undefined || others.length > 0 || collection === undefined || !pool.hasRoom()) return rests;
  const reading =
    run.lastKeys.get(collection.name) ??
    retryTransient(() => readLastKey(firestore, collection, run.assignment.record.projectId), run.retries);
  run.lastKeys.set(collection.name, reading);
  try {
    return splitRange(rest, await reading) ?? rests;
  } catch (error) {
    run.failure ??= { error };
    return rests;
  }
}
