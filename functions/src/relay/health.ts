import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/** What a relay is doing. */
export type RelayPhase = 'standing-by' | 'opening' | 'reading' | 'retrying' | 'starting-over' | 'closing' | 'ended';

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

/** Lets others look at a running relay: the relay tells it what happens, `status` may be asked at any time. */
export interface RelayHealth {
  enter(phase: RelayPhase): void;
  /** Everything committed before this time has been read. */
  readUpTo(committedAt: number): void;
  /** From now on the status is read from these (null: the relay no longer holds the lease). */
  watch(gauges: RelayGauges | null): void;
  status(): RelayStatus;
}

/** Creates the health of a relay that has not begun. */
export function createRelayHealth(clock: Clock): RelayHealth {
  let phase: RelayPhase = 'standing-by';
  let gauges: RelayGauges | null = null;
  let readUpTo: number | null = null;
  return {
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
        lagMs: gauges === null || reached === null ? null : Math.max(0, clock.now() - reached),
        lastCheckpointAt: gauges?.lastCheckpointAt() ?? null,
        inFlight: gauges?.inFlight() ?? 0,
        published: gauges?.published() ?? 0,
        deadLettered: gauges?.deadLettered() ?? 0,
      };
    },
  };
}

/** How often a relay at work says how far behind it is, in ms: twice within every minute, on which the alert for a silent relay counts. */
const statusEveryMs = 30_000;

/** Logs the state of a relay at work from now on, until the returned function is called. A metric reads `signal` and `lagMs` from these lines. */
export function logStatus(health: RelayHealth, clock: Clock, log: Log): () => void {
  let cancel = clock.after(statusEveryMs, report);
  function report(): void {
    const { phase, lagMs, inFlight, published } = health.status();
    log.info('The relay is at work.', { signal: 'relay-status', phase, lagMs, inFlight, published });
    cancel = clock.after(statusEveryMs, report);
  }
  return () => cancel();
}
