import { minuteMs } from '../clock.ts';
import type { Run } from './runRecord.ts';

// Orphans are judged together with other deletions that became known lately. Their own are among these, and must not
// count twice; but those from the beginning of a long scan leave the window before its end, and then are not.

/** Notes when the deletion of an orphan became known, in ms since 1970. */
export function addRecentOrphan(run: Run, deletedAt: number): void {
  const minutes = minutesWithin(run);
  const minute = String(Math.floor(deletedAt / minuteMs) * minuteMs);
  run.job.recentOrphans = Object.fromEntries(minutes);
  if (isWithin(run, minute)) run.job.recentOrphans[minute] = (run.job.recentOrphans[minute] ?? 0) + 1;
}

/** How many of them are within the window now. */
export function countRecentOrphans(run: Run): number {
  return minutesWithin(run).reduce((sum, [, orphans]) => sum + orphans, 0);
}

function minutesWithin(run: Run): [string, number][] {
  return Object.entries(run.job.recentOrphans).filter(([minute]) => isWithin(run, minute));
}

/** Only whole minutes: rather count an orphan twice than another deletion not at all. */
function isWithin({ clock, limits }: Run, minute: string): boolean {
  return Number(minute) >= clock.now() - limits.brakes.deletions.windowMs;
}
