import { type Clock, systemClock } from '../../src/clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves the time by `ms`, forwards or back, and runs in order the timers that come due, also those set on the
   *  way. */
  advance(ms: number): void;
  /** Timers that are set and have not run. */
  timers(): number;
}

export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
    },
    timers: () => timers.size,
  };
}

/** The machine's clock, which a test may move: for whoever looks at it, leases run out and grace periods are over. */
export interface ShiftedClock extends Clock {
  shift(ms: number): void;
}

export function shiftedClock(aheadMs = 0): ShiftedClock {
  let offset = aheadMs;
  return {
    now: () => systemClock.now() + offset,
    after: systemClock.after,
    shift(ms) {
      offset += ms;
    },
  };
}

/** A clock that stands still unless it is moved; sleeping moves it, so that nothing ever waits. */
export interface SteppedClock extends Clock {
  advance(ms: number): void;
}

export function steppedClock(start: number = Date.UTC(2026, 10, 22)): SteppedClock {
  let now = start;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
    after(ms, run) {
      const timer = setImmediate(() => {
        now += ms;
        run();
      });
      return () => clearImmediate(timer);
    },
  };
}
