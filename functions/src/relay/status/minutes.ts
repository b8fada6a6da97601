import { type Clock, minuteMs, secondMs } from '../../clock.ts';
import { errorText, type Log } from '../../log.ts';
import { atMost } from '../../waiting.ts';
import type { RelayHealth, RelayStatus } from './health.ts';

/** A minute that is over, as the relay at work sees it. Times in ms since 1970. */
export interface RelayMinute {
  readonly start: number;
  readonly relay: Pick<RelayStatus, 'lagMs' | 'inFlight'>;
  /** When a relay was last seen at work before this one took the lease; null: never. */
  readonly seenBefore: number | null;
}

/** Does something with every minute that is over. It begins nothing new once the signal is aborted. */
export type MinuteObserver = (minute: RelayMinute, signal: AbortSignal) => Promise<void>;

export interface MinutesOptions {
  readonly observe: MinuteObserver;
  readonly health: RelayHealth;
  readonly clock: Clock;
  readonly log: Log;
  readonly holdsLease: () => boolean;
  readonly seenBefore: number | null;
}

/** How long after its end a minute is looked at, in ms: what was under way in its last second is written by then. */
const settleMs = 5 * secondMs;

/** How long an observer may take, in ms: it answers within a second, and the next minute must not find it at work. */
const observerMs = 30 * secondMs;

/** Calls the observer after every minute in which a relay was at work, until the returned function is called. Whatever
 *  the observer does, the relay does not wait for it and does not fail with it. */
export function startMinutes({ observe, health, clock, log, holdsLease, seenBefore }: MinutesOptions): () => void {
  const startedAt = clock.now();
  const stop = new AbortController();
  let cancel = () => {};
  const schedule = () => {
    const now = clock.now();
    const next = Math.floor((now - settleMs) / minuteMs + 1) * minuteMs + settleMs;
    cancel = clock.after(next - now, () => void look());
  };

  async function look(): Promise<void> {
    const end = Math.floor(clock.now() / minuteMs) * minuteMs;
    const start = end - minuteMs;
    const wasAtWork = startedAt < end || (seenBefore !== null && seenBefore >= start);
    if (wasAtWork && holdsLease()) await observeOnce(start);
    if (!stop.signal.aborted) schedule();
  }

  async function observeOnce(start: number): Promise<void> {
    const { lagMs, inFlight } = health.status();
    const late = new AbortController();
    const signal = AbortSignal.any([stop.signal, late.signal]);
    const fields = { minute: new Date(start).toISOString() };
    try {
      const observing = observe({ start, relay: { lagMs, inFlight }, seenBefore }, signal);
      const outcome = await atMost(clock, observerMs, observing, stop.signal);
      if (typeof outcome !== 'symbol' || stop.signal.aborted) return;
      log.warn('a minute could not be measured in time; what is missing of it is a gap', fields);
    } catch (error) {
      log.warn('a minute could not be measured; what is missing of it is a gap', {
        ...fields,
        error: errorText(error),
      });
    } finally {
      late.abort(new Error('the minute took too long to measure'));
    }
  }

  schedule();
  return () => {
    stop.abort(new Error('the relay ends'));
    cancel();
  };
}
