import { type Firestore, Timestamp } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import type { ProjectRecord } from '../records/projectRecord.ts';
import type { SyncDependencies } from '../sync/dependencies.ts';
import { deletionsBelieved } from './limits.ts';

/** Whether a deletion may be carried out, or comes with too many others. */
export type Judgement =
  | { readonly kind: 'believed' }
  | {
      readonly kind: 'too-many';
      /** Projects deleted within the window; "at least" when it equals `countedUpTo`. */
      readonly deletions: number;
      readonly countedUpTo: number;
      /** Deletions within the window that are believed. */
      readonly believed: number;
      /** Projects that MongoDB holds, by estimate. */
      readonly projects: number;
    };

/** A count of so many index entries costs one read like a count of fewer: https://firebase.google.com/docs/firestore/pricing#aggregation_queries */
const countedByOneRead = 1_000;

/** Judges a deletion by the number of others that were learned of around the same time.
 *
 *  Every deletion is in its record, with the time, before it counts itself and the others. So of all that were learned of within one window, the one
 *  that was written last among those that were carried out has seen every other of them: never more are carried out than are believed, with any
 *  number of workers, and without a counter that they would contend for. The window lies around the time at which *this* deletion was learned of,
 *  not around now: a flood that could not be worked on for an hour is still one when its redeliveries come.
 *
 *  Costs one read where few projects are deleted; MongoDB is asked only when there are more than a handful. The index of `deletedAt` grows at its end,
 *  which Firestore takes about 500 times a second (https://firebase.google.com/docs/firestore/best-practices#hotspots): a flood is slowed down by it.
 *  @throws what Firestore or MongoDB answered: then nothing may be deleted. */
export async function judgeDeletion(
  { firestore, clock, limits: { hold }, countProjects }: SyncDependencies,
  record: ProjectRecord,
): Promise<Judgement> {
  if (hold.maxProjects === 0) return { kind: 'believed' };
  const learnedAt = record.deletedAt ?? clock.now();
  const window = { from: learnedAt - hold.windowMs, to: learnedAt + hold.windowMs };
  const few = await countDeletions(firestore, window, countedByOneRead);
  if (few <= Math.min(hold.maxProjects, hold.maxWhenEmpty)) return { kind: 'believed' };
  const projects = await countProjects();
  const believed = deletionsBelieved(hold, projects);
  if (believed === Number.POSITIVE_INFINITY) return { kind: 'believed' };
  const isKnown = few < countedByOneRead || believed < countedByOneRead;
  const countedUpTo = isKnown ? countedByOneRead : believed + 1;
  const deletions = isKnown ? few : await countDeletions(firestore, window, countedUpTo);
  return deletions <= believed
    ? { kind: 'believed' }
    : { kind: 'too-many', deletions, countedUpTo, believed, projects };
}

/** How many projects were deleted within a window, counted up to a bound: a flood of a million is not counted a million times. */
async function countDeletions(
  firestore: Firestore,
  { from, to }: { readonly from: number; readonly to: number },
  atMost: number,
): Promise<number> {
  const counted = await firestore
    .collection(recordCollections.projects)
    .where('deletedAt', '>=', Timestamp.fromMillis(from))
    .where('deletedAt', '<=', Timestamp.fromMillis(to))
    .limit(atMost)
    .count()
    .get();
  return counted.data().count;
}
