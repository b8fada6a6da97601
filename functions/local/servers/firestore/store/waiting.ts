import type { Clock } from '../../../../src/clock.ts';
import { FirestoreError } from '../status.ts';

/** Whoever can hold something that others wait for, or wait itself: a transaction, or a write outside of any. Told
 *  apart by identity. */
export type Party = object;

/** Who waits for whom. */
export interface Waiting {
  /** Resolves when one of `blockers` has ended. @throws FirestoreError ABORTED at once if they wait for `party` in turn
   *  (a deadlock), or after the lock timeout; the signal's reason if it is aborted */
  waitFor(party: Party, blockers: ReadonlySet<Party>, signal: AbortSignal): Promise<void>;
  /** Whether `party` waiting for `blockers` would be waiting for itself. */
  wouldDeadlock(party: Party, blockers: ReadonlySet<Party>): boolean;
  /** Wakes who waits for `party`. */
  ended(party: Party): void;
}

interface Wait {
  readonly party: Party;
  readonly blockers: ReadonlySet<Party>;
  wake(): void;
}

/** @param timeoutMs  how long a lock is waited for, in ms of `clock` */
export function createWaiting(clock: Clock, timeoutMs: number): Waiting {
  const waits = new Set<Wait>();

  const wouldDeadlock = (party: Party, blockers: ReadonlySet<Party>) => {
    const seen = new Set<Party>();
    const open = [...blockers];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === party) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      for (const wait of waits) if (wait.party === next) open.push(...wait.blockers);
    }
    return false;
  };

  return {
    wouldDeadlock,
    waitFor(party, blockers, signal) {
      if (wouldDeadlock(party, blockers)) {
        return Promise.reject(
          new FirestoreError('ABORTED', 'Too much contention on these documents. Please try again.'),
        );
      }
      return new Promise((resolve, reject) => {
        const finish = (end: () => void) => {
          waits.delete(wait);
          cancelTimeout();
          signal.removeEventListener('abort', onAbort);
          end();
        };
        const wait: Wait = { party, blockers, wake: () => finish(resolve) };
        const onAbort = () => finish(() => reject(signal.reason));
        const cancelTimeout = clock.after(timeoutMs, () =>
          finish(() => reject(new FirestoreError('ABORTED', 'Transaction lock timeout.'))),
        );
        waits.add(wait);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
    },
    ended(party) {
      for (const wait of [...waits]) if (wait.blockers.has(party)) wait.wake();
    },
  };
}
