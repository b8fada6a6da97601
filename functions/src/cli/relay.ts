import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { initializeApp } from 'firebase-admin/app';
import { getFirestore } from 'firebase-admin/firestore';
import { systemClock } from '../clock.ts';
import { cloudLog } from '../cloudLog.ts';
import { deadLetterTopic, eventsTopic, requestsTopic } from '../config/params.ts';
import config from '../lockstep.config.ts';
import { errorText } from '../log.ts';
import { createPublisher, createPubSub } from '../publisher.ts';
import { createRelayHealth } from '../relay/health.ts';
import { defaultRelayLimits } from '../relay/limits.ts';
import { runRelay } from '../relay/relay.ts';
import { connectSource, type ProjectsSource, SourceError } from '../source/connect.ts';
import { aborted, untilAborted, within } from '../waiting.ts';
import { createConsoleLog } from './consoleLog.ts';
import { type HealthServer, startHealthServer } from './healthServer.ts';
import { type MainSettings, mainSettings, usage } from './relaySettings.ts';

/** A terminal's Ctrl-C reaches every process of the group and is passed on by those in front as well: what comes within this time, in ms, is the same one. */
const sameSignalMs = 500;

type Run = Extract<MainSettings, { kind: 'run' }>;

/** On Cloud Run (which sets K_SERVICE) alerts read the lines; elsewhere people do. */
const log = process.env.K_SERVICE ? cloudLog : createConsoleLog(systemClock, (line) => process.stderr.write(line));

/** Aborted by the first SIGINT or SIGTERM; the second ends the process at once, which loses nothing: the next run repeats what was not saved. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = systemClock.now();
      log.info('Stopping; a second signal stops at once.', { signal: name });
      controller.abort();
    } else if (systemClock.now() - firstAt > sameSignalMs) {
      process.exit(1);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

async function relay(settings: Run, source: ProjectsSource, signal: AbortSignal): Promise<void> {
  initializeApp({ projectId: settings.projectId });
  const firestore = getFirestore();
  const pubsub = createPubSub(settings.projectId);
  const health = createRelayHealth(systemClock);
  let server: HealthServer | undefined;
  try {
    if (settings.port !== undefined) {
      server = await startHealthServer(health, settings.port, settings.maxLagMs);
      log.info('Serving the state of the relay.', { port: server.port });
    }
    while (!signal.aborted) {
      const outcome = await runRelay({
        source,
        firestore,
        config,
        publishers: {
          events: createPublisher(pubsub, eventsTopic.value()),
          deadLetters: createPublisher(pubsub, deadLetterTopic.value()),
          reconciliationRequests: createPublisher(pubsub, requestsTopic.value()),
        },
        clock: systemClock,
        random: Math.random,
        log,
        limits: defaultRelayLimits,
        holder: `${hostname()}/${process.pid}/${randomUUID()}`,
        signal,
        health,
      });
      log.info('The run of the relay ended.', {
        kind: outcome.kind,
        published: outcome.published,
        deadLettered: outcome.deadLettered,
        unpublished: outcome.unpublished,
      });
    }
  } finally {
    await within(
      systemClock,
      defaultRelayLimits.closeConnectionsMs,
      Promise.allSettled([server?.close(), pubsub.close(), firestore.terminate(), source.close()]),
    );
  }
}

async function main(): Promise<number> {
  const settings = mainSettings(process.argv.slice(2), process.env);
  if (settings.kind === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  if (settings.kind === 'mistake') {
    process.stderr.write(`lockstep relay: ${settings.message}\n`);
    return 1;
  }
  const signal = stopSignal();
  try {
    const source = await untilAborted(connectSource(settings.mongodbUri, config), signal);
    if (source === aborted) return 0;
    await relay(settings, source, signal);
    return 0;
  } catch (error) {
    // A SourceError says all there is to do; what the driver said stands in it already.
    const text = error instanceof SourceError ? error.message : errorText(error);
    process.stderr.write(`lockstep relay: ${text}\n`);
    return 1;
  }
}

// Sockets of the client libraries would keep the process alive for a while after all is done.
process.exit(await main());
