import type { Clock } from '../../../../src/clock.ts';

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Moves the time on by `ms` and runs, in order of their times, the timers that come due, also those set on the
   *  way. */
  advance(ms: number): void;
  /** Timers that are set and have not run. */
  timers(): number;
}

export function createVirtualClock(start: number = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = due.at;
        due.run();
      }
      now = end;
    },
    timers: () => timers.size,
  };
}
