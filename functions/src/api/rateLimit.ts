import { type Clock, secondMs } from '../clock.ts';

export interface RateLimits {
  /** Requests that may come at once. */
  readonly burst: number;
  /** Requests a second that go on for ever. */
  readonly perSecond: number;
}

/** A page polls about one route a second; a person with three of them open, and a scraper beside, stay below. Refused
 *  before anything is read: what one caller can cost in a second is bounded by this. */
export const defaultRateLimits: RateLimits = { burst: 120, perSecond: 10 };

/** Callers that are remembered; the one that was silent for longest is forgotten first, and its bucket is full again by
 *  then. */
const maxCallers = 10_000;

/** A token bucket for each caller, in the memory of this instance: with N instances a caller has N buckets. */
export interface RateLimit {
  /** Takes one request of a caller: 0, or after how many ms the next one has room. */
  take(caller: string): number;
}

export function createRateLimit(clock: Clock, { burst, perSecond }: RateLimits): RateLimit {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(caller) {
      const now = clock.now();
      const known = buckets.get(caller) ?? { tokens: burst, at: now };
      const tokens = Math.min(burst, known.tokens + ((now - known.at) / secondMs) * perSecond);
      const isAllowed = tokens >= 1;
      buckets.delete(caller);
      buckets.set(caller, { tokens: isAllowed ? tokens - 1 : tokens, at: now });
      const [oldest] = buckets.keys();
      if (buckets.size > maxCallers && oldest !== undefined) buckets.delete(oldest);
      return isAllowed ? 0 : Math.ceil(((1 - tokens) / perSecond) * secondMs);
    },
  };
}
