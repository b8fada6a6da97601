import { dayMs } from '../clock.ts';
import { jobRetentionDays } from '../config/params.ts';
import {
  countRedriven,
  type Redrive,
  type RedriveDependencies,
  redriveAll,
  redriveOne,
  type SkipReason,
} from '../deadLetters/redrive.ts';
import {
  errorCodes,
  helpAfter,
  repeated,
  requiredVariable,
  runAsProcess,
  type TerminalCommand,
  UsageError,
} from './command.ts';
import { eachInTime, errorSentence, inTime, noEvents, openEvents, openFirestore } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface RedriveSettings {
  readonly projectId: string;
  readonly which:
    | { readonly kind: 'all'; readonly includeUnreadable: boolean }
    | { readonly kind: 'events'; readonly ids: readonly string[] };
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, done: 0, notFound: 3, skipped: 4 } as const;

const notes = `A message that was redriven is marked "redriven" in syncFailures, and "dead" once more if it
fails once more. The mark is written after the message is published: if the command is interrupted
in between, the next one publishes it twice, which does no harm.

Exit code: 0 done; 1 an error, the rest was done; 2 a mistake in the command; 3 there is no dead
letter of an --event; 4 some were skipped and stay dead (the output says why).`;

/** Redrives dead letters. */
export const redrive: TerminalCommand<RedriveSettings> = {
  name: 'redrive',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Redrives dead letters: publishes the original messages again. Repair what they failed with first.')
      .option('--all', 'every dead letter that was not redriven yet')
      .option('--event <id>', 'this one (id of the event, or of its document in syncFailures); repeatable', repeated)
      .option(
        '--include-unreadable',
        'with --all: also what this version cannot read, for newer deployed functions',
        false,
      )
      .option('--dry-run', 'say what would be done, and do nothing')
      .option('--json', 'print the outcome as one JSON document')
      .addHelpText('after', helpAfter(notes, 'unused'))
      .action(({ all = false, event: ids = [], includeUnreadable = false, dryRun = false, json = false }) => {
        if (all === ids.length > 0) throw new UsageError('expected either --all or --event ID');
        if (includeUnreadable && !all) {
          throw new UsageError('--include-unreadable belongs to --all; what --event names is redriven anyway');
        }
        const which = all ? { kind: 'all' as const, includeUnreadable } : { kind: 'events' as const, ids };
        accept({ projectId: requiredVariable(env, 'GCLOUD_PROJECT'), which, dryRun, json });
      });
  },
  async run(settings, terminal) {
    const [firestore, events] = await Promise.all([
      openFirestore(terminal, settings.projectId),
      settings.dryRun ? noEvents : openEvents(terminal, settings.projectId),
    ]);
    const retentionMs = jobRetentionDays.value() * dayMs;
    return redriveDeadLetters(
      { ...terminal, inTime: (answer) => inTime(terminal, answer), firestore, events, retentionMs },
      settings,
    );
  },
};

interface Dependencies extends RedriveDependencies, Pick<Terminal, 'print' | 'warn'> {
  /** Waits for Firestore no longer than a person would. */
  readonly inTime: <T>(answer: Promise<T>) => Promise<T>;
}

type Action = Pick<RedriveSettings, 'which' | 'dryRun' | 'json'>;

interface Summary {
  published: number;
  publishable: number;
  failed: number;
  notFound: number;
  readonly skipped: Record<SkipReason, number>;
}

const skipTexts: Readonly<Record<SkipReason, string>> = {
  'too-large': 'too large to be kept whole; reconcile its project instead',
  'no-event': 'a change that became no event; change the project in MongoDB once more, or reconcile it',
  unreadable: 'this version cannot read it; --include-unreadable redrives it for a newer one',
  'already-redriven': 'redriven before, and has not failed since',
};

/** Redrives dead letters and says what became of each; returns the exit code. */
export async function redriveDeadLetters(dependencies: Dependencies, action: Action): Promise<number> {
  const { print, inTime, firestore } = dependencies;
  const skipped = { 'too-large': 0, 'no-event': 0, unreadable: 0, 'already-redriven': 0 };
  const summary: Summary = { published: 0, publishable: 0, failed: 0, notFound: 0, skipped };
  // Those that were redriven before are not listed by --all: there may be many, and nothing is done about them.
  if (action.which.kind === 'all') skipped['already-redriven'] = await inTime(countRedriven(firestore));
  let separator = '';
  if (action.json) print('{"deadLetters": [');
  for await (const page of pages(dependencies, action, summary)) {
    for (const one of page) {
      if (one.kind === 'skipped') skipped[one.reason] += 1;
      else summary[one.kind] += 1;
      print(action.json ? `${separator}${JSON.stringify(asJson(one))}` : lineOf(one));
      separator = ',';
    }
  }
  print(action.json ? `], "summary": ${JSON.stringify(summary)}}` : summaryText(summary, action));
  if (summary.failed > 0) return exitCodes.failed;
  if (summary.notFound > 0) return exitCodes.notFound;
  return skipped['too-large'] + skipped['no-event'] + skipped.unreadable > 0 ? exitCodes.skipped : exitCodes.done;
}

async function* pages(
  dependencies: Dependencies,
  { which, dryRun }: Action,
  summary: Summary,
): AsyncGenerator<readonly Redrive[]> {
  if (which.kind === 'all') {
    yield* eachInTime(
      redriveAll(dependencies, { dryRun, includeUnreadable: which.includeUnreadable }),
      dependencies.inTime,
    );
    return;
  }
  for (const id of which.ids) {
    const one = await dependencies.inTime(redriveOne(dependencies, id, { dryRun }));
    if (one !== undefined) yield [one];
    else {
      summary.notFound += 1;
      dependencies.warn(`there is no dead letter of event "${id}"`);
    }
  }
}

function lineOf(one: Redrive): string {
  const { id, failure } = one;
  const why = failure === null ? '' : ` (${failure.reason} after ${failure.attempts} attempts: ${failure.error})`;
  switch (one.kind) {
    case 'published':
      return `published  ${id}${why}`;
    case 'publishable':
      return `would be published  ${id}${why}`;
    case 'skipped':
      return `skipped  ${id}: ${skipTexts[one.reason]}`;
    case 'failed':
      return `FAILED  ${id}: ${errorSentence(one.error, process.env)}`;
  }
}

function asJson(one: Redrive) {
  const { id, failure, kind } = one;
  return {
    id,
    outcome: kind,
    ...(one.kind === 'skipped' && { skipped: one.reason }),
    ...(one.kind === 'failed' && { failure: errorSentence(one.error, process.env) }),
    projectId: failure?.projectId ?? null,
    reason: failure?.reason ?? null,
    error: failure?.error ?? null,
    attempts: failure?.attempts ?? null,
    times: failure?.times ?? null,
  };
}

function summaryText({ published, publishable, failed, skipped }: Summary, { dryRun }: Action): string {
  const counts: [number, string][] = [
    [failed, 'failed and can be redriven'],
    [skipped['too-large'], 'skipped as too large'],
    [skipped['no-event'], 'skipped as no events'],
    [skipped.unreadable, 'skipped as unreadable'],
    [skipped['already-redriven'], 'redriven before'],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([count, text]) => `${count} ${text}`);
  return `${[dryRun ? `${publishable} would be published` : `${published} published`, ...parts].join(', ')}.`;
}

if (import.meta.main) await runAsProcess(redrive);
