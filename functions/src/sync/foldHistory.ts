import { sameCopyValue } from '../events/copyValue.ts';

import { timeOf, type Version } from '../events/version.ts';
import { condensed } from '../records/condensed.ts';
import type { HistoryEntry, RecordedFact } from '../records/historyEntry.ts';
import { type Desired, emptyProjectRecord, type FieldState, type ProjectRecord } from '../records/projectRecord.ts';
import { type Change, fold } from './fold.ts';

/** What the fold needs of an entry of the history. */
export type FoldedEntry = Pick<HistoryEntry, 'type' | 'version' | 'changes' | 'folded' | 'refutedBefore' | 'facts'>;

/** The desired state that the history of one project tells, in whatever order it is read: the fold of its events, and
 *  of what MongoDB said where it corrected the record, without what it refuted. Long values are condensed.
 *
 *  Entries of a project's record that are still open belong to it: see `historyOf`. */
export function foldHistory(entries: Iterable<FoldedEntry>): Desired {
  return soundChanges(entries).reduce(
    (desired, change) => fold(desired, change).desired,
    emptyProjectRecord('').desired,
  );
}

/** What a history says, without what MongoDB has refuted. */
export function soundChanges(entries: Iterable<FoldedEntry>): readonly Change[] {
  const all = [...entries];
  const facts = all.flatMap((entry) => entry.facts);
  return all.flatMap(changesOf).filter((change) => !facts.some((fact) => refutes(fact, change)));
}

/** The history of a project: what was written of it, and what is still open in its record, which is newer. */
export function historyOf(record: ProjectRecord, entries: Iterable<HistoryEntry>): readonly FoldedEntry[] {
  const written = [...entries];
  const open = record.open.map((event): FoldedEntry => {
    const known = written.find(({ id }) => id === event.id);
    return {
      type: event.type,
      version: event.version,
      changes: event.changes ?? known?.changes ?? {},
      folded: true,
      refutedBefore: event.refutedBefore,
      facts: [],
    };
  });
  return [...written, ...open];
}

/** How a record differs from its history; empty when it does not. `since` (ms since 1970) is when the history begins:
 *  of what is older, entries may have expired, and the record alone knows it.
 *
 *  The newest deletion of a project that lives again is not compared: once MongoDB has corrected a record, nothing
 *  depends on it. */
export function differencesFromHistory(
  record: ProjectRecord,
  entries: Iterable<HistoryEntry>,
  since: number,
): string[] {
  const { desired } = record;
  const told = foldHistory(historyOf(record, entries));
  const isKept = (version: string | null) => version !== null && timeOf(version) >= since;
  const differences: string[] = [];
  if (told.version !== desired.version && (isKept(desired.version) || isNewerThan(told.version, desired.version))) {
    differences.push(
      `is ${desired.kind} since ${desired.version}; its history says ${told.kind} since ${told.version}`,
    );
  } else if (told.version === desired.version && told.kind !== desired.kind) {
    differences.push(`is ${desired.kind}; its history says ${told.kind}`);
  }
  for (const field of new Set([...Object.keys(desired.fields), ...Object.keys(told.fields)])) {
    const [own, its] = [desired.fields[field], told.fields[field]];
    if (isSame(own, its)) continue;
    if (!isKept(own?.version ?? null) && !isNewerThan(its?.version ?? null, own?.version ?? null)) continue;
    differences.push(`${field} is ${described(own)}; its history says ${described(its)}`);
  }
  return differences;
}

interface KnownChange extends Change {
  readonly refutedBefore: readonly Version[];
}

function changesOf({ type, version, changes, folded, refutedBefore, facts }: FoldedEntry): KnownChange[] {
  const own = folded && type !== null ? [{ type, version, changes, refutedBefore }] : [];
  const said = facts.map(
    (fact): KnownChange => ({
      type: fact.fields === null ? 'ProjectDeleted' : 'ProjectUpdated',
      version: fact.version,
      changes: fact.fields ?? {},
      refutedBefore: fact.refutedBefore,
    }),
  );
  return [...own, ...said];
}

/** Whether MongoDB has refuted what was known when it was asked, and what it had not reached. */
function refutes({ version, refutedUpTo, spared }: RecordedFact, change: KnownChange): boolean {
  if (refutedUpTo === null || change.version <= version || change.version > refutedUpTo) return false;
  return !spared.includes(change.version) && !change.refutedBefore.includes(refutedUpTo);
}

function isNewerThan(a: string | null, b: string | null): boolean {
  return a !== null && (b === null || a > b);
}

function isSame(own: FieldState | undefined, its: FieldState | undefined): boolean {
  if (own === undefined || its === undefined) return own === its;
  return own.version === its.version && sameCopyValue(condensed(own.value), its.value);
}

function described(state: FieldState | undefined): string {
  return state === undefined ? 'unknown' : `${JSON.stringify(condensed(state.value))} since ${state.version}`;
}
