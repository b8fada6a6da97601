import type { DocumentReference, Firestore } from 'firebase-admin/firestore';
import { parseRelayRecord, type RelayLease, type RelayRecord, relayRecordData } from './relayRecord.ts';

/** The outcome of a try to take the lease. */
export type Taking =
  | { readonly kind: 'taken'; readonly record: RelayRecord }
  | { readonly kind: 'held'; readonly lease: RelayLease };

/** The outcome of a write that only the holder of the lease may do. */
export type FencedWrite =
  | { readonly kind: 'written' }
  /** Another relay has taken the lease (`lease`), or the record is gone (null). Nothing was written. */
  | { readonly kind: 'lost'; readonly lease: RelayLease | null };

/** Whether a relay may take a lease: it was given back, has run out, or is its own from a try whose answer got lost. */
export function isFree(lease: RelayLease, holder: string, now: number): boolean {
  return lease.holder === null || lease.holder === holder || lease.expiresAt <= now;
}

/** Looks at the lease without taking it (one read).
 *  @throws RelayRecordError when the record does not parse. */
export async function readLease(ref: DocumentReference): Promise<RelayLease> {
  return parseRelayRecord(ref.path, (await ref.get()).data()).lease;
}

/** Takes the lease if it is free, with the next fencing token.
 *  @throws RelayRecordError when the record does not parse. */
export function takeLease(
  firestore: Firestore,
  ref: DocumentReference,
  holder: string,
  now: number,
  leaseMs: number,
): Promise<Taking> {
  return firestore.runTransaction(async (transaction): Promise<Taking> => {
    const record = parseRelayRecord(ref.path, (await transaction.get(ref)).data());
    if (!isFree(record.lease, holder, now)) return { kind: 'held', lease: record.lease };
    const taken = { ...record, lease: { holder, fencing: record.lease.fencing + 1, expiresAt: now + leaseMs } };
    transaction.set(ref, relayRecordData(taken));
    return { kind: 'taken', record: taken };
  });
}

/** Writes the record if the stored fencing token is still `fencing`. That the lease has run out meanwhile does not matter as long as nobody took it. */
export function writeFenced(
  firestore: Firestore,
  ref: DocumentReference,
  fencing: number,
  record: RelayRecord,
): Promise<FencedWrite> {
  return firestore.runTransaction(async (transaction): Promise<FencedWrite> => {
    const snapshot = await transaction.get(ref);
    if (!snapshot.exists) return { kind: 'lost', lease: null };
    const { lease } = parseRelayRecord(ref.path, snapshot.data());
    if (lease.fencing !== fencing) return { kind: 'lost', lease };
    transaction.set(ref, relayRecordData(record));
    return { kind: 'written' };
  });
}
