import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import * as params from '../config/params.ts';
import { decodeReconciliationRequest, ReconcileRequestError } from '../events/reconciliationRequest.ts';
import { requestedWork } from '../events/requestedWork.ts';
import { reasonToRedeliver } from '../reconcile/brakes.ts';
import { askForSweep, runArchiveJob } from './archiveJob.ts';
import { networkOptions } from './networkOptions.ts';
import { messageOf } from './pubsubMessage.ts';
import { reconcile } from './reconcile.ts';
import { removeFiles } from './removeFiles.ts';
import type { Services } from './services.ts';
import { withAlerts } from './withAlerts.ts';

/** What was asked for could not be done now; the request has to be redelivered. */
class ReconciliationNotDoneError extends Error {
  constructor(problem: string) {
    super(`${problem}; this request is refused so that it is redelivered`);
    this.name = 'ReconciliationNotDoneError';
  }
}

/** Finds orphans and stale copies, and reports or repairs them: the schedule asks for it, the relay when it may have
 *  missed changes, a run for its own continuation, and a person may ask with a message.
 *
 *  Costs: about 1 read per project and collection (per distinct project id and copies), 1 per thousand assets for
 *  counting, and for each repair what an event costs. Needs: Firestore, MongoDB, publishing to the topics of events and
 *  of requests. */
export function reconcileOnRequestFunction(services: Services) {
  return onMessagePublished(
    {
      topic: params.requestsTopic.expression,
      region: params.region.expression,
      // A request made while another run is at work waits for it by being redelivered.
      retry: true,
      timeoutSeconds: params.eventTimeoutSeconds,
      memory: '512MiB',
      cpu: 1,
      concurrency: 1,
      // Runs never work at once; a lease sees to that, and this saves the instance.
      maxInstances: 1,
      secrets: [params.mongodbUri],
      ...networkOptions(services.config),
      serviceAccount: 'lockstep-reconcile@',
    },
    (event) =>
      withAlerts(services, async () => {
        const message = messageOf(event);
        const other = requestedWork(message.data);
        if (other?.kind === 'archive') return runArchiveJob(services, other.jobId);
        if (other?.kind === 'files') return removeFiles(services);
        const decoded = decodeReconciliationRequest(message.data, params.reconcileMode.value);
        if (!decoded.ok) {
          // No redelivery helps, and there is nothing in it that could be lost.
          services.log.error('a request for a reconciliation cannot be read and is ignored', {
            error: decoded.reason,
            preview: message.data.toString('utf8').slice(0, 200),
          });
          return;
        }
        const outcome = await reconcile(services, decoded.request).catch((error: unknown) => {
          if (!(error instanceof ReconcileRequestError)) throw error;
          services.log.error('a request for a reconciliation names something unknown and is ignored', {
            error: error.message,
          });
          return undefined;
        });
        if (decoded.request.reason === 'schedule' && outcome?.kind !== 'continued') await askForSweep(services);
        const problem = outcome && reasonToRedeliver(outcome);
        if (problem !== undefined) throw new ReconciliationNotDoneError(problem);
      }),
  );
}
