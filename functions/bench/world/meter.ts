/** A resource that serves one after the other, as fast as its rate allows: who asks for an amount has to wait until all
 *  that was asked for before has been served. */
export interface Meter {
  /** When an amount is served that is asked for at a time, both in ms. Times never go back from call to call. */
  take(atMs: number, amount: number): number;
}

/** A resource with the same rate at all times. */
export function steadyMeter(perSecond: number): Meter {
  let freeAt = 0;
  return {
    take(atMs, amount) {
      freeAt = Math.max(atMs, freeAt) + (amount / perSecond) * 1_000;
      return freeAt;
    },
  };
}

export interface Ramp {
  /** What is allowed without having been there before, per second. */
  readonly startPerSecond: number;
  /** Growth from window to window, as a share. */
  readonly growth: number;
  readonly windowMs: number;
  /** Never more than this, per second. */
  readonly mostPerSecond: number;
}

/** A resource whose rate may grow with its use: in each window, no more than a share above what was used in the window
 *  before, and always the start. Whoever pauses begins anew. */
export function rampingMeter({ startPerSecond, growth, windowMs, mostPerSecond }: Ramp): Meter {
  let freeAt = 0;
  let window = 0;
  let used = 0;
  let allowed = Math.min(startPerSecond, mostPerSecond);
  const enter = (next: number) => {
    if (next === window) return;
    const usedPerSecond = next === window + 1 ? (used / windowMs) * 1_000 : 0;
    allowed = Math.min(mostPerSecond, Math.max(startPerSecond, usedPerSecond * (1 + growth)));
    window = next;
    used = 0;
  };
  return {
    take(atMs, amount) {
      freeAt = Math.max(atMs, freeAt);
      for (let left = amount; left > 0; ) {
        enter(Math.floor(freeAt / windowMs));
        const windowEnd = (window + 1) * windowMs;
        const part = Math.min(left, ((windowEnd - freeAt) / 1_000) * allowed);
        used += part;
        left -= part;
        freeAt = left > 0 ? windowEnd : freeAt + (part / allowed) * 1_000;
      }
      return freeAt;
    },
  };
}
