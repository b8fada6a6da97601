import { listHeld } from '../holds/decide.ts';
import type { HeldDeletion } from '../holds/job.ts';
import config from '../lockstep.config.ts';
import { discardHolds, releaseHolds } from '../operations/holds.ts';
import type { Item, OperationServices } from '../operations/operation.ts';
import { type ProjectsSource, SourceError } from '../source/connect.ts';
import { createProjectTruth, type ProjectTruth } from '../source/truth.ts';
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
import {
  eachInTime,
  errorSentence,
  inTime,
  noEvents,
  openEvents,
  openFirestore,
  openMongodb,
  ServiceError,
} from './services.ts';
import type { Terminal } from './terminal.ts';

/** Which held deletions a decision is about. */
export type Selection =
  | { readonly kind: 'all' }
  | { readonly kind: 'projects'; readonly projectIds: readonly string[] };

type Listing = { readonly kind: 'list'; readonly json: boolean; readonly discarded: boolean };
type Decision = DecisionOptions & { readonly kind: 'release' | 'discard'; readonly which: Selection };

export interface HoldsSettings {
  readonly action: Listing | Decision;
  readonly projectId: string;
  /** Undefined: what MongoDB says of the projects is not shown. */
  readonly mongodbUri: string | undefined;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, done: 0, nothingHeld: 3, declined: 4 } as const;

const notes = `The options of one: npm --prefix functions run holds -- release --help
Without MongoDB the commands work, and say that they do not know whether it has the projects.
How many deletions are too many: HOLD_WINDOW_MINUTES, HOLD_MAX_PROJECTS and
HOLD_MAX_SHARE_PERCENT of the functions.

Each decision is kept in the audit, with who decided and why. More than ten are confirmed by typing
their number, or with --yes.

Exit code: 0 done; 1 an error, the rest was done; 2 a mistake in the command; 3 nothing is held for
a --project; 4 you said no. Every command may be interrupted and given again.`;

/** Lists held deletions, and decides about them. */
export const holds: TerminalCommand<HoldsSettings> = {
  name: 'holds',
  saves: false,
  declare(command, accept, env) {
    command
      .description(
        'Deletions that came with too many others wait here until you decide. Until then nothing of them is carried out.',
      )
      .addHelpText('after', helpAfter(notes, 'optional'));
    const take = (action: HoldsSettings['action']) =>
      accept({
        action,
        projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
        mongodbUri: env.MONGODB_URI || undefined,
      });
    command
      .command('list')
      .description('project, since when, assets, who deleted it, and whether MongoDB has it')
      .option('--json', 'print a JSON array')
      .option('--discarded', 'those that were discarded instead ("release --project ID" still carries one out)')
      .action(({ json = false, discarded = false }) => take({ kind: 'list', json, discarded }));
    for (const [kind, meaning] of [
      ['release', 'carry the deletion out: its assets are deleted within seconds'],
      ['discard', 'keep the assets, until the project is created and deleted once more'],
    ] as const) {
      command
        .command(kind)
        .description(meaning)
        .option('--all', 'every deletion that is held')
        .option('--project <id>', 'only this project; may be given more than once', repeated)
        .option(...decisionOptions.reason)
        .option(...decisionOptions.as)
        .option(...decisionOptions.yes)
        .action(({ all = false, project: projectIds = [], reason, as, yes = false }) => {
          if (all === projectIds.length > 0) throw new UsageError(`${kind}: expected either --all or --project ID`);
          take({ kind, which: all ? { kind: 'all' } : { kind: 'projects', projectIds }, reason, as, yes });
        });
    }
  },
  async run({ action, projectId, mongodbUri }, terminal) {
    const [source, firestore, events] = await Promise.all([
      openIfPossible(mongodbUri, terminal),
      openFirestore(terminal, projectId),
      action.kind === 'release' ? openEvents(terminal, projectId) : noEvents,
    ]);
    const dependencies: HoldsDependencies = {
      ...terminal,
      services: operationServices(terminal, firestore, { events: () => events }),
      inTime: <T>(answer: Promise<T>) => inTime(terminal, answer),
      truth: source && createProjectTruth(source, config),
    };
    return action.kind === 'list' ? listHolds(dependencies, action) : decideHolds(dependencies, action);
  },
};

/** What MongoDB says is shown, and decides nothing: deciding must be possible while it is unreachable. */
async function openIfPossible(uri: string | undefined, terminal: Terminal): Promise<ProjectsSource | undefined> {
  if (uri === undefined) return undefined;
  try {
    return await openMongodb(terminal, uri);
  } catch (error) {
    if (!(error instanceof SourceError || error instanceof ServiceError)) throw error;
    terminal.warn(`whether MongoDB has the projects is not known. ${error.message}`);
    return undefined;
  }
}

/** What the work on holds needs. */
export interface HoldsDependencies extends DecisionTerminal, Pick<Terminal, 'print' | 'warn'> {
  readonly services: OperationServices;
  /** Undefined when MongoDB cannot be asked. */
  readonly truth: ProjectTruth | undefined;
  /** Held deletions in one page of a list. */
  readonly pageSize?: number;
}

/** Lists held deletions, page by page; returns the exit code. */
export async function listHolds(dependencies: HoldsDependencies, { json, discarded }: Listing): Promise<number> {
  const { print, warn, inTime, services, pageSize } = dependencies;
  const pages = listHeld(
    { firestore: services.firestore, ...(pageSize && { pageSize }) },
    discarded ? ['discarded'] : undefined,
  );
  let count = 0;
  let assets = 0;
  let unreadable = 0;
  for await (const page of eachInTime(pages, inTime)) {
    const readable = page.filter((entry): entry is HeldDeletion => !(entry instanceof Error));
    for (const entry of page) if (entry instanceof Error) warn(entry.message);
    unreadable += page.length - readable.length;
    const presence = await presenceOf(dependencies.truth, readable);
    for (const held of readable) {
      const seen = presence(held.projectId);
      if (count === 0 && !json) print(row(header));
      print(json ? `${count === 0 ? '[' : ','}${JSON.stringify(asJson(held, seen))}` : row(cellsOf(held, seen)));
      count += 1;
      assets += held.assets ?? 0;
    }
  }
  if (json) print(count === 0 ? '[]' : ']');
  else for (const line of summary(count, assets, discarded)) print(line);
  return unreadable === 0 ? exitCodes.done : exitCodes.failed;
}

/** Releases or discards held deletions; returns the exit code. */
export async function decideHolds(dependencies: HoldsDependencies, decision: Decision): Promise<number> {
  const { services, print, warn, truth } = dependencies;
  const { kind, which } = decision;
  const counts = { missing: 0, failed: 0 };
  const report = async ({ target, kind: became, text, error }: Item) => {
    const said = error === undefined ? text : errorSentence(error, process.env);
    if (became === 'not-found') counts.missing += 1;
    if (became === 'failed') counts.failed += 1;
    if (became === 'not-found' || error !== undefined || target === '') {
      return warn(error === undefined ? said : `project ${target}: ${said}`);
    }
    if (became !== 'done') return print(`${target}: ${said}`);
    const presence = await presenceOf(truth, [{ projectId: target }]);
    print(`${target}: ${said}${whereItIs(presence(target), kind)}`);
  };
  const outcome = await decide(
    services,
    {
      ...decision,
      operation: kind === 'release' ? releaseHolds : discardHolds,
      input: which.kind === 'all' ? { all: true } : { projectIds: [...which.projectIds] },
      question: (count) => {
        const projects = count === 1 ? '1 project' : `${count} projects`;
        return kind === 'release'
          ? `Delete the assets of ${projects} whose deletion is held? This cannot be undone.`
          : `Keep the assets of ${projects} whose deletion is held?`;
      },
    },
    dependencies,
    report,
  );
  if (outcome === 'declined') return exitCodes.declined;
  const failures = counts.failed > 0 ? `, ${counts.failed} failed: give the command again` : '';
  print(`${outcome.count} ${kind === 'release' ? 'released' : 'discarded'}${failures}.`);
  if (counts.failed > 0) return exitCodes.failed;
  return counts.missing > 0 ? exitCodes.nothingHeld : exitCodes.done;
}

/** Whether MongoDB has a project. */
type Presence = 'gone' | 'lives' | 'unknown';

/** What MongoDB says of some projects; `unknown` of all of them when it cannot be asked.
 *  @throws MongoError when MongoDB did not answer. */
async function presenceOf(
  truth: ProjectTruth | undefined,
  named: readonly { readonly projectId: string }[],
): Promise<(projectId: string) => Presence> {
  if (truth === undefined) return () => 'unknown';
  const { projects } = await truth.ask(named.map(({ projectId }) => projectId));
  return (projectId) => (projects.has(projectId) ? 'lives' : 'gone');
}

function whereItIs(presence: Presence, kind: Decision['kind']): string {
  if (presence === 'unknown') return '; whether MongoDB has the project is not known';
  if (kind === 'discard') {
    return presence === 'gone'
      ? '; the project is gone in MongoDB'
      : '; the project lives in MongoDB, so its next change ends this';
  }
  return presence === 'gone'
    ? ''
    : ' only if MongoDB has lost the project by then: it lives there now, and its assets are brought to its state';
}

function asJson({ projectId, event, status, since, assets }: HeldDeletion, mongodb: Presence) {
  const actor = event.origin.actor ?? null;
  return { projectId, eventId: event.id, status, since: new Date(since).toISOString(), assets, actor, mongodb };
}

const header = ['project', 'held since', 'assets', 'deleted by', 'in MongoDB', 'status'];

/** Widths of the columns: ObjectIds and ISO times fit; what is longer pushes the rest of its row to the right. Rows
 *  are printed as they are read, so that memory does not grow with their number. */
const widths = [24, 20, 9, 20, 10, 9];

function cellsOf({ projectId, event, status, since, assets }: HeldDeletion, presence: Presence): string[] {
  const time = new Date(since).toISOString().replace(/\.\d+Z$/, 'Z');
  return [projectId, time, String(assets ?? '?'), event.origin.actor ?? '-', presence, status];
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}

function summary(count: number, assets: number, discarded: boolean): string[] {
  if (discarded)
    return count === 0 ? ['No discarded deletions.'] : ['', `${count} discarded deletions, ${assets} assets kept.`];
  if (count === 0) return ['No deletions are held.'];
  const command = 'npm --prefix functions run holds --';
  return [
    '',
    `${count} held, ${assets} assets. To carry out: ${command} release --all`,
    `To keep the assets: ${command} discard --all. For one project: --project ID.`,
  ];
}

if (import.meta.main) await runAsProcess(holds);
