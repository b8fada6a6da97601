import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import * as params from '../config/params.ts';
import { messageOf } from './pubsubMessage.ts';
import type { Services } from './services.ts';
import { withAlerts } from './withAlerts.ts';

/** Keeps each dead letter in `syncFailures` with its error, and raises the alarm.
 *
 *  Costs per dead letter: 1 read and 1 write. Needs: Firestore. */
export function recordDeadLetterFunction(services: Services) {
  return onMessagePublished(
    {
      topic: params.deadLetterTopic.expression,
      region: params.region.expression,
      // Nothing stands behind this function: what it could not keep must be redelivered.
      retry: true,
      timeoutSeconds: 60,
      memory: '512MiB',
      // What Pub/Sub itself gave up has up to 10 MB, and lies here several times over: as text, as bytes, as a record.
      concurrency: 4,
      maxInstances: 5,
      serviceAccount: 'lockstep-dead-letter@',
    },
    (event) =>
      withAlerts(services, async () => {
        const { clock, log } = services;
        const { recordDeadLetter } = await import('../deadLetters/record.ts');
        await recordDeadLetter({ firestore: await services.firestore(), clock, log }, messageOf(event));
      }),
  );
}
