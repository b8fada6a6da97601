import assert from 'node:assert/strict';
import { type FirestoreServer, startFirestoreServer } from '../../../local/servers/firestore/server.ts';
import { emptyRelayRecord, type RelayRecord, relayRecordData, relayRecordRef } from '../../../src/relay/relayRecord.ts';
import { withAllShards } from '../../../src/relay/shards/withAllShards.ts';
import type { RelayMinute } from '../../../src/relay/status/minutes.ts';
import { manualClock } from '../../support/clock.ts';
import { recordedLog } from '../../support/log.ts';
import { connectFirestore } from '../fixtures/doubles.ts';
import { fieldsConfig } from '../fixtures/relay.fixture.ts';

// Attacks I7: a shard that nobody follows is raised, and the lag that is shown is the worst.
describe('what the first shard measures for all', () => {
  const config = fieldsConfig();
  const now = Date.UTC(2026, 10, 27, 12);
  let server: FirestoreServer;
  before(async () => {
    server = await startFirestoreServer();
  });
  after(() => server.close());

  /** A minute of the first shard, whose lag is 10 ms, with these records of the others. */
  async function measured(others: readonly (Partial<RelayRecord> | null)[]) {
    const firestore = connectFirestore(server);
    const clock = manualClock(now);
    const log = recordedLog();
    const shards = others.length + 1;
    for (const [index, record] of [{}, ...others].entries()) {
      if (record === null) continue;
      const whole = { ...emptyRelayRecord, checkpointAt: now, ...record, shards };
      await relayRecordRef(firestore, config.source, index + 1).set(relayRecordData(whole));
    }
    const seen: RelayMinute[] = [];
    const observe = withAllShards(async (minute) => void seen.push(minute), { firestore, config, clock, log });
    const minute = { start: now - 60_000, relay: { lagMs: 10, inFlight: 1 }, seenBefore: null };
    await observe(minute, new AbortController().signal);
    await firestore.terminate();
    return { relay: seen[0]?.relay, alarms: log.alarms(), lines: log.lines };
  }

  const lease = { holder: 'other', fencing: 1, expiresAt: now + 5_000 };

  it('is the lag of the one that is furthest behind, as it says itself', async () => {
    const { relay, alarms } = await measured([
      { lease, status: { lagMs: 700, inFlight: 3 } },
      { lease, status: { lagMs: 20, inFlight: 0 } },
    ]);
    assert.deepEqual(relay, { lagMs: 700, inFlight: 4 });
    assert.deepEqual(alarms, []);
  });

  it('is by the place of one at which no relay is at work', async () => {
    const startAt = { seconds: now / 1_000 - 90, increment: 1 };
    const checkpoint = { token: null, startAt, last: null, source: null };
    const gone = { lease: { ...lease, expiresAt: now }, status: { lagMs: 5, inFlight: 9 }, checkpoint };
    const { relay, alarms } = await measured([gone]);
    assert.deepEqual(relay, { lagMs: 90_000, inFlight: 1 });
    // An invocation may be on its way.
    assert.deepEqual(alarms, []);
  });

  it('raises one that nobody has followed for minutes, and one whose record is gone', async () => {
    const { alarms, lines } = await measured([{ checkpointAt: now - 180_000 }, null, { lease }]);
    assert.deepEqual(alarms, ['no-progress', 'no-progress']);
    const shards = lines.filter(({ fields }) => fields.what === 'relay-shard').map(({ fields }) => fields.shard);
    assert.deepEqual(shards, [2, 3]);
  });
});
