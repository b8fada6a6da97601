import type { Firestore, Transaction } from 'firebase-admin/firestore';
import { type Clock, secondMs } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import type { ClusterTime } from '../events/version.ts';
import type { ProjectsSource } from '../source/connect.ts';
import { sourceErrorKind } from '../source/sourceErrors.ts';
import { within } from '../waiting.ts';
import { probeStream } from './changeStream/open.ts';
import type { RelayLimits } from './limits.ts';
import { clusterTimeAt, placeTime } from './place.ts';
import { type RelayRecord, type Rewind, relayRecordData } from './relayRecord.ts';
import { readRecords } from './shards/readRecords.ts';

/** Whether the relay can be asked to go back. Whether MongoDB still has the changes since then is another question. */
export type RewindJudgement =
  /** `from`: where it is now (of shards the one that has read furthest), in ms since 1970. */
  { readonly kind: 'possible'; readonly from: number } | { readonly kind: 'refused'; readonly problem: string };

/** A rewind only goes back: to go forwards would leave out changes. */
export function judgeRewind(records: readonly RelayRecord[], to: number): RewindJudgement {
  const places = records.flatMap((record) => placeTime(record) ?? []);
  if (places.length === 0) {
    return { kind: 'refused', problem: 'the relay has never run, so it has no place to go back from' };
  }
  const from = Math.max(...places);
  if (to < from) return { kind: 'possible', from };
  const is = new Date(from).toISOString();
  return { kind: 'refused', problem: `the relay has read up to ${is}; it can only go back to a time before that` };
}

/** Reads the relay's records, and returns the write that asks for a rewind. It takes the lease from whoever has it,
 *  as a relay that takes over would: the one at work cannot move its place any more, notices with its next write
 *  (within 5 s) and ends; the next run takes the lease and goes back first. So there is never more than one place.
 *  A shard that has not come so far yet goes on.
 *  @throws RelayRecordError; what Firestore answers. */
export async function openRewind(
  { firestore, source }: { readonly firestore: Firestore; readonly source: Config['source'] },
  transaction: Transaction,
  rewind: Rewind,
): Promise<{ readonly judgement: RewindJudgement; readonly replaces: Rewind | null; write(): void }> {
  const kept = await readRecords(firestore, source, (...refs) => transaction.getAll(...refs));
  const records = kept.map(({ record }) => record);
  return {
    judgement: judgeRewind(records, rewind.to),
    replaces: records.find((record) => record.rewind !== null)?.rewind ?? null,
    write() {
      for (const { ref, record } of kept) {
        if ((placeTime(record) ?? rewind.to) <= rewind.to) continue;
        const lease = { holder: null, fencing: record.lease.fencing + 1, expiresAt: 0 };
        transaction.update(ref, relayRecordData({ ...record, lease, rewind }));
      }
    },
  };
}

/** Whether MongoDB's oplog reaches back to a time, as far as it says: whether it does is the first thing that it looks
 *  at, and its answer may take long when there is much to look through after that.
 *  @throws MongoError when it refuses for another reason. */
export async function oplogReaches(
  source: ProjectsSource,
  config: Config['source'],
  at: ClusterTime,
  { clock, limits }: { readonly clock: Clock; readonly limits: RelayLimits },
): Promise<boolean> {
  const probe = probeStream(source, config, at, limits).then(
    () => true,
    (error: unknown) => {
      if (sourceErrorKind(error) === 'history-lost') return false;
      throw error;
    },
  );
  // An error that comes later than it is waited for is raised again when the stream is opened there.
  probe.catch(() => undefined);
  return (await within(clock, limits.commandMs, probe)) ? probe : true;
}

/** The oldest place to go back to, in ms since 1970, found by halving: Lockstep's user of MongoDB may not read the
 *  oplog itself. Null when there is none between the two times. */
export async function oldestPlace(
  reaches: (at: ClusterTime) => Promise<boolean>,
  tooOld: number,
  now: number,
): Promise<number | null> {
  let before = Math.floor(tooOld / secondMs);
  let oldest = Math.floor(now / secondMs);
  if (!(await reaches(clusterTimeAt(oldest * secondMs)))) return null;
  while (oldest - before > 1) {
    const middle = Math.floor((before + oldest) / 2);
    if (await reaches(clusterTimeAt(middle * secondMs))) oldest = middle;
    else before = middle;
  }
  return oldest * secondMs;
}
