import { dayMs, hourMs, minuteMs, secondMs } from '../clock.ts';
import { defaultHoldLimits, type HoldLimits } from '../holds/limits.ts';

/** Limits of the work on events. The defaults fit functions with a timeout of 540 s and Pub/Sub's usual redelivery. */
export interface SyncLimits {
  /** How long a worker may go without renewing before another may take the project over, in ms. Longer than the slowest
   *  page we expect (a transaction may wait 20 s for a lock), shorter than a person's patience after a crash. */
  readonly leaseMs: number;
  /** Deliveries of one event that may begin work and fail before it becomes a dead letter. */
  readonly maxAttempts: number;
  /** Events that are younger, in ms, may be claimed and carried out in one transaction, and if the worker dies in that,
   *  nothing is left of the attempt. Older ones are counted before anything else is done: so an event that kills its
   *  workers ends as a dead letter. Below that a redelivery after a deploy or an outage of minutes costs no more calls
   *  than the first delivery. */
  readonly countAfterMs: number;
  /** How long a tombstone is kept, in ms. It must outlive every late message: Pub/Sub keeps messages up to 31 days. */
  readonly tombstoneMs: number;
  /** How far ahead of this process's clock, in ms, a record may claim to be before MongoDB is asked: as far as clocks
   *  differ. */
  readonly maxFutureMs: number;
  /** How long after a deletion its project is visited, once each, for assets that were written late, in ms. A server
   *  that does not know of the deletion yet writes within seconds; one that works off a queue, within the hour. */
  readonly visitAfterMs: readonly number[];
  /** How long a finished job is kept, in ms. */
  readonly jobRetentionMs: number;
  /** How long the history of an event is kept, in ms; 0: no history is written. */
  readonly historyMs: number;
  /** Whether nothing of assets is written: what would be is counted, and its events are kept until they may be
   *  applied. */
  readonly isShadow: boolean;
  /** When deletions are held for a person to decide. */
  readonly hold: HoldLimits;
}

export const defaultSyncLimits: SyncLimits = {
  leaseMs: minuteMs,
  maxAttempts: 10,
  countAfterMs: 10 * minuteMs,
  tombstoneMs: 90 * dayMs,
  maxFutureMs: 5 * secondMs,
  visitAfterMs: [minuteMs, 10 * minuteMs, hourMs],
  jobRetentionMs: 90 * dayMs,
  historyMs: 30 * dayMs,
  isShadow: false,
  hold: defaultHoldLimits,
};
