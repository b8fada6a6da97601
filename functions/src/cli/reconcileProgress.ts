import { secondMs } from '../clock.ts';
import type { ReconcileProgress } from '../reconcile/progress.ts';
import type { Terminal } from './terminal.ts';

/** How often progress is shown, in ms: on a terminal in one line that changes, elsewhere in lines of their own. */
const showEveryMs = { interactive: 200, elsewhere: 5_000 };

/** Shows how far a run is. */
export function createProgressDisplay(terminal: Terminal): (progress: ReconcileProgress) => void {
  const { clock, isInteractive } = terminal;
  const every = isInteractive ? showEveryMs.interactive : showEveryMs.elsewhere;
  const startedAt = clock.now();
  let first: ReconcileProgress | undefined;
  let shownAt = startedAt;
  return (progress) => {
    first ??= progress;
    const now = clock.now();
    if (now - shownAt < every) return;
    shownAt = now;
    terminal.progress(progressLine(progress, first, now - startedAt));
  };
}

const secondsPerMinute = 60;

/** One line that says how far a run is: `1,200 of about 10,000 projects, 2,431 reads, 3 findings, about 12 s left`.
 *  `first` is where this invocation began, so that a resumed run does not count the time in between. */
export function progressLine(progress: ReconcileProgress, first: ReconcileProgress, elapsedMs: number): string {
  const what = progress.phase === 'scan' ? 'projects' : 'findings repaired';
  const left = timeLeft(progress, first, elapsedMs);
  return [
    `${number(progress.done)} of about ${number(progress.about)} ${what}`,
    `${number(progress.reads)} reads`,
    `${number(progress.findings)} findings`,
    ...(left === undefined ? [] : [`about ${left} left`]),
  ].join(', ');
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
