import type { Actor } from '../audit/entry.ts';
import { encodeReconciliationRequest, type ReconcileRequest } from '../events/reconciliationRequest.ts';
import { type OutboxDependencies, outboxRef } from './outbox.ts';
import { createTransact } from './transact.ts';

const schedule: Actor = { name: 'reconcileAssets', role: 'operator', via: 'schedule' };

/** Asks for the reconciliation of a schedule: audit entry and message are one transaction.
 *  @throws what Firestore or Pub/Sub answered: the schedule tries again, and what was asked for already is only
 *  published. */
export async function askBySchedule(
  dependencies: OutboxDependencies,
  { mode, scheduleTime }: { readonly mode: ReconcileRequest['mode']; readonly scheduleTime: string },
): Promise<void> {
  const { firestore } = dependencies;
  const id = `schedule-${scheduleTime}`;
  const transact = createTransact(dependencies, { actor: schedule, action: 'reconcile', reason: 'schedule' });
  const { unpublished } = await transact(async (transaction, trace) => {
    const isAsked = (await transaction.get(outboxRef(firestore, id))).exists;
    if (!isAsked) trace.record({ target: 'all projects', before: null, after: { mode }, result: 'asked for' });
    const message = encodeReconciliationRequest({ mode, reason: 'schedule' }, { reason: 'schedule' });
    trace.publish('reconciliationRequests', id, message);
  });
  if (unpublished !== undefined) throw unpublished;
}
