import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import { secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { syncInstance } from '../sync/instance.ts';
import { networkOptions } from './networkOptions.ts';
import { messageOf } from './pubsubMessage.ts';
import type { Services } from './services.ts';
import { withAlerts } from './withAlerts.ts';

/** Brings the assets of one project to the newest known state of that project.
 *
 *  Costs per event: 1 read and 1 write of the project's record (2 and 2 for a deletion and for more than a page), 1
 *  write of its history, 1 of a job where something was done, 1 read per asset and 1 delete or write per asset that
 *  changes; a deletion also counts the recent ones (1 read, in a flood 1 per
 *  thousand of them). Needs: Firestore, publishing to the topics of events (continuations) and to the dead letters,
 *  MongoDB for the look before a deletion. */
export const syncProjectFunction = (services: Services) => syncFunction(services, params.eventsTopic);

/** The same for the topic of deletions: its instances are its own, so that deletions wait for deletions only. It takes
 *  every event, too. */
export const syncDeletionsFunction = (services: Services) => syncFunction(services, params.deletionsTopic);

function syncFunction(services: Services, topic: typeof params.eventsTopic) {
  return onMessagePublished(
    {
      topic: topic.expression,
      region: params.region.expression,
      // An event that failed is redelivered, with backoff: nothing else would bring it.
      retry: true,
      timeoutSeconds: params.eventTimeoutSeconds,
      ...syncInstance,
      maxInstances: 20,
      secrets: [params.mongodbUri],
      ...networkOptions(services.config),
      serviceAccount: 'lockstep-sync@',
    },
    (event) =>
      withAlerts(services, async () => {
        const deadline = services.clock.now() + params.syncBudgetSeconds.value() * secondMs;
        const { handleMessage } = await import('../sync/handleMessage.ts');
        await handleMessage(await services.sync(), messageOf(event), { deadline, signal: services.stopping() });
      }),
  );
}
