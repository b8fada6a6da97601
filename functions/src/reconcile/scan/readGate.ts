import { type Clock, secondMs, sleep } from '../../clock.ts';
import { orThrow } from '../../waiting.ts';

/** Bounds the load of a run on a service: how many calls are in flight, and how many reads begin per second. */
export interface ReadGate {
  /** Runs `action`, which costs about `reads` reads, when there is room for it.
   *  @throws the signal's reason when the run is stopped, and whatever `action` throws. */
  pass<T>(reads: number, action: () => Promise<T>): Promise<T>;
}

export interface ReadGateOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Calls in flight. */
  readonly parallel: number;
  /** Reads per second; unlimited when missing. */
  readonly readsPerSecond?: number | undefined;
}

export function createReadGate({ clock, signal, parallel, readsPerSecond }: ReadGateOptions): ReadGate {
  let inFlight = 0;
  let paidUntil = clock.now();
  const queue: (() => void)[] = [];

  async function enter(reads: number): Promise<void> {
    if (inFlight >= parallel) await new Promise<void>((resolve) => queue.push(resolve));
    else inFlight += 1;
    if (readsPerSecond === undefined) return;
    // Each call pays for its reads with time: the next one begins when they are worked off.
    const begin = Math.max(clock.now(), paidUntil);
    paidUntil = begin + (reads / readsPerSecond) * secondMs;
    if (begin > clock.now()) await sleep(clock, begin - clock.now(), signal);
  }

  function leave(): void {
    const next = queue.shift();
    if (next) next();
    else inFlight -= 1;
  }

  return {
    async pass(reads, action) {
      signal.throwIfAborted();
      await enter(reads).catch((error: unknown) => {
        leave();
        throw error;
      });
      try {
        signal.throwIfAborted();
        // Clients cannot call a read back: its answer is ignored.
        return await orThrow(action(), signal);
      } finally {
        leave();
      }
    },
  };
}
