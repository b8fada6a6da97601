import { randomUUID } from 'node:crypto';
import { Option } from '@commander-js/extra-typings';
import { getApp } from 'firebase-admin/app';
import { createIndexArchive } from '../archive/indexPages.ts';
import { dayMs, hourMs, minuteMs } from '../clock.ts';
import { archiveBucket, deadLetterTopic, historyDays, jobRetentionDays, syncMode } from '../config/params.ts';
import { createControlReader } from '../control/control.ts';
import { type ReconcileRequest, ReconcileRequestError } from '../events/reconciliationRequest.ts';
import { deployedFileSettings } from '../files/deployedFiles.ts';
import { deployedHoldLimits } from '../holds/limits.ts';
import config from '../lockstep.config.ts';
import { reconcileHere } from '../operations/reconcile.ts';
import { createPublisher } from '../publisher.ts';
import { defaultReconcileLimits } from '../reconcile/limits.ts';
import { findingsOf } from '../reconcile/progress.ts';
import { type ReconcileReport, renderReport } from '../reconcile/report.ts';
import { type ReconcileOutcome, runReconciliation } from '../reconcile/run.ts';
import type { ReconcileDependencies } from '../reconcile/runRecord.ts';
import { readReport } from '../reports/readReport.ts';
import { estimateProjects } from '../source/estimateProjects.ts';
import { createProjectTruth } from '../source/truth.ts';
import { openBucket } from '../storage/bucket.ts';
import { defaultSyncLimits } from '../sync/limits.ts';
import { createSyncMemory } from '../sync/memory/memory.ts';
import { createThrottle } from '../sync/pages/throttle.ts';
import { createSyncWorker } from '../sync/worker.ts';
import {
  errorCodes,
  helpAfter,
  repeated,
  requiredVariable,
  runAsProcess,
  type TerminalCommand,
  UsageError,
  wholeNumber,
} from './command.ts';
import { createConsoleLog } from './consoleLog.ts';
import { type DecisionOptions, decide, decisionOptions } from './decisions/decision.ts';
import { operationServices } from './decisions/operationServices.ts';
import { createProgressDisplay } from './reconcileProgress.ts';
import { type ReportFiles, writeReportFiles } from './reportFiles.ts';
import { eventsPublisher, inTime, noEvents, openFirestore, openMongodb, openPubSub } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface ReconcileSettings extends DecisionOptions {
  readonly mongodbUri: string;
  readonly projectId: string;
  readonly request: ReconcileRequest;
  readonly json: boolean;
  readonly files: ReportFiles;
  /** Where project ids are looked up. */
  readonly readFrom: 'primary' | 'secondary';
  readonly readsPerSecond: number | undefined;
  readonly graceMs: number | undefined;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, inStep: 0, braked: 3, findings: 4, unfinished: 5, declined: 6 } as const;

const notes = `Exit code: 0 in step, or all repaired; 1 an error; 2 a mistake in the command; 3 a brake ended the
run and nothing was deleted after it; 4 the report has findings, or not all could be repaired; 5 not
finished (interrupted, cancelled, or another run is at work); 6 you said no; 130 or 143 interrupted, and the progress of the
last seconds could not be saved. Ctrl-C keeps the progress: the same command goes on from there.`;

/** How long one round of the command may take, in ms: it then goes on with the next, so that no time on the way can
 *  overflow. */
const roundMs = hourMs;

/** Compares the assets with the projects, and repairs what differs. */
export const reconcile: TerminalCommand<ReconcileSettings> = {
  name: 'reconcile',
  saves: true,
  declare(command, accept, env) {
    command
      .description('Compares the assets in Firestore with the projects in MongoDB, and repairs what differs.')
      .option('--report', 'say what differs; changes no asset')
      .option('--clean', 'repair it: delete the assets of projects that are gone, update copies')
      .option('--collection <name>', 'only this collection or collection group; may be given more than once', repeated)
      .option('--project <id>', 'only this project; may be given more than once', repeated)
      .option('--phantoms', 'also find what lies below documents that do not exist: one read per document')
      .option('--files', 'also find files that no asset names, by listing the bucket')
      .option('--files-older-than <days>', 'with --clean and --files: remove those that are older', wholeNumber(1))
      .option('--json', 'print the report as JSON')
      .option('--csv <file>', 'write the report there as CSV')
      .option('--html <file>', 'write the report there as a page')
      .option(...decisionOptions.reason)
      .option(...decisionOptions.as)
      .option(...decisionOptions.yes)
      .option('--reads-per-second <n>', 'read no faster from Firestore', wholeNumber(1))
      .addOption(
        new Option('--read-from <where>', 'look projects up there')
          .choices(['primary', 'secondary'] as const)
          .default('primary' as const),
      )
      .option('--grace <minutes>', 'leave alone what is younger (default: 60)', wholeNumber(0))
      .optionsGroup('To take off a brake, once and on purpose:')
      .option('--allow-orphans <n>', 'allow that up to so many projects with assets are gone', wholeNumber(0))
      .option(
        '--allow-unknown-ids <n>',
        'delete the assets of up to so many ids that never were projects',
        wholeNumber(0),
      )
      .option('--allow-phantoms <n>', 'remove what lies below up to so many missing documents', wholeNumber(0))
      .option('--allow-files <n>', 'remove up to so many files that no asset names', wholeNumber(0))
      .option('--allow-shrink', 'allow that many projects are gone since the last run')
      .option('--allow-new-source', 'allow that the collection in MongoDB is another than in the last run')
      .addHelpText('after', helpAfter(notes))
      .action((options) => {
        if (options.report === options.clean) throw new UsageError('expected either --report or --clean');
        accept({
          mongodbUri: requiredVariable(env, 'MONGODB_URI'),
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
          request: {
            mode: options.clean === true ? 'clean' : 'report',
            ...(options.collection && { collections: [...options.collection] }),
            ...(options.project && { projectIds: [...options.project] }),
            ...(options.phantoms && { phantoms: true }),
            ...(options.files && { files: true }),
            ...(options.filesOlderThan !== undefined && { filesOlderThanDays: options.filesOlderThan }),
            allow: {
              orphans: options.allowOrphans,
              unknownIds: options.allowUnknownIds,
              phantoms: options.allowPhantoms,
              files: options.allowFiles,
              shrink: options.allowShrink,
              source: options.allowNewSource,
            },
            reason: options.reason ?? 'command',
          },
          reason: options.reason,
          as: options.as,
          yes: options.yes === true,
          json: options.json === true,
          files: { ...(options.csv && { csv: options.csv }), ...(options.html && { html: options.html }) },
          readFrom: options.readFrom,
          readsPerSecond: options.readsPerSecond,
          graceMs: options.grace === undefined ? undefined : options.grace * minuteMs,
        });
      });
  },
  async run(settings, terminal) {
    const { clock, signal } = terminal;
    const dependencies = await connect(settings, terminal);
    const onProgress = createProgressDisplay(terminal);
    try {
      const request =
        settings.request.mode === 'clean' ? await decided(settings, dependencies, terminal) : settings.request;
      if (request === 'declined') return exitCodes.declined;
      for (;;) {
        const outcome = await runReconciliation(dependencies, {
          request,
          deadline: clock.now() + roundMs,
          signal,
          onProgress,
        });
        if (outcome.kind === 'continued' && !signal.aborted) continue;
        if (outcome.kind !== 'busy') await keepFiles(dependencies, outcome.report.jobId, settings.files);
        return print(outcome, settings.json, terminal);
      }
    } catch (error) {
      throw error instanceof ReconcileRequestError ? new UsageError(error.message) : error;
    }
  },
};

async function keepFiles({ firestore }: ReconcileDependencies, jobId: string, files: ReportFiles): Promise<void> {
  if (Object.keys(files).length === 0) return;
  const report = await readReport(firestore, jobId);
  if (report !== undefined) await writeReportFiles(report, files);
}

/** Who repairs decides: with a reason, a preview and a trace. The run is the job that this leaves, or that of the same
 *  decision before, if it was interrupted. */
async function decided(
  { request, reason, as, yes }: ReconcileSettings,
  { firestore }: ReconcileDependencies,
  terminal: Terminal,
): Promise<ReconcileRequest | 'declined'> {
  const { mode, collections, projectIds, phantoms, files, filesOlderThanDays, allow } = request;
  const outcome = await decide(
    operationServices(terminal, firestore),
    {
      operation: reconcileHere,
      input: { mode, collections, projectIds, phantoms, files, filesOlderThanDays, allow },
      question: (count) => `Repair the assets of ${count} projects${projectIds ? '' : ' or more'} where they differ?`,
      reason,
      as,
      yes,
    },
    { ...terminal, inTime: (answer) => inTime(terminal, answer) },
    () => undefined,
  );
  return outcome === 'declined' || outcome.jobId === null ? 'declined' : { ...request, jobId: outcome.jobId };
}

/** The one place where the command is put together: repairing is the work on events, with its own final check of
 *  MongoDB. */
async function connect(settings: ReconcileSettings, terminal: Terminal): Promise<ReconcileDependencies> {
  const { mongodbUri, projectId, request, readsPerSecond, graceMs, readFrom } = settings;
  const [source, firestore, pubsub] = await Promise.all([
    openMongodb(terminal, mongodbUri),
    openFirestore(terminal, projectId),
    request.mode === 'clean' ? openPubSub(terminal, projectId) : undefined,
  ]);
  const log = { ...createConsoleLog(terminal.clock, terminal.note), info: () => undefined };
  const shared = { firestore, config, clock: terminal.clock, uniqueId: () => randomUUID(), log };
  const applier = createSyncWorker({
    ...shared,
    // The final check before a deletion is always on the primary.
    truth: createProjectTruth(source, config),
    countProjects: () => estimateProjects(source),
    events: pubsub === undefined ? noEvents : eventsPublisher(pubsub),
    deadLetters: pubsub === undefined ? noEvents : createPublisher(pubsub, deadLetterTopic.value()),
    random: Math.random,
    control: createControlReader(firestore, terminal.clock),
    files: deployedFileSettings(config),
    limits: {
      ...defaultSyncLimits,
      hold: deployedHoldLimits(),
      jobRetentionMs: jobRetentionDays.value() * dayMs,
      isShadow: syncMode.value() === 'shadow',
      historyMs: historyDays.value() * dayMs,
    },
    throttle: createThrottle(),
    memory: createSyncMemory(),
  });
  const files = deployedFileSettings(config);
  const coldBucket = archiveBucket.value();
  const cold = coldBucket === '' ? null : () => openBucket(getApp(), coldBucket, terminal.clock);
  const limits = {
    ...defaultReconcileLimits,
    brakes: { ...defaultReconcileLimits.brakes, deletions: deployedHoldLimits() },
    jobRetentionMs: jobRetentionDays.value() * dayMs,
    ...(readsPerSecond !== undefined && { readsPerSecond }),
    ...(graceMs !== undefined && { graceMs }),
  };
  return {
    ...shared,
    source,
    truth: createProjectTruth(source, config, { readPreference: readFrom }),
    applier,
    limits,
    files: files && {
      settings: files,
      bucket: () => openBucket(getApp(), files.place.bucket, terminal.clock),
      indexArchive: createIndexArchive({ firestore, config, settings: files, log, cold }),
    },
    isShadow: syncMode.value() === 'shadow',
  };
}

/** Prints the report; returns the exit code. */
function print(outcome: ReconcileOutcome, json: boolean, terminal: Terminal): number {
  if (outcome.kind === 'busy') {
    const until = new Date(outcome.until).toISOString();
    terminal.warn(`another run is at work, until ${until} at least; try again then`);
    return exitCodes.unfinished;
  }
  const { report } = outcome;
  const text = json ? JSON.stringify(report, null, 2) : renderReport(report).trimEnd();
  for (const line of text.split('\n')) terminal.print(line);
  if (outcome.kind === 'cancelled') {
    terminal.warn('cancelled by somebody: what was repaired stays repaired');
    return exitCodes.unfinished;
  }
  if (outcome.kind === 'continued') {
    terminal.warn('interrupted: the progress is kept, and the same command goes on from there');
    return exitCodes.unfinished;
  }
  return outcome.kind === 'braked' ? exitCodes.braked : doneCode(report);
}

function doneCode(report: ReconcileReport): number {
  if (report.repaired !== null)
    return report.repaired.failed +
      report.repaired.held +
      report.repaired.deferred +
      report.leftAlone +
      (report.phantoms?.leftAlone ?? 0) +
      (report.files?.leftAlone ?? 0) ===
      0
      ? exitCodes.inStep
      : exitCodes.findings;
  return findingsOf(report) === 0 ? exitCodes.inStep : exitCodes.findings;
}

if (import.meta.main) await runAsProcess(reconcile);
