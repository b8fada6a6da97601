import { randomUUID } from 'node:crypto';
import { initializeApp } from 'firebase-admin/app';
import { getFirestore } from 'firebase-admin/firestore';
import { type Clock, hourMs, systemClock } from '../clock.ts';
import { eventsTopic } from '../config/params.ts';
import { ReconcileRequestError } from '../events/reconciliationRequest.ts';
import { deployedHoldLimits } from '../holds/limits.ts';
import config from '../lockstep.config.ts';
import { errorText, type Log } from '../log.ts';
import { createPublisher, createPubSub } from '../publisher.ts';
import { defaultReconcileLimits } from '../reconcile/limits.ts';
import { findingsOf, type ReconcileProgress } from '../reconcile/progress.ts';
import { type ReconcileReport, renderReport } from '../reconcile/report.ts';
import { type ReconcileOutcome, runReconciliation } from '../reconcile/run.ts';
import type { ReconcileDependencies } from '../reconcile/runRecord.ts';
import { connectSource, type ProjectsSource, SourceError } from '../source/connect.ts';
import { estimateProjects } from '../source/estimateProjects.ts';
import { createProjectTruth } from '../source/truth.ts';
import { defaultSyncLimits } from '../sync/limits.ts';
import { createThrottle } from '../sync/throttle.ts';
import { createSyncWorker } from '../sync/worker.ts';
import { createConsoleLog } from './consoleLog.ts';
import { progressLine } from './progressLine.ts';
import { exitCodes, type MainSettings, mainSettings, usage } from './reconcileSettings.ts';

type Settings = Extract<MainSettings, { kind: 'run' }>;

/** How long one round of the command may take, in ms: it then goes on with the next, so that no time on the way can overflow. */
const roundMs = hourMs;

/** How often progress is shown: on a terminal in one line that changes, elsewhere in lines of their own. In ms. */
const showEveryMs = { terminal: 200, elsewhere: 5_000 };

const log = createConsoleLog(systemClock, (line) => process.stderr.write(line));

async function main(): Promise<number> {
  const settings = mainSettings(process.argv.slice(2), process.env);
  if (settings.kind === 'help') {
    process.stdout.write(usage);
    return exitCodes.inStep;
  }
  if (settings.kind === 'mistake') {
    process.stderr.write(`lockstep reconcile: ${settings.message}\n`);
    return exitCodes.usage;
  }
  try {
    const source = await connectSource(settings.mongodbUri, config);
    try {
      return await reconcile(settings, source);
    } finally {
      await source.close();
    }
  } catch (error) {
    const text = error instanceof SourceError ? error.message : errorText(error);
    process.stderr.write(`lockstep reconcile: ${text}\n`);
    return error instanceof ReconcileRequestError ? exitCodes.usage : exitCodes.failed;
  }
}

async function reconcile(settings: Settings, source: ProjectsSource): Promise<number> {
  initializeApp({ projectId: settings.projectId });
  const firestore = getFirestore();
  const pubsub = createPubSub(settings.projectId);
  const signal = stopSignal();
  const show = createProgressDisplay(systemClock, settings);
  try {
    const dependencies = connect(settings, source, firestore, pubsub, { ...log, info: () => undefined });
    for (;;) {
      const outcome = await runReconciliation(dependencies, {
        request: settings.request,
        deadline: systemClock.now() + roundMs,
        signal,
        onProgress: show.progress,
      });
      if (outcome.kind === 'continued' && !signal.aborted) continue;
      show.end();
      return print(outcome, settings.json);
    }
  } finally {
    show.end();
    await Promise.allSettled([pubsub.close(), firestore.terminate()]);
  }
}

/** The one place where the command is put together: mending is the work on events, with its own last look at MongoDB. */
function connect(
  settings: Settings,
  source: ProjectsSource,
  firestore: ReconcileDependencies['firestore'],
  pubsub: ReturnType<typeof createPubSub>,
  quiet: Log,
): ReconcileDependencies {
  const shared = { firestore, config, clock: systemClock, uniqueId: () => randomUUID(), log: quiet };
  const applier = createSyncWorker({
    ...shared,
    // The last look before a deletion is always on the primary.
    truth: createProjectTruth(source, config),
    countProjects: () => estimateProjects(source),
    events: createPublisher(pubsub, eventsTopic.value()),
    random: Math.random,
    limits: { ...defaultSyncLimits, hold: deployedHoldLimits() },
    throttle: createThrottle(),
  });
  const { readsPerSecond, graceMs, readFrom } = settings;
  const limits = {
    ...defaultReconcileLimits,
    ...(readsPerSecond !== undefined && { readsPerSecond }),
    ...(graceMs !== undefined && { graceMs }),
  };
  return {
    ...shared,
    source,
    truth: createProjectTruth(source, config, { readPreference: readFrom }),
    applier,
    limits,
  };
}

/** Prints the report; returns the exit code. */
function print(outcome: ReconcileOutcome, json: boolean): number {
  if (outcome.kind === 'busy') {
    const until = new Date(outcome.until).toISOString();
    process.stderr.write(`lockstep reconcile: another run is at work, until ${until} at least; try again then.\n`);
    return exitCodes.unfinished;
  }
  const { report } = outcome;
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
  if (outcome.kind === 'continued') {
    process.stderr.write('Interrupted: the progress is kept, and the same command goes on from there.\n');
    return exitCodes.unfinished;
  }
  return outcome.kind === 'braked' ? exitCodes.braked : doneCode(report);
}

function doneCode(report: ReconcileReport): number {
  if (report.mended !== null)
    return report.mended.failed + report.mended.held === 0 ? exitCodes.inStep : exitCodes.findings;
  return findingsOf(report) === 0 ? exitCodes.inStep : exitCodes.findings;
}

interface ProgressDisplay {
  progress(progress: ReconcileProgress): void;
  /** Leaves the line of the terminal. */
  end(): void;
}

function createProgressDisplay(clock: Clock, { json }: Settings): ProgressDisplay {
  const isTerminal = process.stderr.isTTY === true && !json;
  const every = isTerminal ? showEveryMs.terminal : showEveryMs.elsewhere;
  const startedAt = clock.now();
  let first: ReconcileProgress | undefined;
  let shownAt = startedAt;
  let isLineOpen = false;
  return {
    progress(progress) {
      first ??= progress;
      const now = clock.now();
      if (now - shownAt < every) return;
      shownAt = now;
      const line = progressLine(progress, first, now - startedAt);
      process.stderr.write(isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
      isLineOpen = isTerminal;
    },
    end() {
      if (isLineOpen) process.stderr.write('\n');
      isLineOpen = false;
    },
  };
}

/** Aborted by the first SIGINT or SIGTERM. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('asked to stop'));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

// Sockets of the client libraries would keep the process alive for a while after all is done.
process.exit(await main());
