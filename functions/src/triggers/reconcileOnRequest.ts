import { onMessagePublished } from 'firebase-functions/v2/pubsub';
import { z } from 'zod';
import * as params from '../config/params.ts';
import { maxProjectIds, type ReconcileRequest, ReconcileRequestError } from '../events/reconciliationRequest.ts';
import { reasonToComeAgain } from '../reconcile/redelivery.ts';
import { messageOf } from './pubsubMessage.ts';
import { reconcile } from './reconcile.ts';
import type { Services } from './services.ts';

/** What a message on `reconciliation-requests` may say; everything has a default. Brakes are taken off by people at a terminal, not by messages. */
const requestSchema = z.looseObject({
  reason: z.string().default('request'),
  mode: z.enum(['report', 'clean']).optional(),
  collections: z.array(z.string()).optional(),
  projectIds: z.array(z.string()).max(maxProjectIds).optional(),
});

/** What was asked for could not be done now; this request has to come again. */
class ReconciliationNotDoneError extends Error {
  constructor(problem: string) {
    super(`${problem}; this request is refused so that it comes again`);
    this.name = 'ReconciliationNotDoneError';
  }
}

/** Finds orphans and stale copies, and reports or mends them: the schedule asks for it, the relay when it may have missed changes, a run for its own continuation, and
 *  a person may ask with a message.
 *
 *  Costs: about 1 read per project and collection (per distinct project id and copies), 1 per thousand assets for counting, and what the
 *  mending of a finding costs as an event. Needs: Firestore, MongoDB, publishing to the topics of events and of requests. */
export function reconcileOnRequestFunction(services: Services) {
  return onMessagePublished(
    {
      topic: params.requestsTopic.expression,
      region: params.region.expression,
      // A request made while another run is at work waits for it by coming again.
      retry: true,
      timeoutSeconds: 540,
      memory: '512MiB',
      cpu: 1,
      concurrency: 1,
      // Runs never work at once; a lease sees to that, and this saves the instance.
      maxInstances: 1,
      secrets: [params.mongodbUri],
      serviceAccount: 'lockstep-reconcile@',
    },
    async (event) => {
      const message = messageOf(event);
      const request = parseRequest(message.data);
      if (request instanceof Error) {
        // No redelivery mends it, and there is nothing in it that could be lost.
        services.log.error('a request for a reconciliation cannot be understood and is ignored', {
          error: request.message,
          preview: message.data.toString('utf8').slice(0, 200),
        });
        return;
      }
      const outcome = await reconcile(services, request).catch((error: unknown) => {
        if (!(error instanceof ReconcileRequestError)) throw error;
        services.log.error('a request for a reconciliation asks for what there is not and is ignored', {
          error: error.message,
        });
        return undefined;
      });
      const problem = outcome && reasonToComeAgain(outcome);
      if (problem !== undefined) throw new ReconciliationNotDoneError(problem);
    },
  );
}

/** The request in a message, or what is wrong with it. */
function parseRequest(data: Buffer): ReconcileRequest | Error {
  try {
    const { reason, mode, collections, projectIds } = requestSchema.parse(
      data.length === 0 ? {} : JSON.parse(data.toString('utf8')),
    );
    return {
      mode: mode ?? params.reconcileMode.value(),
      reason,
      ...(collections && { collections }),
      ...(projectIds && { projectIds }),
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
