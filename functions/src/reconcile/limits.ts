import { dayMs, hourMs, minuteMs, secondMs } from '../clock.ts';
import { defaultHoldLimits } from '../holds/limits.ts';
import type { BrakeLimits } from './brakes.ts';

/** Limits of reconciliation. The defaults suit a collection of up to some million projects and a function with a
 *  timeout of 540 s. */
export interface ReconcileLimits {
  readonly brakes: BrakeLimits;
  /** How old the newest evidence of a project must be before it can be an orphan, in ms: the creation of an asset, the
   *  version of an event. Longer than any way of a change through the system, which is left to its events. */
  readonly graceMs: number;
  /** Ranges of project ids scanned side by side. More shorten a run where projects have many assets. */
  readonly ranges: number;
  /** Projects per range at least; smaller collections get fewer ranges. */
  readonly projectsPerRange: number;
  /** Queries to Firestore in flight. */
  readonly parallelQueries: number;
  /** Questions to MongoDB in flight. */
  readonly parallelLookups: number;
  /** Reads of Firestore per second; missing: as fast as they are answered. */
  readonly readsPerSecond?: number;
  /** Ids in one question to MongoDB. */
  readonly lookupBatch: number;
  /** Projects listed at once to count their assets rather than to read them: as many as six counts take, which go on
   *  side by side, so that MongoDB is asked less often; 0: none are. */
  readonly countBatch: number;
  /** Documents in one page at most: bounds what a range holds in memory. */
  readonly maxPage: number;
  /** The share of the reads that may be wasted on reading ahead. */
  readonly wasteShare: number;
  /** Projects repaired side by side. */
  readonly parallelRepairs: number;
  /** Projects whose repair may fail in one invocation before it gives up. Damaged project records do not count. */
  readonly maxFailures: number;
  /** Examples that the report keeps of each finding. */
  readonly examples: number;
  /** How long a run may go without renewing before another may take over, in ms. */
  readonly leaseMs: number;
  /** How often progress is kept, in ms: Firestore takes about one write per second to a document
   *  (https://firebase.google.com/docs/firestore/quotas#soft_limits). */
  readonly saveEveryMs: number;
  /** How long before the deadline a run stops, in ms: long enough to keep its progress. */
  readonly closingMs: number;
  /** How long an unfinished run may lie and still be resumed, in ms; after that a run begins anew. */
  readonly resumeMs: number;
  /** How long after its scan a verification looks again at what differed, in ms: longer than a change usually takes to
   *  its assets. */
  readonly settleMs: number;
  /** How long the history of an event is kept, in ms; 0: there is none, and a verification compares no record with
   *  it. */
  readonly historyMs: number;
  /** How long the record of a run is kept after its last change, in ms. */
  readonly jobRetentionMs: number;
}

export const defaultReconcileLimits: ReconcileLimits = {
  brakes: {
    shrink: { share: 0.2, atLeast: 10 },
    deletions: defaultHoldLimits,
    contradictions: 5,
  },
  graceMs: hourMs,
  ranges: 64,
  projectsPerRange: 15,
  parallelQueries: 48,
  parallelLookups: 4,
  lookupBatch: 200,
  countBatch: 180,
  maxPage: 300,
  wasteShare: 0.05,
  parallelRepairs: 8,
  maxFailures: 20,
  examples: 5,
  leaseMs: minuteMs,
  saveEveryMs: secondMs,
  closingMs: 10 * secondMs,
  resumeMs: dayMs,
  settleMs: 10 * secondMs,
  historyMs: 30 * dayMs,
  jobRetentionMs: 90 * dayMs,
};
