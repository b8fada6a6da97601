import { minuteMs } from '../clock.ts';
import { holdMaxProjects, holdMaxSharePercent, holdWindowMinutes } from '../config/params.ts';

/** How many projects may be deleted within a window before further deletions are held for a person to decide. */
export interface HoldLimits {
  /** Length of the window, in ms. */
  readonly windowMs: number;
  /** So many projects may always be deleted within a window; 0 switches the hold off. */
  readonly maxProjects: number;
  /** Where MongoDB holds many projects, this share of them (0 to 1) may be deleted within a window, even if it is more than `maxProjects`. */
  readonly maxShare: number;
  /** So many may be deleted within a window when none is left in MongoDB: that is what a mistaken `deleteMany({})` looks like where
   *  projects are few. */
  readonly maxWhenEmpty: number;
}

/** A person who clears out some dozens of projects is not stopped, nor is the daily coming and going of a large collection: one percent
 *  within ten minutes is more than all projects within a day. A `deleteMany({})` is stopped after the first hundred, or after the first
 *  percent. */
export const defaultHoldLimits: HoldLimits = {
  windowMs: 10 * minuteMs,
  maxProjects: 100,
  maxShare: 0.01,
  maxWhenEmpty: 10,
};

/** How many deletions within a window are believed, while MongoDB holds `projects` and they are gone already.
 *
 *  The share is one of what there was before: `n <= share * (projects + n)`, solved for n. */
export function deletionsBelieved(limits: HoldLimits, projects: number): number {
  if (projects === 0) return Math.min(limits.maxProjects, limits.maxWhenEmpty);
  if (limits.maxShare >= 1) return Number.POSITIVE_INFINITY;
  return Math.max(limits.maxProjects, Math.floor((limits.maxShare * projects) / (1 - limits.maxShare)));
}

/** The limits of this deployment.
 *  @throws Error when a parameter is not a whole number that it can be. */
export function deployedHoldLimits(): HoldLimits {
  return {
    ...defaultHoldLimits,
    windowMs: holdWindowMinutes.value() * minuteMs,
    maxProjects: holdMaxProjects.value(),
    maxShare: holdMaxSharePercent.value() / 100,
  };
}
