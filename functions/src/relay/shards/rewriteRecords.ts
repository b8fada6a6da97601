import type { DocumentReference, DocumentSnapshot, Firestore } from 'firebase-admin/firestore';
import { FieldValue, type Timestamp } from 'firebase-admin/firestore';
import type { Config } from '../../config/defineConfig.ts';
import { isOvertaken } from '../../grpc.ts';
import type { Taking } from '../lease.ts';
import {
  parseRelayRecord,
  type RelayLease,
  type RelayRecord,
  relayRecordData,
  relayRecordRef,
} from '../relayRecord.ts';

type Taken = Extract<Taking, { kind: 'taken' }>;

interface Kept {
  readonly firestore: Firestore;
  readonly source: Config['source'];
}

/** Decides what the records of the shards are to be, from what they are (null: removed). Null: they stay. */
export type DecideRecords = (records: readonly (RelayRecord | null)[]) => readonly RelayRecord[] | null;

/** Rewrites the records of all shards at once, by who holds the lease of the first: at any time the records are those
 *  of one layout. Relays at work in the others have lost their leases then, notice it with their next write, and move
 *  nothing any more. Costs a read and a write for each further shard, and a write for the first; as every write of a
 *  record it is a compare-and-set (`lease.ts`).
 *  @throws RelayRecordError; what Firestore answers. */
export async function rewriteRecords(
  { firestore, source }: Kept,
  taken: Taken,
  of: number,
  decide: DecideRecords,
): Promise<Taken | { readonly kind: 'lost'; readonly lease: RelayLease | null }> {
  const { fencing } = taken.record.lease;
  const ref = relayRecordRef(firestore, source);
  let first = { record: taken.record, writeTime: taken.writeTime };
  for (;;) {
    const { shards } = first.record;
    const refs = Array.from({ length: Math.max(shards, of) - 1 }, (_, index) =>
      relayRecordRef(firestore, source, index + 2),
    );
    const others = refs.length === 0 ? [] : await firestore.getAll(...refs);
    const records = [first.record, ...others.slice(0, shards - 1).map(recordOf)];
    const next = decide(records);
    if (next === null) return { kind: 'taken', ...first };
    // A fencing token is never given out twice, not even for a shard that there was before.
    const newest = refs.length === 0 ? fencing : Math.max(...[first.record, ...others.map(recordOf)].map(tokenOf)) + 1;
    const fenced = next.map((record) => ({ ...record, lease: { ...record.lease, fencing: newest } }));
    const [own, ...more] = fenced;
    if (own === undefined) throw new Error('the layout of relays has no first shard');
    try {
      const writeTime = await commit(firestore, { ref, record: own, lastUpdateTime: first.writeTime }, others, more);
      return { kind: 'taken', record: own, writeTime };
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
    const snapshot = await ref.get();
    if (snapshot.updateTime === undefined) return { kind: 'lost', lease: null };
    const record = parseRelayRecord(ref.path, snapshot.data());
    const { lease } = record;
    if (lease.fencing !== fencing) {
      // The write was done, now or at a try before, and its answer got lost: no two runs have the same name.
      const isOwn = lease.holder === own.lease.holder && (lease.holder !== null || lease.fencing === newest);
      return isOwn ? { kind: 'taken', record, writeTime: snapshot.updateTime } : { kind: 'lost', lease };
    }
    first = { record, writeTime: snapshot.updateTime };
  }
}

async function commit(
  firestore: Firestore,
  first: { readonly ref: DocumentReference; readonly record: RelayRecord; readonly lastUpdateTime: Timestamp },
  others: readonly DocumentSnapshot[],
  next: readonly RelayRecord[],
): Promise<Timestamp> {
  const batch = firestore.batch();
  // What the record of a relay without shards does not have.
  const none = others.length === 0 ? {} : { shards: FieldValue.delete(), status: FieldValue.delete() };
  batch.update(first.ref, { ...none, ...relayRecordData(first.record) }, { lastUpdateTime: first.lastUpdateTime });
  for (const [index, { ref, updateTime }] of others.entries()) {
    const record = next[index];
    if (record === undefined) {
      if (updateTime !== undefined) batch.delete(ref, { lastUpdateTime: updateTime });
    } else if (updateTime === undefined) batch.create(ref, relayRecordData(record));
    else batch.update(ref, relayRecordData(record), { lastUpdateTime: updateTime });
  }
  const [written] = await batch.commit();
  if (written === undefined) throw new Error('Firestore did not say when it wrote the records of the relay');
  return written.writeTime;
}

function recordOf(snapshot: DocumentSnapshot): RelayRecord | null {
  return snapshot.exists ? parseRelayRecord(snapshot.ref.path, snapshot.data()) : null;
}

function tokenOf(record: RelayRecord | null): number {
  return record?.lease.fencing ?? 0;
}
