import { type Firestore, Timestamp } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import type { ProjectRecord } from '../records/projectRecord.ts';
import { deletionsAllowedLeaving, type HoldLimits } from './limits.ts';

/** Whether a deletion may be carried out, or comes with too many others. */
export type Judgement =
  | { readonly kind: 'within-limits' }
  | {
      readonly kind: 'too-many';
      /** Projects deleted within the window; "at least" when it equals `countedUpTo`. */
      readonly deletions: number;
      readonly countedUpTo: number;
      /** Deletions that are allowed within the window. */
      readonly allowed: number;
      /** Projects that MongoDB holds, by estimate. */
      readonly projects: number;
    };

export interface JudgeDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly limits: { readonly hold: HoldLimits };
  /** How many projects MongoDB holds, by estimate.
   *  @throws MongoError when MongoDB did not answer. */
  readonly countProjects: () => Promise<number>;
}

/** A count of so many index entries costs one read like a count of fewer:
 *  https://firebase.google.com/docs/firestore/pricing#aggregation_queries */
const countedByOneRead = 1_000;

/** One deletion is always within limits. */
const alone = 1;

/** Judges a deletion by the number of others that were learned of around the same time.
 *
 *  Every deletion is in its record, with the time, before it counts itself and the others. So of all that were learned
 *  of within one window, the one that was written last among those carried out has seen every other of them: never more
 *  are carried out than are allowed, with any number of workers, and without a counter that they would contend for. The
 *  window lies around the time at which *this* deletion was learned of, not around now: a flood that could not be
 *  worked on for an hour is still one when its events are redelivered.
 *
 *  Costs one read; MongoDB is asked when there is more than one deletion. The index of `deletedAt` grows at its end,
 *  which Firestore takes about 500 times a second (https://firebase.google.com/docs/firestore/best-practices#hotspots):
 *  a flood is slowed down by it.
 *  @throws what Firestore or MongoDB answered: then nothing may be deleted. */
export async function judgeDeletion(
  { firestore, clock, limits: { hold }, countProjects }: JudgeDependencies,
  record: ProjectRecord,
): Promise<Judgement> {
  if (hold.maxProjects === 0) return { kind: 'within-limits' };
  const learnedAt = record.deletedAt ?? clock.now();
  const window = { from: learnedAt - hold.windowMs, to: learnedAt + hold.windowMs };
  const few = await countDeletions(firestore, window, countedByOneRead);
  if (few <= alone) return { kind: 'within-limits' };
  const projects = await countProjects();
  const allowed = deletionsAllowedLeaving(hold, projects);
  if (allowed === Number.POSITIVE_INFINITY) return { kind: 'within-limits' };
  const isKnown = few < countedByOneRead || allowed < countedByOneRead;
  const countedUpTo = isKnown ? countedByOneRead : allowed + 1;
  const deletions = isKnown ? few : await countDeletions(firestore, window, countedUpTo);
  return deletions <= allowed
    ? { kind: 'within-limits' }
    : { kind: 'too-many', deletions, countedUpTo, allowed, projects };
}

/** How many projects were deleted within a window (ms since 1970), counted up to a bound: a flood of a million is not
 *  counted a million times. A deletion that MongoDB contradicted has no `deletedAt` any more, and does not count. */
export async function countDeletions(
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
