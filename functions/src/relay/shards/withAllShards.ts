import type { Firestore } from 'firebase-admin/firestore';
import { type Clock, minuteMs } from '../../clock.ts';
import type { Config } from '../../config/defineConfig.ts';
import type { Log } from '../../log.ts';
import { placeTime } from '../place.ts';
import type { RelayRecord } from '../relayRecord.ts';
import type { MinuteObserver } from '../status/minutes.ts';
import { readRecords } from './readRecords.ts';

interface Shards {
  readonly firestore: Firestore;
  readonly config: Pick<Config, 'source'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a shard may be without a relay before a person has to look, in ms: three invocations of its schedule. */
const unfollowedMs = 3 * minuteMs;

/** Measures all shards by the one that is furthest behind; one that nobody follows is an alarm. Costs a read a minute
 *  for each shard. */
export function withAllShards(observe: MinuteObserver, { firestore, config, clock, log }: Shards): MinuteObserver {
  return async (minute, signal) => {
    const [first, ...others] = await readRecords(firestore, config.source, (...refs) => firestore.getAll(...refs));
    signal.throwIfAborted();
    const now = clock.now();
    for (let shard = 2; shard <= first.record.shards; shard += 1) {
      const seenAt = others.find((other) => other.shard === shard)?.record.checkpointAt ?? null;
      if (seenAt !== null && now - seenAt < unfollowedMs) continue;
      const fields = { what: 'relay-shard', shard, seenAt };
      log.alarm('no-progress', 'no relay follows a shard; its changes are not published', fields);
    }
    const states = [minute.relay, ...others.map(({ record }) => stateOf(record, now))];
    const relay = {
      lagMs: states.reduce<number | null>(
        (worst, { lagMs }) => (lagMs === null ? worst : Math.max(worst ?? 0, lagMs)),
        null,
      ),
      inFlight: states.reduce((sum, { inFlight }) => sum + inFlight, 0),
    };
    await observe({ ...minute, relay }, signal);
  };
}

/** How a shard is doing: as its relay said, or by its place when none is at work. */
function stateOf(record: RelayRecord, now: number): NonNullable<RelayRecord['status']> {
  const { lease, status } = record;
  if (lease.holder !== null && lease.expiresAt > now && status !== null) return status;
  const place = placeTime(record);
  return { lagMs: place === null ? null : Math.max(0, now - place), inFlight: 0 };
}
