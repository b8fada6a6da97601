import { onSchedule } from 'firebase-functions/v2/scheduler';
import { secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { defaultRelayLimits } from '../relay/limits.ts';
import type { Services } from './services.ts';

/** Tails the change stream of the projects and publishes an event for every change that assets depend on.
 *
 *  Invoked every minute with a budget of more than a minute: the next invocation stands by and takes the lease over at once, so that the
 *  stream is tailed without a gap. Costs: one instance all the time, 1 read and 1 write of the checkpoint per second with changes (a few a
 *  minute without), up to 2 reads a second while standing by. Needs: MongoDB, Firestore, publishing to all three topics. */
export function relayProjectChangesFunction(services: Services) {
  return onSchedule(
    {
      schedule: params.relaySchedule.expression.toCEL(),
      region: params.region.expression,
      timeoutSeconds: 180,
      memory: '512MiB',
      cpu: 1,
      concurrency: 1,
      // One works and one stands by.
      maxInstances: 2,
      // The next minute is the retry.
      retryCount: 0,
      secrets: [params.mongodbUri],
      serviceAccount: 'lockstep-relay@',
    },
    async () => {
      const { clock, random, log, config } = services;
      const { runRelay } = await import('../relay/relay.ts');
      const outcome = await runRelay({
        source: await services.source(),
        firestore: await services.firestore(),
        config,
        publishers: {
          events: await services.publisher(params.eventsTopic.value()),
          deadLetters: await services.publisher(params.deadLetterTopic.value()),
          reconciliationRequests: await services.publisher(params.requestsTopic.value()),
        },
        clock,
        random,
        log,
        limits: defaultRelayLimits,
        holder: services.uniqueId(),
        budgetMs: params.relayBudgetSeconds.value() * secondMs,
        signal: services.stopping(),
      });
      log.info(`relay ${outcome.kind}`, { outcome: outcome.kind, published: outcome.published });
    },
  );
}
