import {
  countRedriven,
  type Redrive,
  type RedriveDependencies,
  redriveAll,
  redriveOne,
  type SkipReason,
} from '../deadLetters/redrive.ts';
import { errorText } from '../log.ts';
import { exitCodes, type RedriveSettings } from './redriveSettings.ts';

/** What the command works with. */
export interface RedriveCommand extends RedriveDependencies {
  readonly print: (text: string) => void;
  readonly warn: (text: string) => void;
}

type Action = Pick<Extract<RedriveSettings, { kind: 'run' }>, 'which' | 'dryRun' | 'json'>;

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
  unreadable: 'this version cannot read it; --include-unreadable plays it for a newer one',
  'already-redriven': 'played again before, and has not failed since',
};

/** Plays dead letters again and tells what became of each; returns the exit code. */
export async function redriveCommand(command: RedriveCommand, action: Action): Promise<number> {
  const { print } = command;
  const summary: Summary = {
    published: 0,
    publishable: 0,
    failed: 0,
    notFound: 0,
    skipped: { 'too-large': 0, 'no-event': 0, unreadable: 0, 'already-redriven': 0 },
  };
  // Those that were played again before are not listed by --all: there may be many, and nothing is done about them.
  if (action.which.kind === 'all') summary.skipped['already-redriven'] = await countRedriven(command.firestore);
  let printed = 0;
  if (action.json) print('{\n  "deadLetters": [');
  for await (const page of pages(command, action, summary)) {
    for (const one of page) {
      if (one.kind === 'skipped') summary.skipped[one.reason] += 1;
      else summary[one.kind] += 1;
      print(action.json ? `${printed === 0 ? '' : ','}\n    ${JSON.stringify(asJson(one))}` : `${lineOf(one)}\n`);
      printed += 1;
    }
  }
  print(
    action.json
      ? `${printed === 0 ? '' : '\n  '}],\n  "summary": ${JSON.stringify(summary)}\n}\n`
      : summaryText(summary, action),
  );
  return exitCodeOf(summary);
}

async function* pages(
  command: RedriveCommand,
  { which, dryRun }: Action,
  summary: Summary,
): AsyncGenerator<readonly Redrive[]> {
  if (which.kind === 'all') {
    yield* redriveAll(command, { dryRun, includeUnreadable: which.includeUnreadable });
    return;
  }
  for (const id of which.ids) {
    const one = await redriveOne(command, id, { dryRun });
    if (one === undefined) {
      summary.notFound += 1;
      command.warn(`there is no dead letter of event "${id}"`);
    } else {
      yield [one];
    }
  }
}

function exitCodeOf({ failed, notFound, skipped }: Summary): number {
  if (failed > 0) return exitCodes.failed;
  if (notFound > 0) return exitCodes.notFound;
  return skipped['too-large'] + skipped['no-event'] + skipped.unreadable > 0 ? exitCodes.skipped : exitCodes.done;
}

function lineOf(one: Redrive): string {
  const { failure } = one;
  const why = failure === null ? '' : ` (${failure.reason} after ${failure.attempts} attempts: ${failure.error})`;
  switch (one.kind) {
    case 'published':
      return `published  ${one.id}${why}`;
    case 'publishable':
      return `would be published  ${one.id}${why}`;
    case 'skipped':
      return `skipped  ${one.id}: ${skipTexts[one.reason]}`;
    case 'failed':
      return `FAILED  ${one.id}: ${errorText(one.error)}`;
  }
}

function asJson(one: Redrive) {
  const { id, failure, kind } = one;
  return {
    id,
    outcome: kind,
    ...(one.kind === 'skipped' && { skipped: one.reason }),
    ...(one.kind === 'failed' && { failure: errorText(one.error) }),
    projectId: failure?.projectId ?? null,
    reason: failure?.reason ?? null,
    error: failure?.error ?? null,
    attempts: failure?.attempts ?? null,
    times: failure?.times ?? null,
  };
}

function summaryText({ published, publishable, failed, skipped }: Summary, { dryRun }: Action): string {
  const parts = [
    dryRun ? `${publishable} would be published` : `${published} published`,
    ...(failed > 0 ? [`${failed} failed and can be played again`] : []),
    ...(skipped['too-large'] > 0 ? [`${skipped['too-large']} skipped as too large`] : []),
    ...(skipped['no-event'] > 0 ? [`${skipped['no-event']} skipped as no events`] : []),
    ...(skipped.unreadable > 0 ? [`${skipped.unreadable} skipped as unreadable`] : []),
    ...(skipped['already-redriven'] > 0 ? [`${skipped['already-redriven']} played again before`] : []),
  ];
  return `${parts.join(', ')}.\n`;
}
