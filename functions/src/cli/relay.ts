import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createAlertingLog } from '../alerts/alertingLog.ts';
import { secondMs } from '../clock.ts';
import { cloudLog } from '../cloudLog.ts';
import { alertsTopic, deadLetterTopic, eventsTopic, requestsTopic, syncMode } from '../config/params.ts';
import { createControlReader } from '../control/control.ts';
import config from '../lockstep.config.ts';
import { createWatch } from '../measures/watch.ts';
import { startUpkeep } from '../operations/upkeep.ts';
import { createPublisher } from '../publisher.ts';
import { adoptSource } from '../relay/adopt.ts';
import { defaultRelayLimits } from '../relay/limits.ts';
import { runRelay } from '../relay/relay.ts';
import { createRelayHealth } from '../relay/status/health.ts';
import { createProjectTruth } from '../source/truth.ts';
import { slept } from '../waiting.ts';
import { helpAfter, requiredVariable, runAsProcess, type TerminalCommand, UsageError, wholeNumber } from './command.ts';
import { createConsoleLog } from './consoleLog.ts';
import { decisionOptions } from './decisions/decision.ts';
import { startHealthServer } from './healthServer.ts';
import { askForRewind, type RewindSettings, timeFrom } from './relayRewind.ts';
import { openFirestore, openMongodb, openPubSub } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface RelaySettings {
  readonly mongodbUri: string;
  readonly projectId: string;
  /** Port of the health endpoint; undefined: none. */
  readonly port: number | undefined;
  readonly maxLagMs: number;
  /** Only to make the MongoDB that is there now the one that the relay follows. */
  readonly adopt: boolean;
}

const maxPort = 65_535;
const defaultMaxLagSeconds = 60;

const notes = `Any number may run, next to the scheduled function as well: one works, the others stand by.
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
      .option('--adopt', 'follow the MongoDB that is there now, after an alarm "source-changed", and end', false)
      .addHelpText('after', helpAfter(notes))
      .action((options) =>
        accept({
          port: options.port ?? portOf(env.PORT),
          maxLagMs: options.maxLag * secondMs,
          adopt: options.adopt,
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
  const health = createRelayHealth(clock);
  if (settings.port !== undefined) {
    const server = await startHealthServer(health, settings.port, settings.maxLagMs);
    terminal.atEnd(() => server.close());
    log.info('serving the state of the relay', { port: server.port });
  }
  const publishers = {
    events: createPublisher(pubsub, eventsTopic.value()),
    deadLetters: createPublisher(pubsub, deadLetterTopic.value()),
    reconciliationRequests: createPublisher(pubsub, requestsTopic.value()),
  };
  const control = createControlReader(firestore, clock);
  const stopUpkeep = startUpkeep({
    ...{ firestore, clock, log, control, config },
    truth: createProjectTruth(source, config),
    isShadow: syncMode.value() === 'shadow',
    publisherTo: async (topic) => publishers[topic],
  });
  while (!signal.aborted) {
    const { kind, published, deadLettered, unpublished } = await runRelay({
      ...shared,
      publishers,
      control,
      holder: holder(),
      health,
      onMinute: createWatch({ ...shared, alerts }),
    });
    log.info('the run of the relay ended', { kind, published, deadLettered, unpublished });
    // Another relay, which may reach MongoDB, gets to take the lease first.
    if (kind === 'stalled') await slept(clock, 2 * defaultRelayLimits.standbyPollMs, signal);
  }
  stopUpkeep();
  return 0;
}

if (import.meta.main) await runAsProcess(relay);
