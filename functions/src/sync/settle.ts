import type { CopyValue } from '../events/copyValue.ts';
import { isNewer, timeOf, type Version } from '../events/version.ts';
import type { Desired, ProjectRecord } from '../records/projectRecord.ts';
import { type FoldChange, fold } from './fold.ts';

/** What MongoDB said about one project in a majority read, as of its operation time. */
export interface Fact {
  readonly version: Version;
  /** Every configured field of the project; null where there is no such project. */
  readonly fields: Readonly<Record<string, CopyValue>> | null;
  /** When it was asked, in ms since 1970. */
  readonly askedAt: number;
}

/** Folds what MongoDB says over all that a record claims (I10).
 *
 *  A claim that stood in the record before MongoDB was asked (`seen`), with a version that MongoDB had not reached by
 *  then, is false: no change can have that version. It is dropped. A claim with such a version that came since is news,
 *  and stays. */
export function settle(
  current: Desired,
  seen: Desired,
  fact: Fact,
): { readonly desired: Desired; readonly change: FoldChange; readonly refuted: readonly Version[] } {
  const type = fact.fields === null ? 'ProjectDeleted' : 'ProjectUpdated';
  const sound = withoutFalse(current, seen, fact.version);
  const { desired, change } = fold(sound, { type, version: fact.version, changes: fact.fields ?? {} });
  const before = claimsOf(current);
  const after = new Set(claimsOf(sound));
  const refuted = [...new Set(before)].filter((claim) => !after.has(claim)).sort();
  return { desired, change: sound === current || change === 'effect' ? change : 'versions', refuted };
}

/** Whether something in a record claims to have happened after a time, in ms since 1970. */
export function claimsTheFuture(desired: Desired, afterMs: number): boolean {
  return claimsOf(desired).some((claim) => timeOf(claim) > afterMs);
}

/** Whether a project lives after a deletion, values are lacking, and no creation is known that would have brought them:
 *  it may be on its way, or the deletion was false and took the values from before it along, which no message brings
 *  back. */
export function isPartlyKnown({ desired, open }: Pick<ProjectRecord, 'desired' | 'open'>, fields: readonly string[]) {
  const { kind, deletedVersion } = desired;
  if (kind !== 'live' || deletedVersion === null) return false;
  const isCreated = open.some(({ type, version }) => type === 'ProjectCreated' && version > deletedVersion);
  return !isCreated && fields.some((field) => !Object.hasOwn(desired.fields, field));
}

/** Every version in a record. */
export function claimsOf({ version, deletedVersion, fields }: Desired): Version[] {
  const claims = [version, deletedVersion, ...Object.values(fields).map((field) => field.version)];
  return claims.filter((claim) => claim !== null);
}

function withoutFalse(current: Desired, seen: Desired, reached: Version): Desired {
  const isFalse = (claim: Version | null, before: Version | null | undefined) =>
    claim !== null && claim === before && isNewer(claim, reached);
  const fields = Object.entries(current.fields).filter(
    ([name, field]) => !isFalse(field.version, seen.fields[name]?.version),
  );
  const deletedVersion = isFalse(current.deletedVersion, seen.deletedVersion) ? null : current.deletedVersion;
  const isKindFalse = isFalse(current.version, seen.version);
  if (
    !isKindFalse &&
    deletedVersion === current.deletedVersion &&
    fields.length === Object.keys(current.fields).length
  ) {
    return current;
  }
  const kept = { deletedVersion, fields: Object.fromEntries(fields) };
  if (!isKindFalse) return { ...current, ...kept };
  return deletedVersion === null
    ? { kind: 'unknown', version: null, ...kept }
    : { kind: 'deleted', version: deletedVersion, ...kept };
}
