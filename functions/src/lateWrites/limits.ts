import { minuteMs, secondMs } from '../clock.ts';
import { defaultSyncLimits } from '../sync/limits.ts';

/** Limits of what looks for late writes. */
export interface LateWriteLimits {
  /** For how long after a deletion that a process has published other late writes of the same project are left to the
   *  visit that follows it, in ms. No longer than the first visit waits: a write that is left must come before it. */
  readonly foldMs: number;
  /** Projects that a process remembers for that. One that is forgotten costs a deletion more. */
  readonly mostRemembered: number;
  /** As in `SyncLimits`: of a record that claims more, the work on events makes a dead letter. */
  readonly maxFutureMs: number;
}

const { maxFutureMs } = defaultSyncLimits;

export const defaultLateWriteLimits: LateWriteLimits = { foldMs: minuteMs, mostRemembered: 1_000, maxFutureMs };

/** Limits of the visits of one round, of which there is one a minute: what it does not manage waits for the next
 *  one. */
export interface VisitLimits {
  /** How long after a deletion each of its visits is due, in ms. */
  readonly visitAfterMs: readonly number[];
  readonly mostVisits: number;
  /** Visits at once: the process has other work. */
  readonly atOnce: number;
  /** No visit begins later than this after the round, in ms. */
  readonly roundMs: number;
  /** As in `SyncLimits`: of a record that claims more, the work on events makes a dead letter. */
  readonly maxFutureMs: number;
  /** How long a visit is put off that MongoDB's time has not reached, in ms: so it goes behind the others. */
  readonly putOffMs: number;
}

export const defaultVisitLimits: Omit<VisitLimits, 'visitAfterMs'> = {
  mostVisits: 200,
  atOnce: 5,
  roundMs: 30 * secondMs,
  maxFutureMs,
  putOffMs: minuteMs,
};
