import { onSchedule } from 'firebase-functions/v2/scheduler';
import { secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { defaultRelayLimits } from '../relay/limits.ts';
import { networkOptions } from './networkOptions.ts';
import { eventsPublisher, projectTruth, publisherTo, type Services } from './services.ts';
import { withAlerts } from './withAlerts.ts';

/** Tails the change stream of the projects and publishes an event for every change that assets depend on.
 *
 *  Cloud Scheduler never runs two executions of a job at once: one whose time comes while another runs begins when that
 *  one has ended. So an invocation runs for nearly as long as it may, and the next one, due since long, follows at
 *  once. The lease is for a relay that runs elsewhere as well, and for an attempt that Cloud Scheduler gave up while it
 *  went on.
 *
 *  Costs: one instance all the time, 1 read and 1 write of the checkpoint per second with changes (a few a minute
 *  without), 2 reads a second while another relay has the lease, and for its measures 12 reads and 3 writes a minute,
 *  with 1 read for each event; 12 reads a minute for pauses, and 5 for what is looked after (`operations/upkeep.ts`).
 *  Needs: MongoDB, Firestore, publishing to all topics.
 *
 *  Each shard has a function of its own, and so a schedule and a processor; those that RELAY_SHARDS leaves out are not
 *  deployed. The first one also measures and looks after things for all. */
export function relayProjectChangesFunction(services: Services, shard = 1) {
  return onSchedule(
    {
      ...(shard > 1 && { omit: params.relayShards.expression.lessThan(shard) }),
      schedule: params.relaySchedule.expression.toCEL(),
      region: params.region.expression,
      // `firebase deploy` makes it the attempt deadline: https://github.com/firebase/firebase-tools/pull/9544
      timeoutSeconds: params.relayTimeoutSeconds,
      memory: '512MiB',
      cpu: 1,
      concurrency: 1,
      // One works; the other is for an attempt that was given up while it went on.
      maxInstances: 2,
      // The first after 5 s: sooner than the next minute.
      retryCount: 3,
      secrets: [params.mongodbUri],
      ...networkOptions(services.config),
      serviceAccount: 'lockstep-relay@',
    },
    () =>
      withAlerts(services, async () => {
        const { clock, random, log, config } = services;
        const [{ RelayError, runRelay }, { startUpkeep }, { createControlReader }, { createWatch }] = await Promise.all(
          [
            import('../relay/relay.ts'),
            import('../operations/upkeep.ts'),
            import('../control/control.ts'),
            import('../measures/watch.ts'),
          ],
        );
        const firestore = await services.firestore();
        const control = createControlReader(firestore, clock);
        const stopUpkeep =
          shard > 1
            ? () => {}
            : startUpkeep({
                ...{ firestore, clock, log, control, config },
                truth: projectTruth(services),
                isShadow: params.syncMode.value() === 'shadow',
                publisherTo: publisherTo(services),
              });
        const outcome = await runRelay({
          source: await services.source(),
          firestore,
          control,
          config,
          publishers: {
            events: await eventsPublisher(services),
            deadLetters: await services.publisher(params.deadLetterTopic.value()),
            reconciliationRequests: await services.publisher(params.requestsTopic.value()),
          },
          clock,
          random,
          log,
          limits: defaultRelayLimits,
          shard: { number: shard, of: params.relayShards.value() },
          holder: services.uniqueId(),
          budgetMs: params.relayBudgetSeconds.value() * secondMs,
          latestMs: (params.relayTimeoutSeconds - 1) * secondMs,
          signal: services.stopping(),
          onMinute: createWatch({ firestore, clock, config, log, alerts: services.alerts }),
        }).finally(stopUpkeep);
        if (outcome.kind === 'stalled') {
          throw new RelayError('the relay gave its lease up without an answer of MongoDB', { cause: outcome.error });
        }
        log.info(`relay ${outcome.kind}`, { outcome: outcome.kind, published: outcome.published });
      }),
  );
}

/** The functions of the shards behind the first, by their numbers. */
export function relayShardFunctions(services: Services) {
  const numbers = Array.from({ length: params.mostRelayShards - 1 }, (_, index) => index + 2);
  return Object.fromEntries(
    numbers.map((number) => [String(number), relayProjectChangesFunction(services, number)] as const),
  );
}
