import type { EventType } from '../events/contract.ts';
import type { CopyValue } from '../events/copyValue.ts';
import { isNewer, newest, type Version } from '../events/version.ts';
import type { Desired, FieldState } from '../records/projectRecord.ts';

/** What the fold needs of an event. */
export interface Change {
  readonly type: EventType;
  readonly version: Version;
  readonly changes: Readonly<Record<string, CopyValue>>;
}

/** What an event did to the desired state: `none`, only `versions` that no asset shows (of the project itself, of a
 *  deletion), or an `effect` that assets have to follow. */
export type FoldChange = 'none' | 'versions' | 'effect';

/** Folds one event into the desired state of its project.
 *
 *  The result depends only on the set of events folded so far, not on their order or number. It is a join of three
 *  maxima: the newest deletion, the newest evidence of life (a creation or an update), and per field the newest value.
 *  Values from before the newest deletion do not count, whether they arrive before or after it. */
export function fold(desired: Desired, event: Change): { readonly desired: Desired; readonly change: FoldChange } {
  const isDeletion = event.type === 'ProjectDeleted';
  const deletedVersion = isDeletion ? newest(desired.deletedVersion, event.version) : desired.deletedVersion;
  const knownLife = desired.kind === 'live' ? desired.version : null;
  const liveVersion = isDeletion ? knownLife : newest(knownLife, event.version);
  const fields = foldFields(desired.fields, isDeletion ? {} : event.changes, event.version, deletedVersion);
  const isLive = liveVersion !== null && isNewer(liveVersion, deletedVersion);
  const folded: Desired = isLive
    ? { kind: 'live', version: liveVersion, deletedVersion, fields }
    : { kind: 'deleted', version: deletedVersion, deletedVersion, fields: {} };
  return { desired: folded, change: changeBetween(desired, folded) };
}

function foldFields(
  known: Desired['fields'],
  changes: Change['changes'],
  version: Version,
  deletedVersion: Version | null,
): Desired['fields'] {
  const fields = new Map<string, FieldState>(Object.entries(known));
  for (const [field, value] of Object.entries(changes)) {
    if (isNewer(version, fields.get(field)?.version)) fields.set(field, { value, version });
  }
  return Object.fromEntries([...fields].filter(([, state]) => isNewer(state.version, deletedVersion)));
}

function changeBetween(before: Desired, after: Desired): FoldChange {
  if (before.kind !== after.kind) return 'effect';
  // Between two deletions the project may have lived and got new assets, even if the news of that never came or comes
  // later.
  if (after.kind === 'deleted') return before.version === after.version ? 'none' : 'effect';
  const known = Object.entries(after.fields);
  // A newer version of a value that is known already, too: it had another one in between, which assets may have got
  // from a client, and the news of that changes nothing any more when it comes later.
  if (known.some(([field, state]) => before.fields[field]?.version !== state.version)) return 'effect';
  const same =
    before.version === after.version &&
    before.deletedVersion === after.deletedVersion &&
    known.length === Object.keys(before.fields).length;
  return same ? 'none' : 'versions';
}
