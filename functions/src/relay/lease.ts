import type { DocumentReference, Timestamp } from 'firebase-admin/firestore';
import { isOvertaken, isTransientCall } from '../grpc.ts';
import { errorText } from '../log.ts';
import { aborted, backoffMs, slept, untilAborted } from '../waiting.ts';
import type { RelayContext } from './context.ts';
import { parseRelayRecord, type RelayLease, type RelayRecord, relayRecordData } from './relayRecord.ts';

// Every write here is a compare-and-set: it carries the time of the last write that its author saw, and Firestore
// refuses it if there was another since. That is as strict as a transaction that reads the fencing token first, costs
// no read, and leaves no lock behind: a relay that dies in the middle of a transaction would keep the others out until
// Firestore gives up on its lock, up to a minute
// (https://firebase.google.com/docs/firestore/transaction-data-contention).

/** The outcome of a try to take the lease. */
export type Taking =
  | {
      readonly kind: 'taken';
      readonly record: RelayRecord;
      /** When Firestore wrote it: what the next write is compared with. */
      readonly writeTime: Timestamp;
    }
  | { readonly kind: 'held'; readonly lease: RelayLease }
  /** There is no record, and this relay may not create it. */
  | { readonly kind: 'absent' };

/** The outcome of a write that only the holder of the lease may do. */
export type FencedWrite =
  | { readonly kind: 'written'; readonly writeTime: Timestamp }
  /** Another relay has taken the lease (`lease`), or the record is gone (null). Nothing was written. */
  | { readonly kind: 'lost'; readonly lease: RelayLease | null };

/** Whether a relay may take a lease: it was given back, has run out, or is its own from a try whose answer got lost. */
export function isFree(lease: RelayLease, holder: string, now: number): boolean {
  return lease.holder === null || lease.holder === holder || lease.expiresAt <= now;
}

/** Takes the lease if it is free, with the next fencing token. Costs one read, and one write if it is free.
 *  @throws RelayRecordError when the record does not parse; what Firestore answers. */
export async function takeLease(
  ref: DocumentReference,
  holder: string,
  now: number,
  leaseMs: number,
  mayCreate = true,
): Promise<Taking> {
  for (;;) {
    const { updateTime, data } = await readRecord(ref);
    if (updateTime === undefined && !mayCreate) return { kind: 'absent' };
    const record = parseRelayRecord(ref.path, data);
    if (!isFree(record.lease, holder, now)) return { kind: 'held', lease: record.lease };
    const taken = {
      ...record,
      lease: { holder, fencing: record.lease.fencing + 1, expiresAt: now + leaseMs },
      runsWithoutProgress: record.runsWithoutProgress + 1,
    };
    try {
      const { writeTime } =
        updateTime === undefined
          ? await ref.create(relayRecordData(taken))
          : await ref.update(relayRecordData(taken), { lastUpdateTime: updateTime });
      return { kind: 'taken', record: taken, writeTime };
    } catch (error) {
      // Somebody else was faster (or our own first try was, and its answer got lost): the next look tells.
      if (!isOvertaken(error)) throw error;
    }
  }
}

/** Writes the record if nobody has taken the lease since `fencing` was given out. That the lease has run out meanwhile
 *  does not matter as long as nobody took it. `lastWrite` is the write time of the writer's last write. Costs one
 *  write.
 *  @throws what Firestore answers. */
export async function writeFenced(
  ref: DocumentReference,
  fencing: number,
  record: RelayRecord,
  lastWrite: Timestamp,
): Promise<FencedWrite> {
  let lastUpdateTime = lastWrite;
  for (;;) {
    try {
      const { writeTime } = await ref.update(relayRecordData(record), { lastUpdateTime });
      return { kind: 'written', writeTime };
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
    const { updateTime, data } = await readRecord(ref);
    if (updateTime === undefined) return { kind: 'lost', lease: null };
    const { lease } = parseRelayRecord(ref.path, data);
    if (lease.fencing !== fencing) return { kind: 'lost', lease };
    // The record was written under our own fencing token: by ourselves, and the answer got lost.
    lastUpdateTime = updateTime;
  }
}

/** The outcome of standing by. */
export type Standby =
  | Extract<Taking, { kind: 'taken' | 'absent' }>
  | { readonly kind: 'ended'; readonly heldBy: string | null };

/** Waits until the lease is free, and takes it; at the latest until the signal. Where it may not create the record, one
 *  that is absent is not waited for. Looks at it by reading, not by
 *  listening: a listener would cost about the same (the holder writes the record once a second when busy), and may fall
 *  silent without anybody noticing.
 *  @throws RelayRecordError; what Firestore answers, if it refuses, or if it did not serve the last try before the
 *  end. */
export async function waitForLease(
  ref: DocumentReference,
  holder: string,
  context: RelayContext,
  signal: AbortSignal,
  mayCreate = true,
): Promise<Standby> {
  const { clock, limits, log, random } = context;
  let heldBy: string | null = null;
  let failure: { readonly error: unknown } | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      // An answer that comes after the end is not waited for: a lease taken that way runs out by itself.
      const taking = await untilAborted(takeLease(ref, holder, clock.now(), limits.leaseMs, mayCreate), signal);
      if (taking === aborted) break;
      if (taking.kind !== 'held') return taking;
      if (heldBy === null) log.info('another relay holds the lease; standing by', { holder: taking.lease.holder });
      heldBy = taking.lease.holder;
      failure = undefined;
      failures = 0;
    } catch (error) {
      if (!isTransientCall(error)) throw error;
      failure = { error };
      failures += 1;
      log.warn('the lease could not be read or taken; retrying', {
        record: ref.path,
        error: errorText(error),
      });
    }
    const pause = failures === 0 ? limits.standbyPollMs : backoffMs(failures, limits.backoff, random);
    if (!(await slept(clock, pause, signal))) break;
  }
  if (failure) throw failure.error;
  return { kind: 'ended', heldBy };
}

async function readRecord(ref: DocumentReference): Promise<{ updateTime: Timestamp | undefined; data: unknown }> {
  const snapshot = await ref.get();
  return { updateTime: snapshot.updateTime, data: snapshot.data() };
}
