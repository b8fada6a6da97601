import type { Transaction } from 'firebase-admin/firestore';
import type { ProjectEvent } from '../events/contract.ts';
import { supersedeHeldJob } from '../holds/job.ts';
import { errorText } from '../log.ts';
import {
  type KeyRange,
  type Progress,
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
  projectRecordRef,
  type WorkLease,
} from '../records/projectRecord.ts';
import { type SyncJob, syncJobData, syncJobRef } from '../records/syncJob.ts';
import type { Statement } from '../source/truth.ts';
import { withoutAttempts } from './claim.ts';
import type { SyncDependencies } from './dependencies.ts';
import { fold } from './fold.ts';

/** Longest error text kept in a record, in characters: enough for the message, and a record stays far below Firestore's 1 MiB. */
const maxErrorLength = 1_000;

/** Work in hand: what it is for, and since when. */
export interface Work {
  readonly event: ProjectEvent;
  readonly lease: WorkLease;
  readonly startedAt: number;
}

export type Completion =
  | { readonly kind: 'done' }
  /** News came in: the work goes on with this record. */
  | { readonly kind: 'superseded'; readonly record: ProjectRecord }
  | { readonly kind: 'lost' };

/** Marks the record's revision as applied and gives the lease back, in one transaction; or says that there is news, and keeps the lease. */
export function complete(
  dependencies: SyncDependencies,
  work: Work,
  record: ProjectRecord,
  processed: number,
): Promise<Completion> {
  const { clock, limits } = dependencies;
  return withRecord(dependencies, work, async (transaction, current): Promise<Completion> => {
    if (current.lease?.holder !== work.lease.holder) {
      // Either another worker took over, or an earlier try of this very transaction succeeded and its answer got lost.
      return { kind: current.lease === null && current.appliedRevision >= record.revision ? 'done' : 'lost' };
    }
    if (current.revision !== record.revision) return { kind: 'superseded', record: { ...current, progress: null } };
    const isTombstone = current.desired.kind === 'deleted';
    store(dependencies, transaction, {
      ...current,
      appliedRevision: record.revision,
      lease: null,
      progress: null,
      attempts: {},
      expireAt: isTombstone ? clock.now() + limits.tombstoneMs : null,
      // A release has been carried out; it says nothing about what may come later.
      hold: null,
    });
    // A job says what was done; where nothing was, there is nothing to say, and a write to save.
    if (processed > 0 || current.progress !== null) {
      storeJob(dependencies, transaction, work, record, {
        status: 'done',
        total: current.progress?.total ?? null,
        processed,
        rest: [],
        errors: [],
      });
    }
    return { kind: 'done' };
  });
}

/** Keeps the progress and gives the lease back, for a continuation. */
export function pause(
  dependencies: SyncDependencies,
  work: Work,
  progress: Progress,
  record: ProjectRecord,
): Promise<'paused' | 'lost'> {
  return withRecord(dependencies, work, async (transaction, current) => {
    if (current.lease?.holder !== work.lease.holder) return current.lease === null ? 'paused' : 'lost';
    // No failure, but on record: the continuation is a message that comes again.
    const attempts = { ...current.attempts, [work.event.id]: { count: 0, lastError: null } };
    // Reconciliation goes over what is settled on record; from here on it is a message that goes on, and that must find something to do.
    const reopened = current.appliedRevision === current.revision ? 1 : 0;
    store(dependencies, transaction, {
      ...current,
      lease: null,
      revision: current.revision + reopened,
      expireAt: reopened === 1 ? null : current.expireAt,
      progress: { ...progress, revision: progress.revision + reopened },
      attempts,
    });
    storeJob(dependencies, transaction, work, record, {
      ...progress,
      status: 'continued',
      rest: progress.ranges,
      errors: [],
    });
    return 'paused';
  });
}

/** Puts a deletion aside for a person to decide, and gives the lease back: in one transaction with the job that keeps the event from then on,
 *  since its message is acknowledged. Says that there is news instead, and keeps the lease, if there is. */
export function holdBack(
  dependencies: SyncDependencies,
  work: Work,
  record: ProjectRecord,
  assets: number,
): Promise<Completion> {
  const now = dependencies.clock.now();
  const eventId = work.event.id;
  return withRecord(dependencies, work, async (transaction, current): Promise<Completion> => {
    if (current.lease?.holder !== work.lease.holder) {
      const isHeldByEarlierTry = current.lease === null && current.hold?.eventId === eventId;
      return { kind: isHeldByEarlierTry ? 'done' : 'lost' };
    }
    const { version } = current.desired;
    if (current.revision !== record.revision || version === null) {
      return { kind: 'superseded', record: { ...current, progress: null } };
    }
    store(dependencies, transaction, {
      ...current,
      lease: null,
      progress: null,
      attempts: {},
      hold: { state: 'held', since: now, eventId, version },
    });
    storeJob(dependencies, transaction, work, record, {
      status: 'held',
      total: assets,
      processed: 0,
      rest: [],
      errors: [],
    });
    return { kind: 'done' };
  });
}

/** Keeps the progress and the error and gives the lease back, so that the redelivery can begin at once. */
export function fail(
  dependencies: SyncDependencies,
  work: Work,
  progress: Progress | null,
  record: ProjectRecord,
  error: unknown,
): Promise<void> {
  return withRecord(dependencies, work, async (transaction, current) => {
    if (current.lease?.holder !== work.lease.holder) return;
    const lastError = errorText(error).slice(0, maxErrorLength);
    const count = current.attempts[work.event.id]?.count ?? 1;
    const released = { ...current, lease: null, progress: progress ?? current.progress };
    const counted = { ...released, attempts: { ...current.attempts, [work.event.id]: { count, lastError } } };
    const isLast = count >= dependencies.limits.maxAttempts;
    store(dependencies, transaction, isLast ? withoutAttempts(released, work.event.id) : counted);
    storeJob(dependencies, transaction, work, record, {
      status: 'failed',
      total: progress?.total ?? null,
      processed: progress?.processed ?? 0,
      rest: progress?.ranges ?? [],
      errors: [lastError],
    });
  });
}

/** Folds what MongoDB itself says into the record, under the lease: a project that was thought deleted lives.
 *  Returns the record to go on with, or 'lost'. */
export function correct(
  dependencies: SyncDependencies,
  work: Work,
  statement: Statement,
): Promise<ProjectRecord | 'lost'> {
  return withRecord(dependencies, work, async (transaction, current) => {
    if (current.lease?.holder !== work.lease.holder) return 'lost';
    const snapshot = statement.projects.get(work.event.projectId);
    if (snapshot === undefined) return current;
    const { desired, change } = fold(current.desired, {
      type: 'ProjectUpdated',
      version: statement.version,
      changes: snapshot.fields,
    });
    const corrected = {
      ...current,
      desired,
      revision: current.revision + (change === 'effect' ? 1 : 0),
      progress: null,
      hold: desired.kind === 'deleted' ? current.hold : null,
    };
    if (change !== 'none') {
      store(dependencies, transaction, corrected);
      if (corrected.hold === null && current.hold !== null) {
        supersedeHeldJob(dependencies.firestore, transaction, current.hold, dependencies.clock.now());
      }
    }
    return corrected;
  });
}

/** The record as it is now, if the lease on it is still held. */
export function reload(dependencies: SyncDependencies, work: Work): Promise<ProjectRecord | 'lost'> {
  return withRecord(dependencies, work, async (_transaction, current) =>
    current.lease?.holder === work.lease.holder ? { ...current, progress: null } : 'lost',
  );
}

function withRecord<T>(
  { firestore }: SyncDependencies,
  work: Work,
  act: (transaction: Transaction, current: ProjectRecord) => Promise<T>,
): Promise<T> {
  const { projectId } = work.event;
  return firestore.runTransaction(
    async (transaction) => {
      const snapshot = await transaction.get(projectRecordRef(firestore, projectId));
      return act(transaction, parseProjectRecord(projectId, snapshot.data()));
    },
    { maxAttempts: 1 },
  );
}

function store({ firestore }: SyncDependencies, transaction: Transaction, record: ProjectRecord): void {
  transaction.set(projectRecordRef(firestore, record.projectId), projectRecordData(record));
}

function storeJob(
  { firestore, clock }: SyncDependencies,
  transaction: Transaction,
  work: Work,
  record: ProjectRecord,
  job: Pick<SyncJob, 'status' | 'total' | 'processed' | 'errors'> & { readonly rest: readonly KeyRange[] },
): void {
  const data = syncJobData({
    event: work.event,
    type: record.desired.kind === 'deleted' ? 'delete' : 'update',
    status: job.status,
    startedAt: work.startedAt,
    finishedAt: job.status === 'continued' || job.status === 'held' ? null : clock.now(),
    heldAt: job.status === 'held' ? clock.now() : null,
    total: job.total,
    processed: job.processed,
    rangesLeft: job.rest.length,
    errors: job.errors,
  });
  transaction.set(syncJobRef(firestore, work.event.id), data);
}
