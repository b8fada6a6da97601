import type { DocumentReference, Timestamp } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import { isTransientCall } from '../grpc.ts';
import { errorText, type Log } from '../log.ts';
import { type FencedWrite, writeFenced } from './lease.ts';
import type { RelayLimits } from './limits.ts';
import type { Checkpoint, ReconciliationPending, RelayLease, RelayRecord, Rewind, ShardStatus } from './relayRecord.ts';

/** Keeps the record of a relay that holds the lease: one write renews the lease and moves the checkpoint. */
export interface Checkpointer {
  /** Begins to write by itself: at most every `checkpointEveryMs` while changes are published, every `renewEveryMs` in
   *  quiet times. */
  start(): void;
  /** Stops writing by itself. A write under way goes on. */
  stop(): void;
  /** Writes now, after a write that is under way.
   *  @throws what Firestore answers. */
  write(): Promise<FencedWrite>;
  /** Forgets the position, and with it a rewind, and starts from a time, with a reconciliation to be asked for, in one
   *  write. Only when nothing is being published.
   *  @throws what Firestore answers. */
  restart(from: Checkpoint, pending: ReconciliationPending | null): Promise<FencedWrite>;
  /** A rewind that was asked for and is neither done nor refused. */
  rewind(): Rewind | null;
  /** Remembers from the next write on that it was refused. */
  refuseRewind(): void;
  /** Remembers from the next write on that a reconciliation is to be asked for (null: has been). */
  setPending(pending: ReconciliationPending | null): void;
  pending(): ReconciliationPending | null;
  /** Writes the last checkpoint and gives the lease back, in one write.
   *  @throws what Firestore answers. */
  release(): Promise<FencedWrite>;
  /** Whether the lease has not run out by our clock. */
  holdsLease(): boolean;
  lease(): RelayLease;
  /** The checkpoint as it was saved last, and when. */
  saved(): { readonly checkpoint: Checkpoint; readonly at: number | null };
}

export interface CheckpointerOptions {
  readonly ref: DocumentReference;
  readonly clock: Clock;
  readonly limits: RelayLimits;
  readonly log: Log;
  /** The record as it was written when the lease was taken. */
  readonly record: RelayRecord;
  /** When Firestore wrote that. */
  readonly writeTime: Timestamp;
  /** The furthest position below which everything is published; undefined while there is none yet. */
  readonly published: () => Checkpoint | undefined;
  /** Written with every checkpoint of a shard. */
  readonly status: () => ShardStatus;
  readonly onLost: (lease: RelayLease | null) => void;
  /** A write failed in a way that no further try helps. */
  readonly onFailed: (error: unknown) => void;
}

/** Creates the checkpointer of a relay that has just taken the lease. */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  const { ref, clock, limits, log } = options;
  const { fencing } = options.record.lease;
  let record = options.record;
  let writeTime = options.writeTime;
  let pending = record.reconciliationPending;
  let { rewind } = record;
  // A position from before a restart must never come back.
  let base: { readonly checkpoint: Checkpoint; readonly replaces: Checkpoint | undefined } = {
    checkpoint: record.checkpoint,
    replaces: undefined,
  };
  let writtenAt = clock.now();
  let lastWrite: Promise<unknown> = Promise.resolve();
  let cancelTick: (() => void) | undefined;

  const position = (): Checkpoint => {
    const published = options.published();
    return published === undefined || published === base.replaces ? base.checkpoint : published;
  };

  const save = async (lease: Pick<RelayLease, 'holder' | 'expiresAt'>, now: number): Promise<FencedWrite> => {
    const { token, startAt, last, source } = position();
    const { checkpoint: first } = options.record;
    const moved = token !== first.token || startAt !== first.startAt;
    const next: RelayRecord = {
      checkpoint: { token, startAt, last, source },
      checkpointAt: now,
      lease: { ...lease, fencing },
      reconciliationPending: pending,
      runsWithoutProgress: moved ? 0 : record.runsWithoutProgress,
      rewind,
      shards: options.record.shards,
      status: options.record.shards === 1 ? null : options.status(),
    };
    const outcome = await writeFenced(ref, fencing, next, writeTime);
    if (outcome.kind === 'written') {
      record = next;
      writeTime = outcome.writeTime;
      writtenAt = now;
    } else {
      options.onLost(outcome.lease);
    }
    return outcome;
  };

  /** One write at a time, so that the positions of two never overtake each other. */
  const inTurn = (write: () => Promise<FencedWrite>): Promise<FencedWrite> => {
    const turn = lastWrite.then(write, write);
    lastWrite = turn;
    return turn;
  };

  const write = () =>
    inTurn(() => {
      // The lease counts from before the write, since nobody knows when Firestore will have done it.
      const now = clock.now();
      return save({ holder: options.record.lease.holder, expiresAt: now + limits.leaseMs }, now);
    });

  const isDue = (): boolean => {
    if (clock.now() - writtenAt >= limits.renewEveryMs) return true;
    return pending !== record.reconciliationPending || position().last !== record.checkpoint.last;
  };

  const tick = async (): Promise<void> => {
    try {
      if (isDue()) await write();
    } catch (error) {
      if (!isTransientCall(error)) {
        options.onFailed(error);
        return;
      }
      log.warn('the checkpoint could not be saved; retrying', {
        record: ref.path,
        error: errorText(error),
      });
    }
    if (cancelTick !== undefined) schedule();
  };

  const schedule = () => {
    cancelTick = clock.after(limits.checkpointEveryMs, () => {
      tick().catch(options.onFailed);
    });
  };

  return {
    start: schedule,
    stop() {
      cancelTick?.();
      cancelTick = undefined;
    },
    write,
    restart: (from, reason) =>
      inTurn(() => {
        base = { checkpoint: from, replaces: options.published() };
        pending = reason;
        rewind = null;
        const now = clock.now();
        return save({ holder: options.record.lease.holder, expiresAt: now + limits.leaseMs }, now);
      }),
    rewind: () => rewind,
    refuseRewind() {
      rewind = null;
    },
    setPending(value) {
      pending = value;
    },
    pending: () => pending,
    release: () => inTurn(() => save({ holder: null, expiresAt: 0 }, clock.now())),
    holdsLease: () => clock.now() < record.lease.expiresAt,
    lease: () => record.lease,
    saved: () => ({ checkpoint: record.checkpoint, at: record.checkpointAt }),
  };
}
