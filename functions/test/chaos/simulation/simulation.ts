import type { Clock } from '../../../src/clock.ts';

/** Virtual time in which one thing happens at a time: the earliest of what is due. Real work (a call to a server) takes
 *  no virtual time. */
export interface Simulation extends Clock {
  /** Runs `act` alone in `ms` virtual milliseconds: nothing else happens until it has settled. */
  schedule(ms: number, act: () => Promise<void> | void): () => void;
  /** Lets time pass until the condition holds.
   *  @throws StuckError when nothing is left to happen, or it takes longer than `limits` allow. */
  runUntil(what: string, condition: () => boolean): Promise<void>;
  /** Events that have happened. */
  steps(): number;
}

/** The condition that was waited for cannot come, or does not come. */
export class StuckError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'StuckError';
  }
}

export interface SimulationLimits {
  /** Events of one run after which it counts as one that never ends. */
  readonly steps: number;
  /** Virtual time of one run after which it counts as one that never ends, in ms. */
  readonly durationMs: number;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly act: () => Promise<void> | void;
}

export function createSimulation(startsAt: number, limits: SimulationLimits): Simulation {
  let now = startsAt;
  let order = 0;
  let steps = 0;
  const due = new Set<Due>();

  const schedule = (ms: number, act: Due['act']) => {
    order += 1;
    const event = { at: now + Math.max(0, ms), order, act };
    due.add(event);
    return () => due.delete(event);
  };

  /** A run has some dozens of events in waiting at most, so that looking at all of them costs nothing. */
  function earliest(): Due | undefined {
    let first: Due | undefined;
    for (const event of due) {
      if (first === undefined || event.at < first.at || (event.at === first.at && event.order < first.order))
        first = event;
    }
    return first;
  }

  return {
    // Servers count whole milliseconds.
    now: () => Math.floor(now),
    after: (ms, run) => schedule(ms, run),
    schedule,
    steps: () => steps,
    async runUntil(what, condition) {
      await quiet();
      while (!condition()) {
        const next = earliest();
        if (next === undefined) throw new StuckError(`nothing is left to happen, and still not: ${what}`);
        if (steps >= limits.steps) throw new StuckError(`after ${steps} steps still not: ${what}`);
        if (now - startsAt > limits.durationMs)
          throw new StuckError(`after ${now - startsAt} virtual ms still not: ${what}`);
        due.delete(next);
        now = Math.max(now, next.at);
        steps += 1;
        await next.act();
        await quiet();
      }
    },
  };
}

/** Everything that follows at once from what has just happened: promises and ticks run before the next immediate. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
