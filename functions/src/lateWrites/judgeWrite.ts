import { clockMarginMs, timeOf, type Version } from '../events/version.ts';
import { effectiveHold, type ProjectRecord } from '../records/projectRecord.ts';

/** What the record of its project says of a write. */
export type WriteJudgement =
  /** The project is not known to be deleted. */
  | 'no-tombstone'
  /** A deletion is not applied yet: it, or the visit after it, finds the asset. So does a person who decides about
   *  it. */
  | 'under-way'
  /** A person has decided that the assets of the deleted project stay. A newer deletion would be judged by itself, and
   *  take all of them. */
  | 'kept'
  /** The newest deletion came after the write, and has found the asset. */
  | 'covered'
  /** Nobody else will find the asset soon. */
  | 'late';

/** Judges a write by the record of its project.
 *  @param writtenAt  when Firestore committed it, in ms since 1970
 *  @param latest     a deletion that claims a later time than this is none, in ms since 1970 */
export function judgeWrite(record: ProjectRecord, writtenAt: number, latest: number): WriteJudgement {
  const { kind, version } = record.desired;
  if (kind !== 'deleted' || version === null) return 'no-tombstone';
  if (record.appliedRevision < record.revision) return 'under-way';
  if (effectiveHold(record) !== null) return 'kept';
  if (timeOf(version) > latest) return 'late';
  return writtenAt <= timeOf(version) - clockMarginMs ? 'covered' : 'late';
}

/** Whether a deletion of that version finds an asset that was created then, in ms since 1970: what was created after a
 *  deletion is not the deletion's (I5). */
export function reaches(version: Version, createdAt: number): boolean {
  return createdAt <= timeOf(version) + clockMarginMs;
}
