import type { DocumentReference, DocumentSnapshot, Firestore } from 'firebase-admin/firestore';
import type { Config } from '../../config/defineConfig.ts';
import { parseRelayRecord, type RelayRecord, relayRecordRef } from '../relayRecord.ts';

/** A record of a relay, and where it is kept. */
export interface KeptRecord {
  readonly shard: number;
  readonly ref: DocumentReference;
  readonly record: RelayRecord;
}

/** Reads the records of all shards, those that there are; without any the one before the first start. Costs a read for
 *  each, one without shards.
 *  @throws RelayRecordError; what Firestore answers. */
export async function readRecords(
  firestore: Firestore,
  source: Config['source'],
  read: (...refs: DocumentReference[]) => Promise<DocumentSnapshot[]>,
): Promise<readonly [KeptRecord, ...KeptRecord[]]> {
  const kept = (shard: number, snapshot: DocumentSnapshot): KeptRecord => ({
    shard,
    ref: snapshot.ref,
    record: parseRelayRecord(snapshot.ref.path, snapshot.data()),
  });
  const ref = relayRecordRef(firestore, source);
  const [whole] = await read(ref);
  const first = { shard: 1, ref, record: parseRelayRecord(ref.path, whole?.data()) };
  const refs = Array.from({ length: first.record.shards - 1 }, (_, index) =>
    relayRecordRef(firestore, source, index + 2),
  );
  const others = refs.length === 0 ? [] : await read(...refs);
  return [first, ...others.flatMap((snapshot, index) => (snapshot.exists ? [kept(index + 2, snapshot)] : []))];
}
