import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ObjectId } from 'mongodb';
import { failCommand, failPoint } from '../support/failPoint.ts';
import { until } from '../support/until.ts';
import { serviceError, unavailable } from './fixtures/doubles.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I1: nothing is lost whatever ends the relay; I2: what comes twice is the same; I6: memory stays bounded.
describe('relay: going on after anything', () => {
  let fixture: RelayFixture;

  beforeEach(async () => {
    fixture = await startRelayFixture();
  });
  afterEach(() => fixture.close());

  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);

  it('goes on where it stopped: nothing twice, nothing missing', async () => {
    const first = await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    assert.equal((await first.stop()).kind, 'stopped');
    await insert('b');
    await insert('c');
    const second = await fixture.reading();
    await until(() => names().length === 3);
    const outcome = await second.stop();
    assert.deepEqual(names(), ['a', 'b', 'c']);
    assert.deepEqual([outcome.published, outcome.unpublished], [2, 0]);
    assert.equal((await fixture.record()).lease.holder, null);
    assert.equal((await fixture.record()).lease.fencing, 2);
  });

  it('publishes again, with identical bytes, what it had published when it died before the checkpoint', async () => {
    const first = await fixture.reading({ limits: { checkpointEveryMs: 60_000 } });
    await fixture.client.withSession((session) =>
      session.withTransaction(async () => {
        for (const name of ['a', 'b', 'c']) {
          await fixture.projects.insertOne({ _id: new ObjectId(), name }, { session });
        }
      }),
    );
    await insert('d');
    await until(() => names().length === 4);
    await first.kill();
    const second = await fixture.start();
    second.clock.shift(60_000);
    await until(() => names().length === 8);
    const data = fixture.topics.events.messages.map((message) => message.data.toString());
    assert.deepEqual(data.slice(4), data.slice(0, 4));
  });

  it('counts on in the middle of a transaction where the checkpoint stands there', async () => {
    await (await fixture.reading()).stop();
    await fixture.client.withSession((session) =>
      session.withTransaction(async () => {
        for (const name of ['a', 'b', 'c', 'd']) {
          await fixture.projects.insertOne({ _id: new ObjectId(), name }, { session });
        }
      }),
    );
    // The window has room for two changes, which stay unanswered until the relay has gone.
    const first = await fixture.start({ limits: { maxInFlight: 2, batchSize: 1, drainMs: 200 } });
    let taken = 0;
    fixture.topics.events.hold();
    await until(() => fixture.topics.events.open() === 2);
    fixture.topics.events.release();
    fixture.topics.events.accepts = () => {
      taken += 1;
      return true;
    };
    await until(() => taken > 0 || names().length >= 2);
    await first.stop();
    const second = await fixture.reading();
    await until(() => new Set(names()).size === 4);
    await second.stop();
    const versions = new Map(fixture.events().map(({ changes, version }) => [changes.name, version]));
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((name) => versions.get(name)?.slice(-4)),
      ['0000', '0001', '0002', '0003'],
    );
  });

  it('never moves the checkpoint past a change that is not published', async () => {
    const relay = await fixture.reading();
    await insert('a');
    await fixture.untilRecord(({ checkpoint }) => checkpoint.last !== null);
    fixture.topics.events.hold();
    await insert('b');
    await until(() => fixture.topics.events.open() === 1);
    const before = await fixture.record();
    await until(() => relay.health.status().inFlight >= 1);
    await fixture.untilRecord(({ checkpointAt }) => (checkpointAt ?? 0) > (before.checkpointAt ?? 0));
    assert.deepEqual((await fixture.record()).checkpoint.last, before.checkpoint.last);
    await relay.kill();
    fixture.topics.events.messages.length = 0;
    fixture.topics.events.release();
    fixture.topics.events.messages.length = 0;
    const second = await fixture.start();
    second.clock.shift(60_000);
    await until(() => names().includes('b'));
  });

  it('loses nothing and repeats only identical events, whenever it is killed', async function () {
    this.timeout(60_000);
    await fixture.reading().then((relay) => relay.stop());
    // Every relay sees the leases of all before it as run out.
    let shift = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ changes: fc.integer({ min: 1, max: 5 }), killAfter: fc.integer({ min: 0, max: 12 }) }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (rounds) => {
          fixture.topics.events.messages.length = 0;
          const expected: string[] = [];
          for (const { changes, killAfter } of rounds) {
            const tries = fixture.topics.events.tries();
            const relay = await fixture.start({ limits: { checkpointEveryMs: 5, maxInFlight: 3, batchSize: 2 } });
            relay.clock.shift(shift);
            shift += 60_000;
            await fixture.client.withSession((session) =>
              session.withTransaction(async () => {
                for (let index = 0; index < changes; index += 1) {
                  const _id = new ObjectId();
                  await fixture.projects.insertOne({ _id, name: 'x' }, { session });
                  await fixture.projects.updateOne({ _id }, { $set: { name: 'y' } }, { session });
                  expected.push(`${_id}:x`, `${_id}:y`);
                }
              }),
            );
            await until(() => fixture.topics.events.tries() >= tries + Math.min(killAfter, 2 * changes));
            await relay.kill();
          }
          const last = await fixture.start();
          last.clock.shift(shift);
          shift += 60_000;
          const seen = () => new Set(fixture.events().map(({ projectId, changes }) => `${projectId}:${changes.name}`));
          await until(() => expected.every((one) => seen().has(one)));
          await last.stop();
          const byId = new Map<string, string>();
          for (const { data } of fixture.topics.events.messages) {
            const { id, projectId, changes } = JSON.parse(data.toString());
            // What the round before had published without a checkpoint comes once more.
            if (!expected.includes(`${projectId}:${changes.name}`)) continue;
            assert.equal(byId.get(id) ?? data.toString(), data.toString());
            byId.set(id, data.toString());
          }
          assert.equal(byId.size, expected.length);
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  });

  it('keeps its place on a quiet stream moving, so that the oplog cannot outrun it', async () => {
    const relay = await fixture.reading();
    await insert('a');
    const { checkpoint } = await fixture.untilRecord((record) => record.checkpoint.last !== null);
    const elsewhere = fixture.client.db('other').collection('things');
    await elsewhere.insertOne({ n: 1 });
    const later = await fixture.untilRecord(
      (record) => JSON.stringify(record.checkpoint.token) !== JSON.stringify(checkpoint.token),
    );
    assert.deepEqual(later.checkpoint.last, checkpoint.last);
    await relay.stop();
    await insert('b');
    await fixture.reading();
    await until(() => names().length === 2);
    assert.deepEqual(names(), ['a', 'b']);
  });

  it('waits with a full window while Pub/Sub is unavailable, and then publishes everything', async () => {
    const limits = { maxInFlight: 5, batchSize: 3 };
    const relay = await fixture.reading({ limits });
    fixture.topics.events.fail(serviceError(unavailable));
    const many = Array.from({ length: 40 }, (_, index) => `p${index}`);
    for (const name of many) await insert(name);
    await until(() => relay.health.status().inFlight === limits.maxInFlight);
    await until(() => fixture.topics.events.tries() > 4 * limits.maxInFlight);
    assert.equal(relay.health.status().inFlight, limits.maxInFlight);
    fixture.topics.events.succeed();
    await until(() => names().length === many.length);
    assert.deepEqual([...names()].sort(), [...many].sort());
    assert.ok(fixture.topics.events.mostOpen() <= limits.maxInFlight);
    assert.equal((await relay.stop()).published, many.length);
  });

  it('waits for minutes while Pub/Sub answers nothing: window full, lease kept, checkpoint still; and then publishes everything', async () => {
    const eventBytes = 1_000;
    const limits = { maxInFlight: 50, maxInFlightBytes: 10 * eventBytes, batchSize: 3 };
    const relay = await fixture.reading({ limits });
    await insert('before');
    const { checkpoint } = await fixture.untilRecord((record) => record.checkpoint.last !== null);
    fixture.topics.events.hold();
    const many = Array.from({ length: 60 }, (_, index) => `p${index} ${'x'.repeat(eventBytes)}`);
    for (const name of many) await insert(name);
    // Each has more than so many bytes, so the last of ten fills the window.
    const full = limits.maxInFlightBytes / eventBytes;
    for (let minute = 0; minute < 5; minute += 1) {
      relay.clock.shift(60_000);
      const now = relay.clock.now();
      const record = await fixture.untilRecord(({ lease }) => lease.expiresAt > now);
      assert.deepEqual(record.checkpoint.last, checkpoint.last);
      await until(() => relay.health.status().inFlight > 0);
      assert.ok(relay.health.status().inFlight <= full, `${relay.health.status().inFlight} in flight`);
      assert.deepEqual(names(), ['before']);
    }
    // Whoever looks at it sees how far it is behind.
    assert.ok((relay.health.status().lagMs ?? 0) > 4 * 60_000);
    fixture.topics.events.release();
    await until(() => names().length === 1 + many.length);
    assert.deepEqual([...names()].sort(), ['before', ...many].sort());
    assert.ok(fixture.topics.events.mostOpen() <= full);
    const { published, unpublished } = await relay.stop();
    assert.deepEqual([published, unpublished], [1 + many.length, 0]);
  });

  it('raises when Pub/Sub stays unavailable until the budget is spent, with the checkpoint intact', async () => {
    await (await fixture.reading()).stop();
    const before = await fixture.record();
    fixture.topics.events.fail(serviceError(unavailable, 'gone fishing'));
    await insert('a');
    const relay = await fixture.start({
      budgetMs: 500,
      limits: { closeStreamMs: 50, drainMs: 100, lastCheckpointMs: 200 },
    });
    await assert.rejects(relay.outcome, (error: Error) => {
      assert.match(error.message, /1 events could not be published/);
      assert.match(String(error.cause), /gone fishing/);
      return true;
    });
    assert.deepEqual((await fixture.record()).checkpoint.last, before.checkpoint.last);
    assert.equal((await fixture.record()).lease.holder, null);
    fixture.topics.events.succeed();
    await fixture.reading();
    await until(() => names().length === 1);
  });

  it('ends by itself when its budget is spent, in time', async () => {
    const relay = await fixture.start({
      budgetMs: 500,
      limits: { closeStreamMs: 50, drainMs: 100, lastCheckpointMs: 100 },
    });
    const outcome = await relay.outcome;
    assert.equal(outcome.kind, 'budget-spent');
    assert.equal((await fixture.record()).lease.holder, null);
  });

  it('stays on the stream through an election and broken connections', async () => {
    const relay = await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    await failCommand(fixture.client, ['getMore'], { closeConnection: true });
    await insert('b');
    await until(() => names().length === 2);
    fixture.mongo.stepDown(30);
    await insert('c');
    await until(() => names().length === 3);
    await failCommand(fixture.client, ['getMore'], { errorCode: 237 });
    await insert('d');
    await until(() => names().length === 4);
    assert.deepEqual(names(), ['a', 'b', 'c', 'd']);
    assert.deepEqual(relay.log.alarms(), []);
    assert.deepEqual(fixture.topics.reconciliationRequests.messages.length, 1);
  });

  it('opens the stream again and again while MongoDB refuses, and calls an operator once when that lasts', async () => {
    const relay = await fixture.reading({ limits: { unreachableAlarmMs: 30_000 } });
    await failCommand(fixture.client, ['aggregate'], { errorCode: 11600 }, { times: 8 });
    await failPoint(fixture.client, 'failGetMoreAfterCursorCheckout', { times: 1 }, { errorCode: 11600 });
    await until(() => relay.log.lines.some(({ message }) => message.startsWith('the change stream broke')));
    relay.clock.shift(31_000);
    await insert('a');
    await until(() => names().length === 1);
    assert.deepEqual(
      relay.log.alarms().filter((alarm) => alarm === 'source-unreachable'),
      ['source-unreachable'],
    );
  });

  it('raises at once what no retry helps', async () => {
    const relay = await fixture.reading();
    await fixture.client.db('admin').command({ updateUser: 'lockstep', roles: [] });
    await failCommand(fixture.client, ['getMore'], { errorCode: 43 });
    await assert.rejects(relay.outcome, /not authorized on collaboration to execute command \{ aggregate/);
    assert.equal((await fixture.record()).lease.holder, null);
  });
});
