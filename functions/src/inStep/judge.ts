import type { CopyValue } from '../events/copyValue.ts';
import { sameCopyValue } from '../events/copyValue.ts';
import type { Version } from '../events/version.ts';
import { type Desired, effectiveHold, type ProjectRecord } from '../records/projectRecord.ts';
import { isSameTime } from './clusterTime.ts';

// Whether the assets of a project show what MongoDB held at a time, as far as its record can say so. The record alone
// never says that nothing is missing: changes may come in any order, and one that touches no configured field never
// comes. So there are two kinds of evidence. MongoDB's own word is decisive, whatever is still on its way: values that
// are the same are shown. Without it, the record must show that time or something newer in each field that was written;
// where nobody says which those are, some change of that time, or something newer in each field.

/** What the assets have to show. */
export type Expected =
  /** What MongoDB held, as of a version; null: no such project. */
  | { readonly kind: 'state'; readonly version: Version; readonly fields: Readonly<Record<string, CopyValue>> | null }
  /** What was written at a time. `written`: the fields that were, as the caller says. Without it, any change of that
   *  time stands for all: a transaction that changes a project several times is taken for shown with its first one. */
  | { readonly kind: 'change'; readonly version: Version; readonly written?: readonly string[] | undefined };

export type Judgement =
  | { readonly kind: 'in-step'; readonly version: Version | null; readonly revision: number }
  /** The project is deleted, and its assets are gone. */
  | { readonly kind: 'deleted'; readonly version: Version | null; readonly revision: number }
  /** Its deletion waits for a person, or a person has decided that the assets stay. */
  | { readonly kind: 'held'; readonly state: 'held' | 'discarded' }
  /** Its work is paused, or only counted. */
  | { readonly kind: 'parked' }
  /** The record knows of a change that the assets do not show yet (`assets`), or not of what is expected (`record`). */
  | { readonly kind: 'not-yet'; readonly missing: 'assets' | 'record' };

/** @param fields fields of the project that count: those that assets repeat, or some of them. */
export function judge(record: ProjectRecord, expected: Expected, fields: readonly string[]): Judgement {
  const { desired, revision, appliedRevision } = record;
  const hold = effectiveHold(record);
  if (hold !== null) return { kind: 'held', state: hold.state };
  if (appliedRevision < revision) {
    return record.parked === null ? { kind: 'not-yet', missing: 'assets' } : { kind: 'parked' };
  }
  const isShown =
    expected.kind === 'state' ? showsState(desired, expected, fields) : showsChange(desired, expected, fields);
  if (!isShown) return { kind: 'not-yet', missing: 'record' };
  return { kind: desired.kind === 'deleted' ? 'deleted' : 'in-step', version: desired.version, revision };
}

function showsState(
  desired: Desired,
  { version, fields: expected }: Extract<Expected, { kind: 'state' }>,
  fields: readonly string[],
): boolean {
  const isLater = desired.version !== null && desired.version > version;
  if (expected === null || desired.kind === 'deleted') {
    return isLater || (expected === null && desired.kind === 'deleted');
  }
  return fields.every((field) => {
    const shown = desired.fields[field];
    const value = expected[field];
    // A value that no copy can have: assets never show it, and it is nobody's fault here.
    if (value === undefined) return true;
    if (shown === undefined) return value === null;
    return shown.version > version || sameCopyValue(shown.value, value);
  });
}

function showsChange(
  desired: Desired,
  { version, written }: Extract<Expected, { kind: 'change' }>,
  fields: readonly string[],
): boolean {
  if (desired.version === null || desired.version < version) return false;
  const isAsNew = (field: string) => (desired.fields[field]?.version ?? '') >= version;
  if (written !== undefined) {
    // A deletion of that very time may be one step of a transaction that has written the fields again.
    const isOutlived = desired.kind === 'deleted' && !isSameTime(desired.version, version);
    return isOutlived || (desired.kind === 'live' && written.every(isAsNew));
  }
  if (desired.kind === 'deleted') return true;
  const claims = [
    desired.version,
    desired.deletedVersion,
    ...Object.values(desired.fields).map((field) => field.version),
  ];
  return fields.every(isAsNew) || claims.some((claim) => claim !== null && isSameTime(claim, version));
}
