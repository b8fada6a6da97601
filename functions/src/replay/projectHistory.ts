import { secondMs } from '../clock.ts';
import { eventId, type ProjectEvent, specversion } from '../events/contract.ts';
import type { CopyValue } from '../events/copyValue.ts';
import { partsOf, type Version } from '../events/version.ts';
import { isCondensed } from '../records/condensed.ts';
import type { HistoryEntry } from '../records/historyEntry.ts';
import type { Origin } from '../records/origin.ts';
import { type Desired, emptyProjectRecord, type ProjectRecord } from '../records/projectRecord.ts';
import { type Change, fold } from '../sync/fold.ts';
import { historyOf, soundChanges } from '../sync/foldHistory.ts';

/** The events of a project as they can be published again. */
export interface ReplayableHistory {
  /** In the order of their versions. Their fold is the newest known state of the project. */
  readonly events: readonly ProjectEvent[];
  /** Values that the history has only the hash of, and that were replaced since: they are left out. */
  readonly omitted: number;
  /** Changes that the history does not have any more, and that the record still shows. */
  readonly fromRecord: number;
}

/** Who is named for what the history has no origin of. */
const unknownOrigin: Origin = { service: 'lockstep', channel: 'replay' };

/** Puts a project's history together, from its entries and its record. Whatever has expired or is too long to be kept
 *  comes from the record as far as it is the newest; what MongoDB has refuted is left out. Nothing is
 *  published that was not so. */
export function replayableHistory(record: ProjectRecord, entries: readonly HistoryEntry[]): ReplayableHistory {
  const isFalse = new Set(
    [...entries, ...record.open].filter(({ outcome }) => outcome === 'contradicted').map(({ version }) => version),
  );
  const changes = new Map<Version, Change>();
  for (const change of soundChanges(historyOf(record, entries))) {
    if (!isFalse.has(change.version)) changes.set(change.version, joined(changes.get(change.version), change));
  }
  let fromRecord = 0;
  for (const change of missing(record.desired, [...changes.values()])) {
    if (!changes.has(change.version)) fromRecord += 1;
    changes.set(change.version, joined(changes.get(change.version), change));
  }
  const origins = new Map<Version, Origin | null>(
    [...entries, ...record.open].map(({ version, origin }) => [version, origin]),
  );
  let omitted = 0;
  const events = [...changes.values()]
    .sort((a, b) => (a.version < b.version ? -1 : 1))
    .map((change) => {
      const whole = Object.entries(change.changes).filter(([, value]) => !isCondensed(value));
      omitted += Object.keys(change.changes).length - whole.length;
      return eventOf(record.projectId, { ...change, changes: Object.fromEntries(whole) }, origins.get(change.version));
    });
  return { events, omitted, fromRecord };
}

/** What a record shows, and the changes do not say. */
function missing({ kind, version, deletedVersion, fields }: Desired, changes: readonly Change[]): Change[] {
  if (kind === 'unknown' || version === null) return [];
  const known = changes.reduce((desired, change) => fold(desired, change).desired, emptyProjectRecord('').desired);
  const ofFields = Object.entries(fields).flatMap(([field, state]): Change[] => {
    const its = known.fields[field];
    if (its?.version === state.version && !isCondensed(its.value)) return [];
    return [{ type: 'ProjectUpdated', version: state.version, changes: { [field]: state.value } }];
  });
  const isKnown = known.kind === kind && known.version === version;
  const type = kind === 'deleted' ? 'ProjectDeleted' : 'ProjectUpdated';
  const ofKind: Change[] = isKnown ? [] : [{ type, version, changes: {} }];
  // Values from before a deletion that has expired: without it they would come alive again.
  const isOutlived = Object.keys(known.fields).some((field) => fields[field] === undefined);
  const ofDeletion: Change[] =
    kind === 'live' && isOutlived && deletedVersion !== null
      ? [{ type: 'ProjectDeleted', version: deletedVersion, changes: {} }]
      : [];
  return [...ofFields, ...ofKind, ...ofDeletion];
}

function joined(before: Change | undefined, change: Change): Change {
  if (before === undefined) return change;
  const changes: Record<string, CopyValue> = { ...before.changes, ...change.changes };
  return { ...before, changes };
}

function eventOf(
  projectId: string,
  { type, version, changes }: Change,
  origin: Origin | null | undefined,
): ProjectEvent {
  return {
    specversion,
    id: eventId(projectId, version),
    type,
    projectId,
    version,
    occurredAt: new Date(partsOf(version).seconds * secondMs).toISOString(),
    changes,
    origin: { ...(origin ?? unknownOrigin) },
  };
}
