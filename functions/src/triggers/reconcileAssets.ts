import { onSchedule } from 'firebase-functions/v2/scheduler';
import * as params from '../config/params.ts';
import { requestReconciliation } from './reconcile.ts';
import type { Services } from './services.ts';

/** Asks for a reconciliation on a schedule, one that reports or repairs, as RECONCILE_MODE says. The work is done by
 *  `reconcileOnRequest`: a message is redelivered when its function dies, while Cloud Scheduler waits for the next day.
 *
 *  Costs: one message. Needs: publishing to the topic of requests. */
export function reconcileAssetsFunction(services: Services) {
  return onSchedule(
    {
      schedule: params.reconcileSchedule.expression.toCEL(),
      region: params.region.expression,
      timeoutSeconds: 60,
      memory: '256MiB',
      maxInstances: 1,
      // Only asking can fail. A request that is made twice is one that finds nothing left to do.
      retryCount: 3,
      serviceAccount: 'lockstep-reconcile@',
    },
    async () => {
      await requestReconciliation(services, { mode: params.reconcileMode.value(), reason: 'schedule' }, 'schedule');
    },
  );
}
