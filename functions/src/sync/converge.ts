import { FieldPath } from 'firebase-admin/firestore';
import type { AssetCollection } from '../config/defineConfig.ts';
import { asksForLess, isTooBig } from '../grpc.ts';
import type { KeyRange, ProjectRecord, WorkLease } from '../records/projectRecord.ts';
import { wantedCopies } from './copyUpdates.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { isTransient } from './errors.ts';
import { splitRange, upTo } from './keyRanges.ts';
import { assetsOf, type PageOutcome, runPage } from './page.ts';
import { retryTransient } from './retry.ts';

/** How the work on one revision ended, and how many assets it deleted or updated. */
export type Convergence =
  | { readonly kind: 'complete'; readonly processed: number }
  /** The time is used up; `rest` is what is left. */
  | { readonly kind: 'unfinished'; readonly processed: number; readonly rest: readonly KeyRange[] }
  /** Another event changed the desired state meanwhile. */
  | { readonly kind: 'superseded'; readonly processed: number }
  /** Another worker holds the lease now. */
  | { readonly kind: 'lost'; readonly processed: number }
  /** A page failed, after its retries. */
  | {
      readonly kind: 'failed';
      readonly processed: number;
      readonly rest: readonly KeyRange[];
      readonly error: unknown;
    };

/** The lease is renewed when less than this part of it is left. */
const renewBelow = 2 / 3;

/** Pages do not get smaller than this share of a usual one: a handful of assets that is still called too big is another problem. */
const smallestPageShare = 1 / 256;

/** The ranges that have to be gone over for a record: all collections for a deletion, those with known copies for a live project. */
export function rangesFor(collections: readonly AssetCollection[], record: ProjectRecord): KeyRange[] {
  return collections
    .filter((collection) => record.desired.kind === 'deleted' || wantedCopies(collection, record.desired).length > 0)
    .map((collection) => ({ collection: collection.name, after: null, before: null }));
}

/** Brings all assets of a project to the desired state of `record`, page by page, several pages side by side, within the budget.
 *  A page's successor is read while it is committed, and a range that turns out to be longer than a page is cut in two as long as there is room for
 *  another page in flight. */
export async function converge(
  dependencies: SyncDependencies,
  record: ProjectRecord,
  lease: WorkLease,
  budget: Budget,
  createdBefore?: number,
): Promise<Convergence> {
  const { config, clock, throttle, firestore, limits } = dependencies;
  const collections = new Map(config.collections.map((collection) => [collection.name, collection]));
  const queue: KeyRange[] = [...(record.progress?.ranges ?? rangesFor(config.collections, record))];
  const inFlight = new Set<Promise<void>>();
  const lastKeys = new Map<string, Promise<string | null>>();
  const state: { processed: number; stopped?: 'superseded' | 'lost'; failure?: { readonly error: unknown } } = {
    processed: 0,
  };
  let leaseUntil = lease.expiresAt;
  let isRenewing = false;
  let pageShare = 1;
  let wake = () => {};
  const retries = {
    ...dependencies,
    ...budget,
    onRetry(error: unknown) {
      if (asksForLess(error)) throttle.pushedBack();
    },
  };

  function enqueue(...ranges: readonly KeyRange[]): void {
    queue.push(...ranges);
    wake();
  }

  async function workOn(range: KeyRange): Promise<void> {
    const collection = collections.get(range.collection);
    // A collection that was taken out of the configuration while its work was under way has no assets any more.
    if (collection === undefined) return;
    const renewUntil = renewalDue();
    // What this page has to see to. Once its keys are read, all behind them is others' work, whatever becomes of this page.
    let own = range;
    let handedOver: Promise<void> | undefined;
    const onRead = (rest: KeyRange) => {
      own = upTo(own, rest.after);
      const before = handedOver;
      handedOver = cut(rest, collection)
        .then((parts) => enqueue(...parts))
        .then(() => before);
    };
    try {
      const outcome = await fittingPage(collection, () => own, renewUntil, onRead);
      if (outcome.kind !== 'done') {
        state.stopped = state.stopped === 'lost' ? 'lost' : outcome.kind;
        return;
      }
      throttle.succeeded();
      if (renewUntil !== undefined) leaseUntil = renewUntil;
      state.processed += outcome.processed;
      if (outcome.begun && outcome.rest !== null) enqueue(outcome.rest);
    } catch (error) {
      enqueue(own);
      state.failure ??= { error };
    } finally {
      if (renewUntil !== undefined) isRenewing = false;
      await handedOver;
    }
  }

  /** One page, again after transient errors, and smaller if Firestore calls it too big. */
  async function fittingPage(
    collection: AssetCollection,
    range: () => KeyRange,
    renewUntil: number | undefined,
    onRead: (rest: KeyRange) => void,
  ): Promise<PageOutcome> {
    for (;;) {
      const context = { firestore, record, lease, createdBefore, pageShare };
      try {
        return await retryTransient(() => runPage(context, collection, range(), renewUntil, onRead), retries);
      } catch (error) {
        if (!isTooBig(error) || context.pageShare <= smallestPageShare) throw error;
        // Pages that were in flight together shrink the next ones once, not each.
        pageShare = Math.min(pageShare, context.pageShare / 2);
      }
    }
  }

  /** Until when the page that begins now shall extend the lease, if that is due; one page at a time does it. */
  function renewalDue(): number | undefined {
    const now = clock.now();
    if (isRenewing || leaseUntil - now > limits.leaseMs * renewBelow) return undefined;
    isRenewing = true;
    return now + limits.leaseMs;
  }

  /** The rest of a range, in two parts if another page may be in flight. */
  async function cut(rest: KeyRange, collection: AssetCollection): Promise<readonly KeyRange[]> {
    if (inFlight.size + queue.length >= throttle.limit()) return [rest];
    const reading =
      lastKeys.get(collection.name) ??
      retryTransient(() => readLastKey(dependencies, record.projectId, collection), retries);
    lastKeys.set(collection.name, reading);
    try {
      return splitRange(rest, await reading) ?? [rest];
    } catch (error) {
      state.failure ??= { error };
      return [rest];
    }
  }

  const isOver = () => clock.now() >= budget.deadline || budget.signal.aborted;
  while (queue.length + inFlight.size > 0) {
    if (isOver() || state.stopped !== undefined || state.failure !== undefined) break;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    while (inFlight.size < throttle.limit()) {
      const range = queue.shift();
      if (range === undefined) break;
      const page: Promise<void> = workOn(range).finally(() => {
        inFlight.delete(page);
        wake();
      });
      inFlight.add(page);
    }
    await woken;
  }
  // Pages in flight end by themselves: they are transactions of seconds at most, and what they did counts.
  await Promise.all(inFlight);

  const { processed, stopped, failure } = state;
  if (stopped !== undefined) return { kind: stopped, processed };
  if (failure !== undefined) {
    // A transient error when the time was over anyway is no failure, as long as the run got on: the next one tries again.
    const gotOn = processed > 0 && isOver() && (budget.signal.aborted || (await isTransient(failure.error)));
    return gotOn
      ? { kind: 'unfinished', processed, rest: queue }
      : { kind: 'failed', processed, rest: queue, error: failure.error };
  }
  return queue.length === 0 ? { kind: 'complete', processed } : { kind: 'unfinished', processed, rest: queue };
}

/** The last key of a project's assets in a collection: where cutting takes an open range to end. One read. */
async function readLastKey(
  { firestore }: SyncDependencies,
  projectId: string,
  collection: AssetCollection,
): Promise<string | null> {
  const last = await assetsOf(firestore, collection, projectId)
    .orderBy(FieldPath.documentId(), 'desc')
    .select(FieldPath.documentId())
    .limit(1)
    .get();
  return last.docs[0]?.ref.path ?? null;
}
