import type { ProjectEvent } from '../events/contract.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { ClaimFailedError, isTransient, ProjectBusyError } from './errors.ts';
import { retryTransient } from './retry.ts';
import { transact } from './transact.ts';
import { type Claim, type ClaimTerms, claimed, claimedForRepair, type Work } from './transitions.ts';
import { type WorkOutcome, workOn } from './work.ts';

/** What applying an event came to. */
export type ApplyOutcome =
  /** The assets show the newest state; so many of them were deleted or updated for it. */
  | { readonly kind: 'applied'; readonly processed: number }
  /** They did already. */
  | { readonly kind: 'duplicate' }
  /** Only for a repair: another worker is at this project, and brings it in step. */
  | { readonly kind: 'deferred' }
  /** The time was used up; a continuation is on its way. */
  | { readonly kind: 'continued'; readonly processed: number }
  /** MongoDB says otherwise. A deletion was not carried out, and the assets show the living project's state instead; or a repair of a living
   *  project met that it is gone, and did nothing. */
  | { readonly kind: 'contradicted'; readonly processed: number }
  /** The deletion came with too many others: its event is kept, and nothing is deleted until a person decides (`held`); or a person has decided
   *  that the assets stay (`discarded`). */
  | { readonly kind: 'held'; readonly state: 'held' | 'discarded' }
  /** As many deliveries as allowed have failed. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

export interface ApplyOptions extends Budget {
  /** A repair: MongoDB is asked under the lease, and its answer outranks what the record and the event claim. All assets are scanned. A deletion
   *  that was found like this is not judged by the hold: whoever found it has judged it. */
  readonly force?: boolean;
  /** Assets that were created later (ms since 1970) are left alone. */
  readonly createdBefore?: number;
  /** Only the asset with this path: it is brought to the newest known state once more. */
  readonly asset?: string;
}

/** Brings the assets of projects in step with events. */
export interface SyncWorker {
  /** Applies one event, within its budget. Any number of calls with any events in any order, also at once and in several processes,
   *  come to the same end.
   *  @throws ProjectBusyError, LeaseLostError: the event must be redelivered.
   *  @throws ProjectRecordError: no delivery can help until a person repairs the record.
   *  @throws ClaimFailedError: nothing is known of the event yet, and its failure is not counted.
   *  @throws AttemptFailedError: the work failed; says which attempt it was. */
  apply(event: ProjectEvent, options: ApplyOptions): Promise<ApplyOutcome>;
}

export function createSyncWorker(dependencies: SyncDependencies): SyncWorker {
  return {
    apply: (event, options) =>
      options.force === true || options.asset !== undefined
        ? repair(dependencies, event, options)
        : apply(dependencies, event, options),
  };
}

async function apply(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const terms = claimTerms(dependencies, event);
  const claim = await claiming(dependencies, event, options, (now) => (current) => claimed(current, { ...terms, now }));
  switch (claim.kind) {
    case 'busy':
      throw new ProjectBusyError(event.id, claim.until);
    case 'claimed':
      return work(dependencies, event, claim, options);
    default:
      return claim;
  }
}

async function repair(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const terms = claimTerms(dependencies, event);
  const claim = await claiming(
    dependencies,
    event,
    options,
    (now) => (current) => claimedForRepair(current, { ...terms, now }),
  );
  if (claim === undefined) return { kind: 'deferred' };
  if (claim.kind === 'held') return claim;
  const fact = options.force === true ? undefined : null;
  return work(dependencies, event, claim, options, { seen: claim.record.desired, fact, asset: options.asset });
}

function work(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  { record, lease, attempt }: Extract<Claim, { kind: 'claimed' }>,
  options: ApplyOptions,
  repaired?: Work['repair'],
): Promise<WorkOutcome> {
  const startedAt = record.progress?.startedAt ?? dependencies.clock.now();
  const inHand: Work = { event, lease, startedAt, repair: repaired };
  return workOn(dependencies, inHand, record, attempt, options);
}

function claimTerms({ limits, config, uniqueId }: SyncDependencies, event: ProjectEvent): Omit<ClaimTerms, 'now'> {
  return { event, limits, fields: config.source.fields, holder: uniqueId() };
}

async function claiming<T>(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  { deadline, signal }: Budget,
  step: (now: number) => Parameters<typeof transact<T>>[2],
): Promise<T> {
  try {
    return await retryTransient(() => transact(dependencies, event.projectId, step(dependencies.clock.now())), {
      ...dependencies,
      deadline,
      signal,
    });
  } catch (error) {
    if (signal.aborted || (await isTransient(error))) throw error;
    throw new ClaimFailedError(event.id, error);
  }
}
