import type { HeldName, Holds } from '../holds/decide.ts';
import type { HeldDeletion } from '../holds/job.ts';
import { errorText } from '../log.ts';
import type { ProjectTruth } from '../source/truth.ts';
import { exitCodes, type Selection } from './holdsSettings.ts';
import { type Presence, presenceOf } from './presence.ts';

/** What the commands work with. */
export interface HoldsCommand {
  readonly holds: Holds;
  /** Undefined when MongoDB cannot be asked. */
  readonly truth: ProjectTruth | undefined;
  readonly print: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Asks a person; undefined when nobody is there to answer. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
}

/** Decisions carried out side by side: each is a handful of round trips. */
const parallelDecisions = 8;

/** Lists held deletions, page by page; returns the exit code. */
export async function listHolds(
  { holds, truth, print, warn }: HoldsCommand,
  { json, discarded }: { readonly json: boolean; readonly discarded: boolean },
): Promise<number> {
  let count = 0;
  let assets = 0;
  let unreadable = 0;
  for await (const page of holds.list(discarded ? ['discarded'] : undefined)) {
    const readable = page.filter((entry): entry is HeldDeletion => !(entry instanceof Error));
    for (const entry of page) if (entry instanceof Error) warn(entry.message);
    unreadable += page.length - readable.length;
    const presence = await presenceOf(
      truth,
      readable.map(({ projectId }) => projectId),
    );
    for (const held of readable) {
      const seen = presence(held.projectId);
      if (json) print(`${count === 0 ? '[' : ','}\n  ${JSON.stringify(asJson(held, seen))}`);
      else print(`${count === 0 ? `${row(header)}\n` : ''}${row(cellsOf(held, seen))}\n`);
      count += 1;
      assets += held.assets ?? 0;
    }
  }
  if (json) print(count === 0 ? '[]\n' : '\n]\n');
  else print(summary(count, assets, discarded));
  return unreadable === 0 ? exitCodes.done : exitCodes.failed;
}

/** Releases or discards held deletions; returns the exit code. */
export async function decideHolds(
  command: HoldsCommand,
  action: { readonly kind: 'release' | 'discard'; readonly which: Selection; readonly yes: boolean },
): Promise<number> {
  const { ask, warn } = command;
  if (action.which.kind === 'all' && !action.yes && ask !== undefined) {
    const consequence =
      action.kind === 'release'
        ? 'Delete the assets of every project whose deletion is held? This cannot be undone.'
        : 'Keep the assets of every project whose deletion is held?';
    if (!(await ask(consequence))) return exitCodes.declined;
  }
  const tally = { decided: 0, missing: 0, failed: 0 };
  for await (const page of selected(command, action.which, tally)) {
    const presence = await presenceOf(
      command.truth,
      page.map(({ projectId }) => projectId),
    );
    let next = 0;
    const worker = async () => {
      for (let name = page[next++]; name !== undefined; name = page[next++]) {
        try {
          await decideOne(command, action.kind, name, presence(name.projectId), tally);
        } catch (error) {
          tally.failed += 1;
          warn(`project ${name.projectId}: ${errorText(error)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: parallelDecisions }, worker));
  }
  const done = action.kind === 'release' ? 'released' : 'discarded';
  command.print(
    `${tally.decided} ${done}${tally.failed > 0 ? `, ${tally.failed} failed: give the command again` : ''}.\n`,
  );
  if (tally.failed > 0) return exitCodes.failed;
  return tally.missing > 0 ? exitCodes.nothingHeld : exitCodes.done;
}

interface Tally {
  decided: number;
  missing: number;
  failed: number;
}

/** The held deletions that a command is about, in pages. */
async function* selected(
  { holds, warn }: HoldsCommand,
  which: Selection,
  tally: Tally,
): AsyncGenerator<readonly HeldName[]> {
  if (which.kind === 'all') {
    for await (const page of holds.list()) {
      const names: HeldName[] = [];
      for (const entry of page) {
        if (entry instanceof Error) {
          tally.failed += 1;
          warn(entry.message);
        } else names.push({ projectId: entry.projectId, eventId: entry.event.id });
      }
      yield names;
    }
    return;
  }
  for (const projectId of which.projectIds) {
    const name = await holds.find(projectId);
    if (name !== undefined) {
      yield [name];
    } else {
      tally.missing += 1;
      warn(`no deletion of project ${projectId} is held`);
    }
  }
}

async function decideOne(
  { holds, print }: HoldsCommand,
  action: 'release' | 'discard',
  name: HeldName,
  presence: Presence,
  tally: Tally,
): Promise<void> {
  const { projectId } = name;
  const outcome = await (action === 'release' ? holds.release(name) : holds.discard(name));
  switch (outcome.kind) {
    case 'released':
      tally.decided += 1;
      print(`${projectId}: released, ${assetsText(outcome.assets)} will be deleted${whereItIs(presence, 'release')}\n`);
      return;
    case 'discarded':
      tally.decided += 1;
      print(
        `${projectId}: discarded, ${assetsText(outcome.assets)} ${outcome.assets === 1 ? 'stays' : 'stay'}${whereItIs(presence, 'discard')}\n`,
      );
      return;
    case 'under-way':
      print(`${projectId}: was released before, and the work has begun\n`);
      return;
    case 'too-late':
      tally.failed += 1;
      print(`${projectId}: was released before, so it cannot be discarded any more\n`);
      return;
    case 'nothing-held':
      tally.missing += 1;
      print(`${projectId}: nothing is held any more; the project was created again, or the work is done\n`);
  }
}

function whereItIs(presence: Presence, action: 'release' | 'discard'): string {
  switch (presence) {
    case 'gone':
      return action === 'release' ? '' : '; the project is gone in MongoDB';
    case 'lives':
      return action === 'release'
        ? ' only if MongoDB has lost the project by then: it lives there now, and its assets are brought to its state'
        : '; the project lives in MongoDB, so its next change ends this';
    case 'unknown':
      return '; whether MongoDB has the project is not known';
  }
}

function assetsText(assets: number | null): string {
  return assets === 1 ? '1 asset' : `${assets ?? 'its'} assets`;
}

function asJson({ projectId, event, status, since, assets }: HeldDeletion, presence: Presence) {
  return {
    projectId,
    eventId: event.id,
    status,
    since: new Date(since).toISOString(),
    assets,
    actor: event.origin.actor ?? null,
    mongodb: presence,
  };
}

const header = ['project', 'held since', 'assets', 'deleted by', 'in MongoDB', 'status'];

/** Widths of the columns: ObjectIds and ISO times fit; what is longer pushes the rest of its row to the right. */
const widths = [24, 20, 9, 20, 10, 9];

function cellsOf(held: HeldDeletion, presence: Presence): string[] {
  const { projectId, event, status, since, assets } = held;
  const time = new Date(since).toISOString().replace(/\.\d+Z$/, 'Z');
  return [projectId, time, String(assets ?? '?'), event.origin.actor ?? '-', presence, status];
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}

function summary(count: number, assets: number, discarded: boolean): string {
  if (discarded)
    return count === 0 ? 'No discarded deletions.\n' : `\n${count} discarded deletions, ${assets} assets kept.\n`;
  if (count === 0) return 'No deletions are held.\n';
  return (
    `\n${count} held, ${assets} assets. To carry out: npm --prefix functions run holds -- release --all\n` +
    'To keep the assets: npm --prefix functions run holds -- discard --all. For one project: --project ID.\n'
  );
}
