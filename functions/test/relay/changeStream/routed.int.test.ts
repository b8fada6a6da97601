import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { openRewind } from '../../../src/relay/rewind.ts';
import { type ShiftedClock, shiftedClock } from '../../support/clock.ts';
import { failCommand } from '../../support/failPoint.ts';
import { until } from '../../support/until.ts';
import { type RelayFixture, startRelayFixture } from '../fixtures/relay.fixture.ts';

// A router of a sharded cluster answers before its shards have: an empty answer is no evidence that there is nothing
// (I7, I11), nor that a place is still in the oplog (I1).
describe('relay: through a router, which answers before its shards', () => {
  let fixture: RelayFixture;
  let mongoClock: ShiftedClock;

  beforeEach(async () => {
    mongoClock = shiftedClock();
    fixture = await startRelayFixture({ clock: mongoClock, routed: true });
  });
  afterEach(() => fixture.close());

  const names = () => fixture.events().map(({ changes }) => changes.name);
  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });

  it('fetches small what MongoDB cannot send', async () => {
    await (await fixture.reading()).stop();
    await insert('large');
    await insert('next');
    const tooLarge = 10334;
    await failCommand(fixture.client, ['aggregate'], { errorCode: tooLarge });
    const relay = await fixture.start();
    await Promise.race([relay.outcome, until(() => names().length === 2)]);
    assert.deepEqual(names(), ['large', 'next']);
    assert.deepEqual(relay.log.alarms(), []);
  });

  it('goes on after its collection was dropped and made again', async () => {
    const first = await fixture.reading();
    await insert('a');
    await fixture.untilRecord(({ checkpoint }) => typeof checkpoint.source?.uuid === 'string');
    await until(() => names().length === 1);
    await first.stop();
    await fixture.projects.drop();
    await insert('b');
    const relay = await fixture.start();
    await Promise.race([relay.outcome, until(() => names().length === 2)]);
    assert.deepEqual(names(), ['a', 'b']);
    assert.deepEqual(relay.log.alarms(), ['source-invalidated']);
  });

  it('keeps its place when it is to go back beyond the oplog', async () => {
    const minute = 60_000;
    const relay = await fixture.reading();
    const to = mongoClock.now();
    mongoClock.shift(minute);
    await insert('a');
    await until(() => names().length === 1);
    fixture.mongo.truncateOplog();
    mongoClock.shift(minute);
    await insert('b');
    const { checkpoint } = await fixture.untilRecord(
      ({ checkpoint: { last } }) => names().length === 2 && (last?.time.seconds ?? 0) * 1_000 > to + minute,
    );
    await fixture.firestore.runTransaction(async (transaction) => {
      const kept = { firestore: fixture.firestore, source: fixture.config.source };
      const { write } = await openRewind(kept, transaction, { to, by: 'ann', at: to });
      write();
    });
    await relay.outcome;
    await insert('c');
    const next = await fixture.start();
    await until(() => next.log.alarms().length > 0);
    assert.deepEqual(next.log.alarms(), ['rewind-refused']);
    await until(() => names().length === 3);
    assert.ok(checkpoint.token !== null);
    assert.deepEqual(names(), ['a', 'b', 'c']);
  });
});
