import { z } from 'zod';
import {
  type AlertRecord,
  AlertRecordError,
  alertData,
  alertRef,
  parseAlert,
  readAlert,
} from '../alerts/alertRecord.ts';
import { acknowledged, closed } from '../alerts/transitions.ts';
import { errorText } from '../log.ts';
import { hasDocumentId } from '../records/documentIds.ts';
import { createTally } from './many.ts';
import { defineOperation, type Operation, type OperationContext } from './operation.ts';

/** Alerts that one call decides about. */
const mostKeys = 200;

const input = z.strictObject({
  keys: z.array(z.string().refine(hasDocumentId, 'is not the key of an alert')).min(1).max(mostKeys),
});

export const acknowledgeAlerts = decisionOnAlerts(
  'acknowledge-alerts',
  'acknowledged',
  'Takes alerts on: they are not escalated any more.',
  acknowledged,
);
export const closeAlerts = decisionOnAlerts(
  'close-alerts',
  'closed',
  'Closes alerts; the same alarm opens them anew.',
  closed,
);

function decisionOnAlerts(
  name: string,
  done: AlertRecord['state'],
  summary: string,
  decide: (known: AlertRecord, by: string, at: number) => AlertRecord,
): Operation {
  return defineOperation({
    name,
    role: 'operator',
    changes: true,
    summary,
    input,
    async preview({ firestore, clock, actor }, { keys }) {
      const snapshots = await Promise.all([...new Set(keys)].map((key) => alertRef(firestore, key).get()));
      const alerts = snapshots.filter(({ exists }) => exists).map(readAlert);
      const readable = alerts.filter((alert): alert is AlertRecord => !(alert instanceof AlertRecordError));
      const changed = readable.filter((alert) => decide(alert, actor.name, clock.now()) !== alert);
      return {
        count: changed.length,
        what: 'alerts',
        details: changed.map(({ key, message }) => ({ name: key, value: message })),
      };
    },
    async act(context, { keys }) {
      const tally = createTally(context);
      for (const key of new Set(keys)) {
        if (tally.isOver()) break;
        await decideOne(context, key, done, decide, tally);
      }
      return tally.outcome(done);
    },
  });
}

async function decideOne(
  { firestore, clock, actor, transact }: OperationContext,
  key: string,
  done: AlertRecord['state'],
  decide: (known: AlertRecord, by: string, at: number) => AlertRecord,
  tally: ReturnType<typeof createTally>,
): Promise<void> {
  const ref = alertRef(firestore, key);
  try {
    const { value, sequence } = await transact(async (transaction, trace) => {
      const snapshot = await transaction.get(ref);
      if (!snapshot.exists) return 'not-found' as const;
      const before = parseAlert(ref.path, snapshot.data());
      const after = decide(before, actor.name, clock.now());
      if (after === before) return 'nothing-to-do' as const;
      transaction.set(ref, alertData(after));
      trace.record({
        target: `alert ${key}`,
        before: { state: before.state },
        after: { state: after.state },
        result: done,
      });
      return 'done' as const;
    });
    const texts = { done, 'nothing-to-do': `was ${done} before`, 'not-found': `there is no alert "${key}"` };
    await tally.add({ target: key, kind: value, text: texts[value] }, sequence);
  } catch (error) {
    await tally.add({ target: key, kind: 'failed', text: errorText(error), error });
  }
}
