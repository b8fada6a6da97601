import { dayMs, secondMs } from '../../clock.ts';
import * as params from '../../config/params.ts';
import { createPublisher } from '../../publisher.ts';
import { oldestKept, type Replayed, replayHistory, type Selection } from '../../replay/replay.ts';
import {
  errorCodes,
  helpAfter,
  repeated,
  requiredVariable,
  runAsProcess,
  type TerminalCommand,
  UsageError,
} from '../command.ts';
import { eventsPublisher, inTime, openFirestore, openPubSub } from '../services.ts';
import type { Terminal } from '../terminal.ts';

export interface ReplaySettings {
  readonly projectId: string;
  readonly selection: Selection;
  /** Null: the topics of events. */
  readonly topic: string | null;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, complete: 0, nothing: 3 } as const;

/** How often it is said how far it is, in ms. */
const sayEveryMs = 2 * secondMs;

const notes = `
The whole history of each project that is kept is published, as the contract has it, in the order of versions, with
the attribute "replay". What has expired (HISTORY_DAYS), or was too long to be kept, comes from the record of its
project where it is the newest; what is neither is left out, and counted. Whoever reads the topic may get an event
twice.

Exit code: 0 done; 1 an error, or something could not be read; 2 a mistake in the command; 3 there was nothing.`;

/** Publishes the history again, for a new consumer. */
export const replay: TerminalCommand<ReplaySettings> = {
  name: 'replay',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Publishes the history of projects again, for a new consumer.')
      .option('--project <id>', 'this project; may be given more than once', repeated)
      .option('--since <time>', 'projects that Lockstep learned something of since then, such as 2026-11-27T12:00:00Z')
      .option('--to <topic>', 'where (default: the topics of events, whose readers all get them again)')
      .addHelpText('after', helpAfter(notes.trimStart(), 'unused'))
      .action(({ project, since, to }) =>
        accept({
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
          selection: selectionOf(project, since),
          topic: topicOf(to),
        }),
      );
  },
  async run({ projectId, selection, topic }, terminal) {
    const firestore = await openFirestore(terminal, projectId);
    if (selection.kind === 'since')
      await checkKept(selection.since, await inTime(terminal, oldestKept(firestore)), terminal);
    const pubsub = await openPubSub(terminal, projectId);
    const to = topic === null ? eventsPublisher(pubsub) : createPublisher(pubsub, topic);
    let saidAt = terminal.clock.now();
    const onProgress = ({ projects, events }: Replayed) => {
      if (terminal.clock.now() - saidAt < sayEveryMs) return;
      saidAt = terminal.clock.now();
      terminal.progress(`${events} events of ${projects} projects`);
    };
    const replayed = await replayHistory({ firestore, to, signal: terminal.signal, onProgress }, selection);
    report(replayed, topic ?? 'the topics of events', terminal);
    if (replayed.unreadable.length > 0) return exitCodes.failed;
    return replayed.events === 0 ? exitCodes.nothing : exitCodes.complete;
  },
};

function selectionOf(projectIds: readonly string[] | undefined, since: string | undefined): Selection {
  if ((projectIds === undefined) === (since === undefined))
    throw new UsageError('expected either --project or --since');
  if (projectIds !== undefined) return { kind: 'projects', projectIds };
  const time = Date.parse(since ?? '');
  if (Number.isNaN(time)) throw new UsageError('--since: expected a time, such as 2026-11-27T12:00:00Z');
  return { kind: 'since', since: time };
}

/** @throws UsageError for a topic on which events would be taken for something else. */
function topicOf(to: string | undefined): string | null {
  const own = [params.deadLetterTopic, params.requestsTopic, params.alertsTopic, params.convergedTopic];
  if (own.some((topic) => topic.value() === to)) throw new UsageError(`--to: ${to} is not a topic of events`);
  return to ?? null;
}

/** @throws UsageError for a time from which the history is not whole. */
async function checkKept(since: number, oldest: number | null, { clock, note }: Terminal): Promise<void> {
  const advice = 'name the projects instead (--project): their records give what the history does not';
  const days = params.historyDays.value();
  if (days === 0 || oldest === null) {
    throw new UsageError(`--since: no history is kept (HISTORY_DAYS is ${days}); ${advice}`);
  }
  const kept = clock.now() - days * dayMs;
  if (since < kept) {
    throw new UsageError(`--since: the history goes back to ${new Date(kept).toISOString()} (HISTORY_DAYS); ${advice}`);
  }
  if (since < oldest) note(`the history begins ${new Date(oldest).toISOString()}`);
}

function report(
  { projects, events, omitted, fromRecord, unreadable }: Replayed,
  where: string,
  { print }: Terminal,
): void {
  print(`${events} events of ${projects} projects published to ${where}`);
  if (fromRecord > 0) print(`${fromRecord} of them are no longer in the history, and come from the records`);
  if (omitted > 0)
    print(`${omitted} values were left out: they were too long to be kept, and have been replaced since`);
  for (const problem of unreadable) print(`not published: ${problem}`);
}

if (import.meta.main) await runAsProcess(replay);
