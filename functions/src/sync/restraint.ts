import { type Control, type Pausable, pauseOf } from '../control/control.ts';
import type { ProjectRecord } from '../records/projectRecord.ts';

/** Why work is parked: a pause, or a deployment that writes nothing. */
export type Restraint = Exclude<Pausable, 'relay'> | 'shadow';

/** What keeps the work on one collection of a project from being carried out now; undefined when nothing does. */
export function restraintOn(
  control: Control,
  { desired }: Pick<ProjectRecord, 'desired'>,
  collection: string,
): Restraint | undefined {
  if (desired.kind === 'deleted' && pauseOf(control, 'deletions') !== undefined) return 'deletions';
  const name: `collection:${string}` = `collection:${collection}`;
  return pauseOf(control, name) === undefined ? undefined : name;
}

/** Everything that restrains somebody now. */
export function restraintsNow({ paused }: Control, isShadow: boolean): readonly Restraint[] {
  const pauses = paused.flatMap(({ what }) => (what === 'relay' ? [] : [what]));
  return isShadow ? [...pauses, 'shadow'] : pauses;
}

/** A restraint in words, for people. */
export function describeRestraint(restraint: Restraint): string {
  return restraint === 'shadow' ? 'shadow mode: counted, and nothing written' : `paused: ${restraint}`;
}
