import type { ProjectEvent } from '../events/contract.ts';
import { supersedeHeldJob } from '../holds/job.ts';
import {
  effectiveHold,
  type Hold,
  type Progress,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
  projectRecordRef,
  type WorkLease,
} from '../records/projectRecord.ts';
import type { SyncDependencies } from './dependencies.ts';
import { type FoldChange, fold } from './fold.ts';

/** What became of an event in the record of its project. In every case its news is now part of `desired`. */
export type Claim =
  /** This worker brings the assets to the state of `record`. `attempt` counts from 1. */
  | { readonly kind: 'claimed'; readonly record: ProjectRecord; readonly lease: WorkLease; readonly attempt: number }
  /** The assets show it already. */
  | { readonly kind: 'duplicate' }
  /** A worker for another event is on it; it re-reads the revision before it gives the lease back, and its message is not acknowledged before that. */
  | { readonly kind: 'deferred'; readonly to: string }
  /** An earlier delivery of the same event runs, or has just died; or a worker is on it that no message brings back if it dies. */
  | { readonly kind: 'busy'; readonly until: number }
  /** The deletion came with too many others and waits for a person, or a person has decided that the assets stay. */
  | { readonly kind: 'held'; readonly state: 'held' | 'discarded' }
  /** As many deliveries as allowed have begun this work and not finished it. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

export interface ClaimOptions {
  /** Go over the assets even if the event tells nothing new: for what reconciliation has seen with its own eyes. */
  readonly force?: boolean | undefined;
}

/** Folds an event into the record of its project and takes the work lease if there is work, in one transaction.
 *  `holder` is the same for every try of one call, so that a try whose success got lost on the way is recognised.
 *  @throws ProjectRecordError */
export function claim(
  dependencies: SyncDependencies,
  event: ProjectEvent,
  holder: string,
  options: ClaimOptions = {},
): Promise<Claim> {
  const { firestore, clock, config, limits } = dependencies;
  const ref = projectRecordRef(firestore, event.projectId);
  return firestore.runTransaction(
    async (transaction): Promise<Claim> => {
      const before = parseProjectRecord(event.projectId, (await transaction.get(ref)).data());
      const now = clock.now();
      const mine = before.lease?.holder === holder;
      const standing = effectiveHold(before);
      if (standing !== null && options.force === true && event.type === 'ProjectDeleted') {
        // Reconciliation found that the project is gone, which was known when its deletion was held: no news.
        return { kind: 'held', state: standing.state };
      }
      const folded = fold(before.desired, { ...event, changes: configuredOnly(event, config.source.fields) });
      const isForced = options.force === true && !mine;
      // No message brings back what reconciliation goes over once more and does not finish; its findings stay with it. So what is settled stays settled
      // on record, unless a worker is at it, who then has to look again.
      const isLeased = before.lease !== null && before.lease.expiresAt > now;
      const isSettled = before.appliedRevision === before.revision && !isLeased;
      const isNews = folded.change === 'effect' || (isForced && !isSettled);
      const isNewDeletion = folded.change === 'effect' && event.type === 'ProjectDeleted';
      const hold = holdAfter(before.hold, folded, options);
      const record: ProjectRecord = {
        ...before,
        desired: folded.desired,
        // What reconciliation finds was deleted some time ago; it has brakes of its own for too many of those.
        deletedAt: isNewDeletion && options.force !== true ? now : before.deletedAt,
        hold,
        revision: before.revision + (isNews ? 1 : 0),
        // Only tombstones may go; and this one is not finished.
        expireAt: isNews ? null : before.expireAt,
      };
      const store = (next: ProjectRecord) => {
        transaction.set(ref, projectRecordData(next));
        if (hold === null && before.hold !== null) supersedeHeldJob(firestore, transaction, before.hold, now);
      };
      const previous = before.attempts[event.id];
      if (mine && before.lease) return { kind: 'claimed', record, lease: before.lease, attempt: previous?.count ?? 1 };

      if (record.appliedRevision === record.revision && !isForced) {
        if (folded.change !== 'none') store(record);
        return { kind: 'duplicate' };
      }
      const kept = effectiveHold(record);
      if (kept !== null) {
        if (folded.change !== 'none') store(record);
        return { kind: 'held', state: kept.state };
      }
      if (before.lease !== null && isLeased) {
        // A reconciliation acknowledges nothing, so it may leave its event to anybody.
        const mayLeave = before.lease.eventId !== event.id && (before.lease.backed || options.force === true);
        // Its message is acknowledged now, so it must not pass for one that comes again.
        const left = mayLeave ? withoutAttempts(record, event.id) : record;
        if (folded.change !== 'none' || isNews || (mayLeave && previous !== undefined)) store(left);
        return mayLeave
          ? { kind: 'deferred', to: before.lease.eventId }
          : { kind: 'busy', until: before.lease.expiresAt };
      }
      const attempt = (previous?.count ?? 0) + 1;
      if (attempt > limits.maxAttempts) {
        store(withoutAttempts(record, event.id));
        return { kind: 'exhausted', attempts: attempt - 1, lastError: previous?.lastError ?? null };
      }
      // An event that is known without a try on record may be a late duplicate of a message that was acknowledged when it was left to another worker.
      const backed = options.force !== true && (folded.change !== 'none' || previous !== undefined);
      const lease: WorkLease = { holder, eventId: event.id, expiresAt: now + limits.leaseMs, backed };
      const claimed: ProjectRecord = {
        ...record,
        lease,
        // Reconciliation has seen assets that are not in step, wherever an earlier worker had got to.
        progress: isForced ? null : progressOf(record),
        // Counted now and taken back when the work ends well, so that a worker that dies without a word is counted too.
        attempts: { ...record.attempts, [event.id]: { count: attempt, lastError: null } },
      };
      store(claimed);
      return { kind: 'claimed', record: claimed, lease, attempt };
    },
    { maxAttempts: 1 },
  );
}

/** How far the work on this very state of the project has got. */
function progressOf(record: ProjectRecord): Progress | null {
  return record.progress?.revision === record.revision ? record.progress : null;
}

/** What is left of a hold after an event. Life ends it. A decision was about the deletions known then: a newer one is judged by itself,
 *  unless it only says what reconciliation has seen. What is still undecided stays so. */
function holdAfter(
  hold: Hold | null,
  { desired, change }: { readonly desired: ProjectRecord['desired']; readonly change: FoldChange },
  { force }: ClaimOptions,
): Hold | null {
  if (hold === null || desired.kind !== 'deleted') return null;
  return change === 'effect' && hold.state !== 'held' && force !== true ? null : hold;
}

/** The changes of configured fields: another producer may send more, and a record has room for what copies need only. */
function configuredOnly(event: ProjectEvent, fields: readonly string[]): ProjectEvent['changes'] {
  return Object.fromEntries(Object.entries(event.changes).filter(([field]) => fields.includes(field)));
}

/** The record without the count of an event that becomes a dead letter: when it is played again it begins anew. */
export function withoutAttempts(record: ProjectRecord, eventId: string): ProjectRecord {
  const { [eventId]: _forgotten, ...attempts } = record.attempts;
  return { ...record, attempts };
}
