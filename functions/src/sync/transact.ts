import type { Firestore, Transaction } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { type EndOfWaiting, endWaiting } from '../holds/job.ts';
import { type HistoryWrite, historyEntryRef, writeHistory } from '../records/historyEntry.ts';
import {
  type ProjectRecord,
  parseProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../records/projectRecord.ts';
import { type SyncJob, syncJobData, syncJobRef } from '../records/syncJob.ts';

/** One transition of a project's record: what came of it, and what has to be written for it, in one transaction. */
export interface Step<T> {
  readonly outcome: T;
  /** The new record; absent where nothing changes. */
  readonly record?: ProjectRecord | undefined;
  readonly job?: SyncJob | undefined;
  readonly history?: readonly HistoryWrite[] | undefined;
  /** Jobs that waited, held or parked, and do so no more. */
  readonly ends?: readonly EndOfWaiting[] | undefined;
  /** Writes assets with it. */
  readonly writeAssets?: ((transaction: Transaction) => void) | undefined;
}

/** Takes a step from the record as it is now. The step may be computed more than once; it may read, and writes nothing.
 *  @throws ProjectRecordError, and what Firestore answered. */
export function transact<T>(
  { firestore }: { readonly firestore: Firestore; readonly clock: Clock },
  projectId: string,
  step: (current: ProjectRecord, transaction: Transaction) => Step<T> | Promise<Step<T>>,
): Promise<T> {
  return firestore.runTransaction(
    async (transaction) => {
      const snapshot = await transaction.get(projectRecordRef(firestore, projectId));
      const taken = await step(parseProjectRecord(projectId, snapshot.data()), transaction);
      writeStep(firestore, transaction, { ...taken, history: await unknownTo(firestore, transaction, taken.history) });
      return taken.outcome;
    },
    // Retries belong to the caller, whose backoff knows the budget of the invocation.
    { maxAttempts: 1 },
  );
}

/** Writes what a step asks for. */
export function writeStep(
  firestore: Firestore,
  transaction: Transaction,
  { record, job, ends = [], history = [], writeAssets }: Omit<Step<unknown>, 'outcome'>,
): void {
  writeAssets?.(transaction);
  if (record) transaction.set(projectRecordRef(firestore, record.projectId), projectRecordData(record));
  if (job) {
    const data = syncJobData(job);
    const ref = syncJobRef(firestore, job.event.id);
    if (job.staysParked) transaction.set(ref, data, { mergeFields: Object.keys(data) });
    else transaction.set(ref, data);
  }
  for (const write of history) writeHistory(firestore, transaction, write);
  for (const end of ends) endWaiting(firestore, transaction, end);
}

/** Without what is only written where there is no entry yet, and there is one. */
async function unknownTo(
  firestore: Firestore,
  transaction: Transaction,
  history: readonly HistoryWrite[] = [],
): Promise<readonly HistoryWrite[]> {
  const isNew = await Promise.all(
    history.map(
      async ({ id, ifAbsent }) => !ifAbsent || !(await transaction.get(historyEntryRef(firestore, id))).exists,
    ),
  );
  return history.filter((_write, index) => isNew[index]);
}
