import { onSchedule } from 'firebase-functions/v2/scheduler';
import * as params from '../config/params.ts';
import { reconcile } from './reconcile.ts';
import type { Services } from './services.ts';

/** Finds orphans and stale copies on a schedule, and reports or mends them, as RECONCILE_MODE says.
 *
 *  Costs: about 1 read per project and collection (per distinct project id and copies), 1 per thousand assets for counting, and what the
 *  mending of a finding costs as an event. Needs: Firestore, MongoDB, publishing to the topics of events and of requests. */
export function reconcileAssetsFunction(services: Services) {
  return onSchedule(
    {
      schedule: params.reconcileSchedule.expression.toCEL(),
      region: params.region.expression,
      timeoutSeconds: 540,
      memory: '512MiB',
      cpu: 1,
      concurrency: 1,
      // Runs never work at once; a lease sees to that, and this saves the instance.
      maxInstances: 1,
      retryCount: 0,
      secrets: [params.mongodbUri],
      serviceAccount: 'lockstep-reconcile@',
    },
    async () => {
      await reconcile(services, { mode: params.reconcileMode.value(), reason: 'schedule' });
    },
  );
}
