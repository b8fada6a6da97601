import type { Control } from '../control/control.ts';
import type { ProjectEvent } from '../events/contract.ts';
import type { ProjectRecord } from '../records/projectRecord.ts';
import { type ClaimWithPage, claimWithPage } from './claimWithPage.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { ClaimFailedError, isTransient, ProjectBusyError, WorkPausedError } from './errors.ts';
import { describeRestraint, type Restraint } from './restraint.ts';
import { retryTransient } from './retry.ts';
import { type Step, transact } from './transact.ts';
import { type ClaimTerms, claimed, claimedForRepair, type Work } from './transitions.ts';
import { type WorkOutcome, workOn } from './work.ts';

/** What applying an event came to. */
export type ApplyOutcome =
  /** The assets show the newest state; so many of them were deleted or updated for it. */
  | { readonly kind: 'applied'; readonly processed: number }
  /** They did already. */
  | { readonly kind: 'duplicate' }
  /** Only for a repair that no message stands for: another worker is at this project, until then (ms since 1970) if it
   *  is dead; or its deletion has become known, which nobody has judged yet. */
  | { readonly kind: 'deferred'; readonly until: number }
  /** The time was used up; a continuation is on its way. */
  | { readonly kind: 'continued'; readonly processed: number }
  /** MongoDB says otherwise. A deletion was not carried out, and the assets show the living project's state instead; or
   *  a repair of a living project met that it is gone, and did nothing. */
  | { readonly kind: 'contradicted'; readonly processed: number }
  /** The deletion came with too many others: its event is kept, and nothing is deleted until a person decides (`held`);
   *  or a person has decided that the assets stay (`discarded`). */
  | { readonly kind: 'held'; readonly state: 'held' | 'discarded' }
  /** What is paused, or was only counted, is put off: its event is kept until that is over. A repair is not kept. */
  | { readonly kind: 'parked'; readonly restraint: Restraint; readonly processed: number }
  /** As many deliveries as allowed have failed. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

export interface ApplyOptions extends Budget {
  /** A repair: MongoDB is asked under the lease, and its answer outranks what the record and the event claim. All
   *  assets are scanned. A deletion that was found like this is not judged by the hold: whoever found it has judged it.
   */
  readonly force?: boolean;
  /** Assets that were created later (ms since 1970) are left alone. */
  readonly createdBefore?: number;
  /** Only the asset with this path: it is brought to the newest known state once more. */
  readonly asset?: string;
}

/** Brings the assets of projects in step with events. */
export interface SyncWorker {
  /** Applies one event, within its budget. Any number of calls with any events in any order, also at once and in
   *  several processes, come to the same end.
   *  @throws ProjectBusyError, LeaseLostError, WorkPausedError: the event must be redelivered.
   *  @throws ControlError: nobody knows what is paused; nothing is done or counted until that can be read.
   *  @throws ProjectRecordError: no delivery can help until a person repairs the record.
   *  @throws ClaimFailedError: nothing is known of the event yet, and its failure is not counted.
   *  @throws AttemptFailedError: the work failed; says which attempt it was, of an event that is no repair.
   *  @throws what it failed with, where that could not be put on record: the event must be redelivered. */
  apply(event: ProjectEvent, options: ApplyOptions): Promise<ApplyOutcome>;
}

export function createSyncWorker(dependencies: SyncDependencies): SyncWorker {
  return {
    apply(event, options) {
      if (options.force === true) return repair(dependencies, event, options);
      return options.asset === undefined
        ? apply(dependencies, event, options)
        : repairOfMessage(dependencies, event, options);
    },
  };
}

async function apply(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const terms = claimTerms(dependencies, event);
  const control = await readControl(dependencies, options);
  const claim =
    (await claimWithPage(dependencies, terms, options)) ??
    (await claiming(dependencies, event, options, (current, now) => claimed(current, { ...terms, now })));
  switch (claim.kind) {
    case 'busy':
      throw new ProjectBusyError(event.id, claim.until);
    case 'claimed':
      return work(dependencies, event, { ...claim, control }, options);
    case 'odd':
      return repairOdd(dependencies, event, options);
    default:
      return claim;
  }
}

/** Repairs a record that claims the future to what MongoDB says. A deletion that comes out of it would be judged by
 *  nobody, so it is left to a reconciliation, whose brakes see all of them; until then the event is kept. */
async function repairOdd(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const outcome = await repairOfMessage(dependencies, event, { ...options, force: true }, false);
  if (outcome.kind !== 'contradicted') return outcome;
  const lastError =
    'the record of the project claims what cannot have happened yet, and MongoDB has no such project; reconcile it: ' +
    'npm --prefix functions run reconcile -- --project ID';
  return { kind: 'exhausted', attempts: 1, lastError };
}

/** A repair that its message alone stands for: the record need not be behind, and the dead letter of an asset is
 *  redriven by now. So a delivery that meets another worker, or a pause, is refused. */
async function repairOfMessage(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
  mayDelete?: boolean,
): Promise<ApplyOutcome> {
  const outcome = await repair(dependencies, event, options, mayDelete);
  if (outcome.kind === 'deferred') throw new ProjectBusyError(event.id, outcome.until);
  if (outcome.kind === 'parked') throw new WorkPausedError(event.id, describeRestraint(outcome.restraint));
  return outcome;
}

async function repair(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  options: ApplyOptions,
  mayDelete = event.type === 'ProjectDeleted',
): Promise<ApplyOutcome> {
  const terms = claimTerms(dependencies, event);
  const control = await readControl(dependencies, options);
  const { asset } = options;
  const claim = await claiming(dependencies, event, options, (current, now) =>
    claimedForRepair(current, { ...terms, now, asset }),
  );
  if (claim.kind === 'busy') return { kind: 'deferred', until: claim.until };
  if (claim.kind === 'held') return claim;
  // A tombstone expires, and a dead letter does not: only MongoDB knows then what becomes of its asset.
  const isForgotten = claim.record.desired.kind === 'unknown';
  const fact = options.force === true || isForgotten ? undefined : null;
  return work(dependencies, event, { ...claim, control }, options, {
    seen: claim.record.desired,
    fact,
    asset,
    mayDelete: mayDelete && (asset === undefined || isForgotten),
  });
}

function work(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  { lease, ...begun }: Extract<ClaimWithPage, { kind: 'claimed' }> & { readonly control: Control },
  options: ApplyOptions,
  repaired?: Work['repair'],
): Promise<WorkOutcome> {
  const startedAt = begun.record.progress?.startedAt ?? dependencies.clock.now();
  const inHand: Work = { event, lease, startedAt, repair: repaired };
  return workOn(dependencies, inHand, begun, options);
}

/** Before anything is claimed: as long as nobody can say what is paused, deliveries are refused, and count as no
 *  failures. */
function readControl(dependencies: SyncDependencies, { deadline, signal }: Budget): Promise<Control> {
  return retryTransient(() => dependencies.control.read(), { ...dependencies, deadline, signal });
}

function claimTerms({ limits, config, uniqueId }: SyncDependencies, event: ProjectEvent): Omit<ClaimTerms, 'now'> {
  return { event, limits, fields: config.source.fields, holder: uniqueId() };
}

async function claiming<T>(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  { deadline, signal }: Budget,
  step: (current: ProjectRecord, now: number) => Step<T>,
): Promise<T> {
  const { clock } = dependencies;
  try {
    return await retryTransient(
      // A process may stall before its transaction: the time is that of the transaction.
      () => transact(dependencies, event.projectId, (current) => step(current, clock.now())),
      { ...dependencies, deadline, signal },
    );
  } catch (error) {
    if (signal.aborted || (await isTransient(error))) throw error;
    throw new ClaimFailedError(event.id, error);
  }
}
