import { secondMs } from '../clock.ts';
import type { ReconcileProgress } from '../reconcile/progress.ts';

const secondsPerMinute = 60;

/** One line that tells how far a run is: `1,200 of about 10,000 projects, 2,431 reads, 3 findings, about 12 s left`.
 *  `first` is where this invocation began, so that a resumed run does not count the time in between. */
export function progressLine(progress: ReconcileProgress, first: ReconcileProgress, elapsedMs: number): string {
  const what = progress.phase === 'scan' ? 'projects' : 'findings mended';
  const parts = [
    `${number(progress.done)} of about ${number(progress.about)} ${what}`,
    `${number(progress.reads)} reads`,
    `${number(progress.findings)} findings`,
  ];
  const left = timeLeft(progress, first, elapsedMs);
  return [...parts, ...(left === undefined ? [] : [`about ${left} left`])].join(', ');
}

function timeLeft(progress: ReconcileProgress, first: ReconcileProgress, elapsedMs: number): string | undefined {
  const before = first.phase === progress.phase ? first.done : 0;
  const done = progress.done - before;
  if (done <= 0 || progress.about <= progress.done) return undefined;
  const seconds = Math.ceil(((progress.about - progress.done) * elapsedMs) / done / secondMs);
  return seconds < 2 * secondsPerMinute ? `${seconds} s` : `${Math.ceil(seconds / secondsPerMinute)} min`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
