import type { Clock } from '../../clock.ts';
import type { Log, LogFields } from '../../log.ts';

/** What a relay is doing. */
export type RelayPhase =
  | 'standing-by'
  | 'rewinding'
  | 'opening'
  | 'reading'
  | 'retrying'
  | 'starting-over'
  | 'closing'
  | 'ended';

/** What an operator or a probe wants to know of a running relay. Times in ms since 1970. */
export interface RelayStatus {
  readonly phase: RelayPhase;
  /** The lease as it was written last; null while this relay holds none. */
  readonly lease: { readonly fencing: number; readonly expiresAt: number } | null;
  /** How far what is published is behind MongoDB, in ms; null while this relay does not hold the lease. */
  readonly lagMs: number | null;
  readonly lastCheckpointAt: number | null;
  readonly inFlight: number;
  readonly published: number;
  readonly deadLettered: number;
}

/** The parts of a running relay that its status is read from. */
export interface RelayGauges {
  readonly lease: () => RelayStatus['lease'];
  readonly lastCheckpointAt: () => number | null;
  readonly inFlight: () => number;
  readonly published: () => number;
  readonly deadLettered: () => number;
  /** When the oldest unpublished change was committed; undefined when everything read is published. */
  readonly oldestUnpublishedAt: () => number | undefined;
}

/** Lets others look at a running relay: it reports what happens, `status` may be asked at any time. */
export interface RelayHealth {
  enter(phase: RelayPhase): void;
  /** Everything committed before this time, by MongoDB's clock, has been read. */
  readUpTo(committedAt: number): void;
  /** MongoDB's clock as it was read just now, in ms since 1970; the lag is measured by it. */
  sourceClock(time: number): void;
  /** The time by MongoDB's clock. */
  sourceNow(): number;
  /** From now on the status is read from these (null: the relay no longer holds the lease). */
  watch(gauges: RelayGauges | null): void;
  status(): RelayStatus;
}

/** Creates the health of a relay that has not begun. */
export function createRelayHealth(clock: Clock): RelayHealth {
  let phase: RelayPhase = 'standing-by';
  let gauges: RelayGauges | null = null;
  let readUpTo: number | null = null;
  let sourceAheadMs = 0;
  const sourceNow = () => clock.now() + sourceAheadMs;
  return {
    sourceNow,
    sourceClock(time) {
      sourceAheadMs = time - clock.now();
    },
    enter(next) {
      phase = next;
    },
    readUpTo(committedAt) {
      readUpTo = committedAt;
    },
    watch(next) {
      gauges = next;
      readUpTo = null;
    },
    status() {
      const reached = gauges?.oldestUnpublishedAt() ?? readUpTo;
      return {
        phase,
        lease: gauges?.lease() ?? null,
        lagMs: gauges === null || reached === null ? null : Math.max(0, sourceNow() - reached),
        lastCheckpointAt: gauges?.lastCheckpointAt() ?? null,
        inFlight: gauges?.inFlight() ?? 0,
        published: gauges?.published() ?? 0,
        deadLettered: gauges?.deadLettered() ?? 0,
      };
    },
  };
}

/** How often a relay at work says how far behind it is, in ms: twice a minute, since an alert counts on one line a
 *  minute. */
const statusEveryMs = 30_000;

/** Logs the state of a relay at work from now on, until the returned function is called. A metric reads `signal` and
 *  `lagMs` from these lines. */
export function logStatus(health: RelayHealth, clock: Clock, log: Log, fields: LogFields = {}): () => void {
  let cancel = clock.after(statusEveryMs, report);
  function report(): void {
    const { phase, lagMs, inFlight, published } = health.status();
    log.info('the relay is at work', { signal: 'relay-status', phase, lagMs, inFlight, published, ...fields });
    cancel = clock.after(statusEveryMs, report);
  }
  return () => cancel();
}
