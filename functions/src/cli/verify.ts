import { randomUUID } from 'node:crypto';
import { dayMs, hourMs, minuteMs, secondMs } from '../clock.ts';
import { historyDays, jobRetentionDays } from '../config/params.ts';
import { maxSamples, type ReconcileRequest, ReconcileRequestError } from '../events/reconciliationRequest.ts';
import { deployedHoldLimits } from '../holds/limits.ts';
import config from '../lockstep.config.ts';
import { defaultReconcileLimits } from '../reconcile/limits.ts';
import type { ReconcileOutcome } from '../reconcile/run.ts';
import type { ReconcileDependencies } from '../reconcile/runRecord.ts';
import { readReport } from '../reports/readReport.ts';
import { reportAsText } from '../reports/text.ts';
import { createProjectTruth } from '../source/truth.ts';
import { defaultSamples, runVerification } from '../verify/run.ts';
import {
  helpAfter,
  repeated,
  requiredVariable,
  runAsProcess,
  type TerminalCommand,
  UsageError,
  wholeNumber,
} from './command.ts';
import { createConsoleLog } from './consoleLog.ts';
import { createProgressDisplay } from './reconcileProgress.ts';
import { type ReportFiles, writeReportFiles } from './reportFiles.ts';
import { errorSentence, inTime, openFirestore, openMongodb } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface VerifySettings {
  readonly mongodbUri: string;
  readonly projectId: string;
  readonly request: ReconcileRequest;
  readonly files: ReportFiles;
  readonly graceMs: number | undefined;
  readonly settleMs: number | undefined;
}

/** How the command ends: what a deployment gate asks. */
export const exitCodes = { inStep: 0, drift: 1, usage: 2, couldNotLook: 3 } as const;

const notes = `Exit code, for gates of a deployment: 0 in step; 1 something differs; 2 a mistake in the command;
3 it could not look at everything (a service does not answer, another run is at work, a brake, interrupted), so it
says nothing. No asset is ever written. Ctrl-C keeps the progress: the same command goes on from there.`;

/** The longest pause before a second look, in s. */
const maxSettle = 3_600;

/** How long one round of the command may take, in ms: it then goes on with the next. */
const roundMs = hourMs;

/** Says whether the assets are in step with the projects, in a way that can be relied on. */
export const verify: TerminalCommand<VerifySettings> = {
  name: 'verify',
  saves: true,
  declare(command, accept, env) {
    command
      .description('Compares assets and projects: counts, checksums by collection, whole samples. Changes no asset.')
      .option('--collection <name>', 'only this collection or collection group; may be given more than once', repeated)
      .option('--project <id>', 'only this project; may be given more than once', repeated)
      .option('--samples <n>', `projects that are read whole (default: ${defaultSamples})`, wholeNumber(0, maxSamples))
      .option('--grace <minutes>', 'leave alone what is younger (default: 60)', wholeNumber(0))
      .option('--settle <seconds>', 'look again at what differs after so long (default: 10)', wholeNumber(0, maxSettle))
      .option('--json <file>', 'write the report there as JSON')
      .option('--csv <file>', 'write the report there as CSV')
      .option('--html <file>', 'write the report there as a page')
      .option('--reason <text>', 'why; kept with the report')
      .option('--as <account>', 'who looks; kept with the report')
      .addHelpText('after', helpAfter(notes))
      .action(({ collection, project, samples, grace, settle, json, csv, html, reason, as }) =>
        accept({
          mongodbUri: requiredVariable(env, 'MONGODB_URI'),
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
          request: {
            mode: 'verify',
            samples: samples ?? defaultSamples,
            reason: reason ?? 'command',
            ...(collection && { collections: [...collection] }),
            ...(project && { projectIds: [...project] }),
            ...(as !== undefined && { actor: as }),
          },
          files: { ...(json && { json }), ...(csv && { csv }), ...(html && { html }) },
          graceMs: grace === undefined ? undefined : grace * minuteMs,
          settleMs: settle === undefined ? undefined : settle * secondMs,
        }),
      );
  },
  async run(settings, terminal) {
    try {
      return await look(settings, terminal);
    } catch (error) {
      if (error instanceof ReconcileRequestError) throw new UsageError(error.message);
      if (error instanceof UsageError || terminal.signal.aborted) throw error;
      terminal.warn(errorSentence(error, process.env));
      return exitCodes.couldNotLook;
    }
  },
};

async function look(settings: VerifySettings, terminal: Terminal): Promise<number> {
  const { request, files } = settings;
  const dependencies = await connect(settings, terminal);
  const onProgress = createProgressDisplay(terminal);
  const { clock, signal } = terminal;
  let outcome: ReconcileOutcome;
  do {
    outcome = await runVerification(dependencies, { request, deadline: clock.now() + roundMs, signal, onProgress });
  } while (outcome.kind === 'continued' && !signal.aborted);
  if (outcome.kind === 'busy') {
    const until = new Date(outcome.until).toISOString();
    terminal.warn(`another run is at work, until ${until} at least; try again then`);
    return exitCodes.couldNotLook;
  }
  const report = await inTime(terminal, readReport(dependencies.firestore, outcome.report.jobId));
  if (report === undefined) throw new Error(`the report ${outcome.report.jobId} is gone`);
  for (const line of reportAsText(report)) terminal.print(line);
  await writeReportFiles(report, files);
  if (outcome.kind === 'continued') {
    terminal.warn('interrupted: the progress is kept, and the same command goes on from there');
    return exitCodes.couldNotLook;
  }
  if (outcome.kind === 'cancelled' || outcome.report.scanned !== 'all') return exitCodes.couldNotLook;
  if (Object.keys(report.findings).length > 0) return exitCodes.drift;
  return outcome.kind === 'done' ? exitCodes.inStep : exitCodes.couldNotLook;
}

async function connect(
  { mongodbUri, projectId, graceMs, settleMs }: VerifySettings,
  terminal: Terminal,
): Promise<ReconcileDependencies> {
  const [source, firestore] = await Promise.all([
    openMongodb(terminal, mongodbUri),
    openFirestore(terminal, projectId),
  ]);
  return {
    firestore,
    source,
    config,
    truth: createProjectTruth(source, config),
    applier: { apply: () => Promise.reject(new Error('a verification was not meant to repair anything')) },
    clock: terminal.clock,
    uniqueId: () => randomUUID(),
    log: { ...createConsoleLog(terminal.clock, terminal.note), info: () => undefined },
    limits: {
      ...defaultReconcileLimits,
      brakes: { ...defaultReconcileLimits.brakes, deletions: deployedHoldLimits() },
      jobRetentionMs: jobRetentionDays.value() * dayMs,
      historyMs: historyDays.value() * dayMs,
      ...(graceMs !== undefined && { graceMs }),
      ...(settleMs !== undefined && { settleMs }),
    },
  };
}

if (import.meta.main) await runAsProcess(verify);
