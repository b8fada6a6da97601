import { drop as dropLetter } from '../deadLetters/drop.ts';
import { countRedriven, redrive as redriveLetter, type SkipReason, skipReasons } from '../deadLetters/redrive.ts';
import { type DeadLetterSelection, selectDeadLetters } from '../deadLetters/select.ts';
import {
  dropDeadLetters,
  dropItem,
  redriveItem,
  redriveDeadLetters as redriveOperation,
} from '../operations/deadLetters.ts';
import type { Item, OperationServices } from '../operations/operation.ts';
import {
  errorCodes,
  helpAfter,
  repeated,
  requiredVariable,
  runAsProcess,
  type TerminalCommand,
  UsageError,
} from './command.ts';
import { type DecisionOptions, type DecisionTerminal, decide, decisionOptions } from './decisions/decision.ts';
import { operationServices } from './decisions/operationServices.ts';
import { eachInTime, errorSentence, inTime, noEvents, openEvents, openFirestore } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface RedriveSettings extends DecisionOptions {
  readonly projectId: string;
  readonly which:
    | {
        readonly kind: 'all';
        readonly includeUnreadable: boolean;
        /** Only those of this project, or given up for this reason. */
        readonly project?: string;
        readonly failedWith?: string;
      }
    | { readonly kind: 'events'; readonly ids: readonly string[] };
  /** Drop instead. */
  readonly drop: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, done: 0, notFound: 3, skipped: 4, declined: 5 } as const;

const notes = `A message that was redriven is marked "redriven" in syncFailures, and "dead" once more if it
fails once more. Mark, audit entry and message are written in one transaction, and the message is
published after it: if the command is interrupted in between, the relay's next run publishes it.

Exit code: 0 done; 1 an error, the rest was done; 2 a mistake in the command; 3 there is no dead
letter of an --event; 4 some were skipped and stay dead (the output says why); 5 you said no.`;

/** Redrives dead letters, or drops them. */
export const redrive: TerminalCommand<RedriveSettings> = {
  name: 'redrive',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Redrives dead letters: publishes the original messages again. Repair what they failed with first.')
      .option('--all', 'every dead letter that was not redriven yet')
      .option('--event <id>', 'this one (id of the event, or of its document in syncFailures); repeatable', repeated)
      .option('--project <id>', 'with --all: only those of this project')
      .option('--failed-with <reason>', 'with --all: only those given up for this reason, such as "attempts"')
      .option(
        '--include-unreadable',
        'with --all: also what this version cannot read, for newer deployed functions',
        false,
      )
      .option('--drop', 'do not redrive them: decide that their changes are not to be applied')
      .option(...decisionOptions.reason)
      .option(...decisionOptions.as)
      .option(...decisionOptions.yes)
      .option('--dry-run', 'say what would be done, and do nothing')
      .option('--json', 'print the outcome as one JSON document')
      .addHelpText('after', helpAfter(notes, 'unused'))
      .action((options) => {
        const { all = false, event: ids = [], includeUnreadable, project, failedWith, drop = false } = options;
        if (all === ids.length > 0) throw new UsageError('expected either --all or --event ID');
        if (includeUnreadable && !all) {
          throw new UsageError('--include-unreadable belongs to --all; what --event names is redriven anyway');
        }
        const only = { ...(project !== undefined && { project }), ...(failedWith !== undefined && { failedWith }) };
        if (Object.keys(only).length > 0 && !all) throw new UsageError('--project and --failed-with belong to --all');
        if (Object.keys(only).length > 1) throw new UsageError('expected either --project or --failed-with');
        const which = all ? { kind: 'all' as const, includeUnreadable, ...only } : { kind: 'events' as const, ids };
        accept({
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
          which,
          drop,
          reason: options.reason,
          as: options.as,
          yes: options.yes === true,
          dryRun: options.dryRun === true,
          json: options.json === true,
        });
      });
  },
  async run(settings, terminal) {
    const [firestore, events] = await Promise.all([
      openFirestore(terminal, settings.projectId),
      settings.dryRun || settings.drop ? noEvents : openEvents(terminal, settings.projectId),
    ]);
    const services = operationServices(terminal, firestore, { events: () => events });
    return redriveDeadLetters({ ...terminal, services, inTime: (answer) => inTime(terminal, answer) }, settings);
  },
};

interface Dependencies extends DecisionTerminal, Pick<Terminal, 'print' | 'warn'> {
  readonly services: OperationServices;
}

type Action = Omit<RedriveSettings, 'projectId'>;

interface Summary {
  published: number;
  publishable: number;
  dropped: number;
  failed: number;
  notFound: number;
  readonly skipped: Record<SkipReason, number>;
}

/** Redrives or drops dead letters and says what became of each; returns the exit code. */
export async function redriveDeadLetters(dependencies: Dependencies, action: Action): Promise<number> {
  const { print, warn, inTime, services } = dependencies;
  const { firestore } = services;
  const skipped = { 'too-large': 0, 'no-event': 0, unreadable: 0, 'already-redriven': 0, dropped: 0 };
  const summary: Summary = { published: 0, publishable: 0, dropped: 0, failed: 0, notFound: 0, skipped };
  // Those that were redriven before are not listed by --all: there may be many, and nothing is done about them.
  if (action.which.kind === 'all') skipped['already-redriven'] = await inTime(countRedriven(firestore));
  let separator = '';
  const report = (item: Item) => {
    if (item.kind === 'not-found') {
      summary.notFound += 1;
      return warn(item.text);
    }
    if (item.kind === 'failed') summary.failed += 1;
    else if (item.kind === 'skipped') countSkipped(skipped, item);
    else if (action.dryRun) summary.publishable += 1;
    else if (action.drop) summary.dropped += 1;
    else summary.published += 1;
    print(action.json ? `${separator}${JSON.stringify(asJson(item))}` : lineOf(item, action));
    separator = ',';
  };
  if (action.json) print('{"deadLetters": [');
  let outcome: Awaited<ReturnType<typeof act | typeof rehearse>>;
  try {
    outcome = await (action.dryRun ? rehearse : act)(dependencies, action, report);
  } finally {
    // Also what fails in the middle has decided what is printed.
    if (action.json) print(`], "summary": ${JSON.stringify(summary)}}`);
  }
  if (!action.json) print(summaryText(summary, action));
  if (outcome === 'declined') return exitCodes.declined;
  if (summary.failed > 0) return exitCodes.failed;
  if (summary.notFound > 0) return exitCodes.notFound;
  return skipped['too-large'] + skipped['no-event'] + skipped.unreadable > 0 ? exitCodes.skipped : exitCodes.done;
}

function act(dependencies: Dependencies, action: Action, report: (item: Item) => void) {
  const { which, drop } = action;
  const all = which.kind === 'all' ? allOf(which) : { ids: [...which.ids] };
  const isWide = which.kind === 'all' && which.includeUnreadable && !drop;
  return decide(
    dependencies.services,
    {
      ...action,
      operation: drop ? dropDeadLetters : redriveOperation,
      input: isWide ? { ...all, includeUnreadable: true } : all,
      question: (count) =>
        drop ? `Drop ${count} dead letters? Their changes are not applied then.` : `Redrive ${count} dead letters?`,
    },
    dependencies,
    report,
  );
}

function allOf({ project, failedWith }: Extract<RedriveSettings['which'], { kind: 'all' }>) {
  if (project !== undefined) return { projectId: project };
  return failedWith === undefined ? { all: true } : { reason: failedWith };
}

/** Says what redriving or dropping would do, and does nothing. */
async function rehearse(
  { services, inTime }: Dependencies,
  { which, drop }: Action,
  report: (item: Item) => void,
): Promise<'rehearsed'> {
  const selection: DeadLetterSelection =
    which.kind === 'events'
      ? { kind: 'ids', ids: which.ids }
      : { kind: 'waiting', projectId: which.project, reason: which.failedWith };
  const includeUnreadable = which.kind === 'events' || which.includeUnreadable;
  const transact = () => Promise.reject(new Error('a rehearsal decides nothing'));
  const dependencies = { ...services, transact };
  const options = { dryRun: true, includeUnreadable };
  for await (const page of eachInTime(selectDeadLetters(services, selection), inTime)) {
    for (const found of page) {
      if ('missing' in found) {
        const text = `there is no dead letter of event "${found.missing}"`;
        report({ target: found.missing, kind: 'not-found', text });
        continue;
      }
      if (drop) report(dropItem(await dropLetter(dependencies, found, options)));
      else report(redriveItem(await redriveLetter(dependencies, found, options)));
    }
  }
  return 'rehearsed';
}

function countSkipped(skipped: Summary['skipped'], { details }: Item): void {
  const reason = skipReasons.find((one) => one === details?.skipped);
  if (reason !== undefined) skipped[reason] += 1;
}

function lineOf({ target, kind, text, error }: Item, { dryRun, drop }: Action): string {
  if (kind === 'failed') return `FAILED  ${target}: ${error === undefined ? text : errorSentence(error, process.env)}`;
  if (kind === 'skipped') return `skipped  ${target}: ${text}`;
  const verb = drop ? 'dropped' : 'published';
  return `${dryRun ? `would be ${verb}` : verb}  ${target}${text === '' ? '' : ` (${text})`}`;
}

function asJson({ target, details, error }: Item) {
  return {
    id: target,
    ...details,
    ...(error !== undefined && { failure: errorSentence(error, process.env) }),
  };
}

function summaryText({ published, publishable, dropped, failed, skipped }: Summary, { dryRun, drop }: Action): string {
  const counts: [number, string][] = [
    [failed, 'failed and can be redriven'],
    [skipped['too-large'], 'skipped as too large'],
    [skipped['no-event'], 'skipped as no events'],
    [skipped.unreadable, 'skipped as unreadable'],
    [skipped.dropped, 'dropped before'],
    [skipped['already-redriven'], 'redriven before'],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([count, text]) => `${count} ${text}`);
  const verb = drop ? 'dropped' : 'published';
  const done = drop ? dropped : published;
  return `${[dryRun ? `${publishable} would be ${verb}` : `${done} ${verb}`, ...parts].join(', ')}.`;
}

if (import.meta.main) await runAsProcess(redrive);
