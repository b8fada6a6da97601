import { defineSecret } from 'firebase-functions/params';
import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import * as params from '../config/params.ts';
import { messageOf } from './pubsubMessage.ts';
import type { Services } from './services.ts';

/** Keeps each alert in `syncAlerts`, and brings it to the targets that are configured.
 *
 *  Costs per alarm: 1 read and 1 write, and once more where a target is told. Needs: Firestore, and the secret with the
 *  targets' addresses where there are any. */
export function deliverAlertFunction(services: Services) {
  const { alerts } = services.config;
  // Only where there are targets: a deployment is asked for every secret that is defined.
  const secret = alerts.targets.length === 0 ? undefined : defineSecret(params.alertTargetsSecret);
  return onMessagePublished(
    {
      topic: params.alertsTopic.expression,
      region: params.region.expression,
      // What a target did not take must be redelivered.
      retry: true,
      // Two rounds of tries, and the transactions around them.
      timeoutSeconds: 120,
      memory: '256MiB',
      // In a flood most messages are of one alert, whose record takes about one write a second; they wait in the topic.
      concurrency: 1,
      maxInstances: 3,
      ...(secret && { secrets: [secret] }),
      serviceAccount: 'lockstep-alerts@',
    },
    async (event) => {
      const { clock, random, log } = services;
      const { data, messageId } = messageOf(event);
      const [{ decodeAlertMessage }, { deliverAlert }, { readAddresses }] = await Promise.all([
        import('../alerts/alertMessage.ts'),
        import('../alerts/deliver.ts'),
        import('../alerts/webhooks/addresses.ts'),
      ]);
      const decoded = decodeAlertMessage(data);
      if (!decoded.ok) {
        // No redelivery helps, and the alarm has its line in the log.
        log.error('an alert cannot be read and is ignored', {
          error: decoded.reason,
          preview: data.toString('utf8').slice(0, 200),
        });
        return;
      }
      await deliverAlert(
        {
          firestore: await services.firestore(),
          clock,
          random,
          log,
          config: alerts,
          addresses: () => readAddresses(secret?.value() ?? '{}', alerts.targets),
          source: process.env.GCLOUD_PROJECT ?? 'lockstep',
        },
        decoded.message,
        messageId ?? services.uniqueId(),
        services.stopping(),
      );
    },
  );
}
