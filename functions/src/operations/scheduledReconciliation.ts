import { isDeepStrictEqual } from 'node:util';
import type { Firestore, Query } from 'firebase-admin/firestore';
import { type Actor, parseAuditEntry } from '../audit/entry.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { encodeReconciliationRequest, type ReconcileRequest } from '../events/reconciliationRequest.ts';
import type { Log } from '../log.ts';
import { type OutboxDependencies, outboxRef } from './outbox.ts';
import { createTransact } from './transact.ts';

const schedule: Actor = { name: 'reconcileAssets', role: 'operator', via: 'schedule' };

/** Asks for the reconciliation of a schedule: audit entry and message are one transaction. Cloud Scheduler may deliver
 *  the same time again, long after the message has left the outbox: that the audit has it says that it was asked for.
 *  @throws what Firestore or Pub/Sub answered: the schedule tries again, and what was asked for already is only
 *  published, if it was not yet. */
export async function askBySchedule(
  dependencies: OutboxDependencies & { readonly log: Log },
  { mode, scheduleTime }: { readonly mode: ReconcileRequest['mode']; readonly scheduleTime: string },
): Promise<void> {
  const { firestore } = dependencies;
  const id = `schedule-${scheduleTime}`;
  const after = { mode, scheduleTime };
  const transact = createTransact(dependencies, { actor: schedule, action: 'reconcile', reason: 'schedule' });
  const { value: isNew, unpublished } = await transact(async (transaction, trace) => {
    const last = parseAuditEntry((await transaction.get(lastAsked(firestore))).docs[0]?.data());
    const isAsked = last.ok && isDeepStrictEqual(last.entry.after, after);
    if (isAsked && !(await transaction.get(outboxRef(firestore, id))).exists) return false;
    if (!isAsked) trace.record({ target: 'all projects', before: null, after, result: 'asked for' });
    const message = encodeReconciliationRequest({ mode, reason: 'schedule' }, { reason: 'schedule' });
    trace.publish('reconciliationRequests', id, message);
    return true;
  });
  if (unpublished !== undefined) throw unpublished;
  if (!isNew) dependencies.log.info('this time of the schedule was asked for before; nothing is asked for', after);
}

/** The newest audit entry of the schedule. */
function lastAsked(firestore: Firestore): Query {
  const entries = firestore.collection(recordCollections.audit).where('actor', '==', schedule.name);
  return entries.orderBy('sequence', 'desc').limit(1);
}
