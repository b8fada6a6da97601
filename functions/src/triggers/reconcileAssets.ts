import { onSchedule } from 'firebase-functions/v2/scheduler';
import * as params from '../config/params.ts';
import { publisherTo, type Services } from './services.ts';

/** Asks for a reconciliation on a schedule, one that reports or repairs, as RECONCILE_MODE says. The work is done by
 *  `reconcileOnRequest`: a message is redelivered when its function dies, while Cloud Scheduler waits for the next day.
 *
 *  Costs: one message, two reads and four writes; three reads for a time that is delivered again. Needs: Firestore, for
 *  the audit; publishing to the topic of requests. */
export function reconcileAssetsFunction(services: Services) {
  return onSchedule(
    {
      schedule: params.reconcileSchedule.expression.toCEL(),
      region: params.region.expression,
      timeoutSeconds: 60,
      memory: '256MiB',
      maxInstances: 1,
      // Only asking can fail.
      retryCount: 3,
      serviceAccount: 'lockstep-reconcile@',
    },
    async ({ scheduleTime }) => {
      const { clock, log } = services;
      const mode = params.reconcileMode.value();
      const { askBySchedule } = await import('../operations/scheduledReconciliation.ts');
      const firestore = await services.firestore();
      await askBySchedule({ firestore, clock, log, publisherTo: publisherTo(services) }, { mode, scheduleTime });
    },
  );
}
