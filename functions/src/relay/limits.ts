import { minuteMs } from '../clock.ts';
import type { Backoff } from '../waiting.ts';
/** What bounds the relay in time, memory and cost. Every duration is in ms. */
export interface RelayLimits {
  /** How long a relay that went silent keeps others out. Longer than a garbage collection pause or a slow Firestore
   *  transaction, short enough that nobody notices the takeover after a crash. */
  readonly leaseMs: number;
  /** The lease is renewed (in the same write as the checkpoint) at least this often: three tries before it expires. */
  readonly renewEveryMs: number;
  /** How often a relay that stands by looks at the lease: one Firestore read each time, so 120 a minute at most. It is
   *  the delay of a hand-over. */
  readonly standbyPollMs: number;
  /** The checkpoint is written at most this often. A crash repeats what was published since; Firestore takes one
   *  sustained write a second to one document (https://firebase.google.com/docs/firestore/best-practices). */
  readonly checkpointEveryMs: number;
  /** How many changes may be on their way to Pub/Sub, or wait behind one that is. Two batches of Pub/Sub's client (500
   *  messages each). */
  readonly maxInFlight: number;
  /** How many bytes of messages may be on their way. Leaves most of the smallest function (256 MiB) to the runtime. */
  readonly maxInFlightBytes: number;
  /** The largest dead letter with the change itself; of a larger change only its size is told. Below Pub/Sub's 10 MB
   *  for one request (https://cloud.google.com/pubsub/quotas), with room for attributes. Events are smaller. */
  readonly maxMessageBytes: number;
  /** How many changes MongoDB puts into one answer. MongoDB ends a batch at 16 MB anyway. */
  readonly batchSize: number;
  /** How long MongoDB holds an empty answer back. Changes are answered at once; this is only the pace of the quiet
   *  stream. */
  readonly maxAwaitMs: number;
  /** Pauses before something that failed is tried again. */
  readonly backoff: Backoff;
  /** How long MongoDB may be silent on a stream that it has answered on, before the connection is given up: with
   *  nothing new it answers after `maxAwaitMs`, and an election (up to 12 s) is noticed by the driver. */
  readonly silenceMs: number;
  /** How long MongoDB may take for the first answer on a stream: it looks through its oplog from the place on. */
  readonly openingMs: number;
  /** How long a single command to MongoDB may take. */
  readonly commandMs: number;
  /** A relay whose stream has been broken for so long gives the lease up, so that another may try from where it is. */
  readonly stalledMs: number;
  /** So many runs in a row that did not move the place raise an alarm. */
  readonly maxRunsWithoutProgress: number;
  /** How long MongoDB may stay unavailable before an operator is called: an election takes up to 12 s, a restart half a
   *  minute. */
  readonly unreachableAlarmMs: number;
  /** On the way out: how long MongoDB is given to close the cursor, which it would forget by itself. */
  readonly closeStreamMs: number;
  /** On the way out: how long what is on its way to Pub/Sub is waited for. It answers within tens of ms, and what it
   *  has not answered by then only comes twice; so this is what a hand-over saves time at, and not the next one. */
  readonly drainMs: number;
  /** On the way out: how long the last checkpoint, which also gives the lease back, may take. Without it the others
   *  wait for the lease to run out. */
  readonly lastCheckpointMs: number;
  /** On the way out of the process: how long closing the connections may take, once everything is saved. */
  readonly closeConnectionsMs: number;
}

/** How long a run may take to end when nothing answers; normally it takes a few ms. With the poll of the one that
 *  stands by, and a read and a write for taking the lease, a hand-over takes 2 s at most; so does the end of the
 *  process, with the closing of connections. */
export function closingMs(limits: Pick<RelayLimits, 'closeStreamMs' | 'drainMs' | 'lastCheckpointMs'>): number {
  return limits.closeStreamMs + limits.drainMs + limits.lastCheckpointMs;
}

/** Limits that fit a function of 256 MiB and a Firestore in the same region. */
export const defaultRelayLimits: RelayLimits = {
  leaseMs: 15_000,
  renewEveryMs: 5_000,
  standbyPollMs: 500,
  checkpointEveryMs: 1_000,
  maxInFlight: 1_000,
  maxInFlightBytes: 32 * 1024 * 1024,
  maxMessageBytes: 9_000_000,
  batchSize: 1_000,
  maxAwaitMs: 1_000,
  backoff: { firstPauseMs: 100, longestPauseMs: 10_000 },
  silenceMs: 15_000,
  openingMs: 10 * minuteMs,
  commandMs: 10_000,
  stalledMs: minuteMs,
  maxRunsWithoutProgress: 5,
  unreachableAlarmMs: 30_000,
  closeStreamMs: 200,
  drainMs: 400,
  lastCheckpointMs: 600,
  closeConnectionsMs: 500,
};
