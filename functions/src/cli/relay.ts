import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createAlertingLog } from '../alerts/alertingLog.ts';
import { secondMs } from '../clock.ts';
import { cloudLog } from '../cloudLog.ts';
import {
  alertsTopic,
  deadLetterTopic,
  mostRelayShards,
  relayShards,
  requestsTopic,
  syncMode,
} from '../config/params.ts';
import { createControlReader } from '../control/control.ts';
import config from '../lockstep.config.ts';
import { createWatch } from '../measures/watch.ts';
import { startUpkeep } from '../operations/upkeep.ts';
import { createPublisher } from '../publisher.ts';
import { adoptSource } from '../relay/adopt.ts';
import { defaultRelayLimits } from '../relay/limits.ts';
import { runRelay } from '../relay/relay.ts';
import { createRelayHealth, type RelayHealth } from '../relay/status/health.ts';
import { createProjectTruth } from '../source/truth.ts';
import { slept } from '../waiting.ts';
import { helpAfter, requiredVariable, runAsProcess, type TerminalCommand, UsageError, wholeNumber } from './command.ts';
import { createConsoleLog } from './consoleLog.ts';
import { decisionOptions } from './decisions/decision.ts';
import { startHealthServer } from './healthServer.ts';
import { askForRewind, type RewindSettings, timeFrom } from './relayRewind.ts';
import { eventsPublisher, openFirestore, openMongodb, openPubSub } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface RelaySettings {
  readonly mongodbUri: string;
  readonly projectId: string;
  /** Port of the health endpoint; undefined: none. */
  readonly port: number | undefined;
  readonly maxLagMs: number;
  /** Only to make the MongoDB that is there now the one that the relay follows. */
  readonly adopt: boolean;
  /** The one shard to follow; undefined: all. */
  readonly shard: number | undefined;
}

const maxPort = 65_535;
const defaultMaxLagSeconds = 60;

const notes = `Any number may run, next to the scheduled function as well: one works, the others stand by.
With RELAY_SHARDS above 1 it follows all shards, or with --shard one of them: run one process for each.
Ctrl-C ends it with everything saved; a second one ends it at once.

Exit code: 0 stopped with everything saved; 1 an error; 2 a mistake in the command; 130 or 143
stopped before all was saved, which the next run repeats.`;

/** The relay as a process of its own. */
export const relay: TerminalCommand<RelaySettings | RewindSettings> = {
  name: 'relay',
  saves: true,
  declare(command, accept, env) {
    command
      .description('The relay as a process of its own: publishes an event for every change of a project.')
      .option('--port <n>', 'serve its state as JSON on this port (default: $PORT; without either, no endpoint)', port)
      .option(
        '--max-lag <seconds>',
        'answer 503 there when more than this far behind',
        wholeNumber(1, Number.MAX_SAFE_INTEGER / secondMs),
        defaultMaxLagSeconds,
      )
      .option(
        '--shard <n>',
        'follow this one of the RELAY_SHARDS shards only (default: all of them)',
        wholeNumber(1, mostRelayShards),
      )
      .option('--adopt', 'follow the MongoDB that is there now, after an alarm "source-changed", and end', false)
      .addHelpText('after', helpAfter(notes))
      .action((options) =>
        accept({
          port: options.port ?? portOf(env.PORT),
          maxLagMs: options.maxLag * secondMs,
          adopt: options.adopt,
          shard: options.shard,
          mongodbUri: requiredVariable(env, 'MONGODB_URI'),
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
        }),
      );
    command
      .command('rewind')
      .description('have the relay read MongoDB’s changes again from a time on, and end')
      .requiredOption('--to <time>', 'such as 2026-11-27T12:00:00Z', timeFrom)
      .option(...decisionOptions.reason)
      .option(...decisionOptions.as)
      .option(...decisionOptions.yes)
      .action(({ to, reason, as, yes = false }) =>
        accept({
          mongodbUri: requiredVariable(env, 'MONGODB_URI'),
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
          rewindTo: to,
          reason,
          as,
          yes,
        }),
      );
  },
  run: (settings, terminal) =>
    'rewindTo' in settings ? askForRewind(settings, terminal) : runUntilStopped(settings, terminal),
};

const port = wholeNumber(0, maxPort);

function portOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  try {
    return port(text);
  } catch (error) {
    throw new UsageError(`PORT: ${error instanceof Error ? error.message : error}`);
  }
}

async function runUntilStopped(settings: RelaySettings, terminal: Terminal): Promise<number> {
  const { clock, signal } = terminal;
  // On Cloud Run (which sets K_SERVICE) alerts read the lines; elsewhere people do.
  const lines = process.env.K_SERVICE ? cloudLog : createConsoleLog(clock, terminal.note);
  const [source, firestore, pubsub] = await Promise.all([
    openMongodb(terminal, settings.mongodbUri),
    openFirestore(terminal, settings.projectId),
    openPubSub(terminal, settings.projectId),
  ]);
  const { log, ...alerts } = createAlertingLog({
    log: lines,
    clock,
    uniqueId: randomUUID,
    publisher: async () => createPublisher(pubsub, alertsTopic.value()),
  });
  terminal.atEnd(() => alerts.flush());
  const shared = { source, firestore, config, clock, random: Math.random, log, limits: defaultRelayLimits, signal };
  const holder = () => `${hostname()}/${process.pid}/${randomUUID()}`;
  if (settings.adopt) {
    const adoption = await adoptSource({ ...shared, holder: holder() });
    if (adoption.kind === 'lease-held')
      throw new Error(`another relay (${adoption.heldBy}) holds the lease; stop it first`);
    terminal.note('adopted: the next run of the relay starts from now and asks for a reconciliation');
    return 0;
  }
  const of = relayShards.value();
  const numbers = settings.shard === undefined ? Array.from({ length: of }, (_, index) => index + 1) : [settings.shard];
  const shards = numbers.map((number) => ({ number, health: createRelayHealth(clock) }));
  if (settings.port !== undefined) {
    const server = await startHealthServer(furthestBehind(shards), settings.port, settings.maxLagMs);
    terminal.atEnd(() => server.close());
    log.info('serving the state of the relay', { port: server.port });
  }
  const publishers = {
    events: eventsPublisher(pubsub),
    deadLetters: createPublisher(pubsub, deadLetterTopic.value()),
    reconciliationRequests: createPublisher(pubsub, requestsTopic.value()),
  };
  const control = createControlReader(firestore, clock);
  const stopUpkeep = numbers.includes(1)
    ? startUpkeep({
        ...{ firestore, clock, log, control, config },
        truth: createProjectTruth(source, config),
        isShadow: syncMode.value() === 'shadow',
        publisherTo: async (topic) => publishers[topic],
      })
    : () => {};
  // One that fails ends the process, and with it the others in order.
  const failed = new AbortController();
  const ending = AbortSignal.any([signal, failed.signal]);
  const keepFollowing = async ({ number, health }: (typeof shards)[number]): Promise<void> => {
    while (!ending.aborted) {
      const { kind, published, deadLettered, unpublished } = await runRelay({
        ...shared,
        signal: ending,
        shard: { number, of },
        publishers,
        control,
        holder: holder(),
        health,
        onMinute: createWatch({ ...shared, alerts }),
      });
      log.info('the run of the relay ended', {
        ...{ kind, published, deadLettered, unpublished },
        ...(of > 1 && { shard: number }),
      });
      // Another relay, which may reach MongoDB, gets to take the lease first; a shard that there is not may come.
      if (kind === 'stalled' || kind === 'not-needed') {
        await slept(clock, 2 * defaultRelayLimits.standbyPollMs, ending);
      }
    }
  };
  try {
    const runs = shards.map((shard) =>
      keepFollowing(shard).catch((error: unknown) => {
        failed.abort();
        throw error;
      }),
    );
    await Promise.allSettled(runs);
    await Promise.all(runs);
  } finally {
    stopUpkeep();
  }
  return 0;
}

/** The state of the shard that is furthest behind, as that of all. */
function furthestBehind(shards: readonly { readonly health: RelayHealth }[]): Pick<RelayHealth, 'status'> {
  return {
    status: () =>
      shards
        .map(({ health }) => health.status())
        .reduce((worst, status) => ((status.lagMs ?? -1) > (worst.lagMs ?? -1) ? status : worst)),
  };
}

if (import.meta.main) await runAsProcess(relay);
