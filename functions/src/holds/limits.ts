import { minuteMs } from '../clock.ts';
import { holdMaxProjects, holdMaxSharePercent, holdWindowMinutes } from '../config/params.ts';

/** The policy of mass deletions: how many projects may be deleted within a window, whoever found that they are gone.
 *  The hold on events and the brake of reconciliation are two views of it. */
export interface HoldLimits {
  /** Length of the window, in ms. */
  readonly windowMs: number;
  /** A quarter of the projects may be deleted within a window, but no more than so many; 0 switches the hold off. */
  readonly maxProjects: number;
  /** Where there are many projects, this share of them (0 to 1), even if it is more than `maxProjects`. */
  readonly maxShare: number;
}

/** A person who clears out some dozens of many projects is not stopped, nor is the daily coming and going of a large
 *  collection: one percent within ten minutes is more than all projects within a day. */
export const defaultHoldLimits: HoldLimits = { windowMs: 10 * minuteMs, maxProjects: 100, maxShare: 0.01 };

/** The share of few projects that may be deleted at once. */
const shareOfFew = 1 / 4;

/** So many of a handful of projects may be deleted at once, as long as they are not all of them, or more than half. */
const handful = 3;

/** How many of `projects`, counted before the first deletion within the window, may be deleted within it. Grows with
 *  the projects by one at most, so that no installation stands at a cliff (`docs/massDeletion.md` has the table). */
export function deletionsAllowed({ maxProjects, maxShare }: HoldLimits, projects: number): number {
  const few = Math.min(handful, Math.ceil(projects / 2), maxProjects);
  const some = Math.min(maxProjects, Math.floor(projects * shareOfFew));
  return Math.max(few, some, Math.floor(projects * maxShare));
}

/** The same, told by the projects that are left: the most deletions that are within the limits of what there was
 *  before. */
export function deletionsAllowedLeaving(limits: HoldLimits, left: number): number {
  if (limits.maxShare >= 1) return Number.POSITIVE_INFINITY;
  const isAllowed = (deletions: number) => deletions <= deletionsAllowed(limits, left + deletions);
  // Deletions grow faster than what is allowed, so there is one bound. It is near the largest of its three parts, each
  // solved for the deletions, and rounding may have missed it by one.
  const share = (limits.maxShare * left) / (1 - limits.maxShare);
  const quarter = Math.min(limits.maxProjects, (shareOfFew * left) / (1 - shareOfFew));
  let bound = Math.ceil(Math.max(share, quarter, Math.min(handful, limits.maxProjects, left + 1))) + 1;
  while (bound > 0 && !isAllowed(bound)) bound -= 1;
  return bound;
}

/** The limits of this deployment.
 *  @throws Error when a parameter is not a whole number that it can be. */
export function deployedHoldLimits(): HoldLimits {
  return {
    windowMs: holdWindowMinutes.value() * minuteMs,
    maxProjects: holdMaxProjects.value(),
    maxShare: holdMaxSharePercent.value() / 100,
  };
}
