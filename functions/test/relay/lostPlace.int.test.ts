import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { failCommand } from '../support/failPoint.ts';
import { until } from '../support/until.ts';
import { serviceError, unavailable } from './fixtures/doubles.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I1: where the stream cannot tell what happened, a reconciliation is asked for, at least once; I8: a source that
// vanishes deletes nothing.
describe('relay: starting, and losing its place', () => {
  let fixture: RelayFixture;

  beforeEach(async () => {
    fixture = await startRelayFixture();
  });
  afterEach(() => fixture.close());

  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const requests = () =>
    fixture.topics.reconciliationRequests.messages.map(({ data }) => JSON.parse(data.toString()) as { reason: string });
  const asked = (count: number) => until(() => requests().length === count);
  const noted = () => fixture.untilRecord(({ reconciliationPending }) => reconciliationPending === null);

  it('asks for a reconciliation at its first start, once', async () => {
    const first = await fixture.reading();
    await asked(1);
    await noted();
    await first.stop();
    const second = await fixture.reading();
    await second.stop();
    const [request, ...more] = requests();
    assert.deepEqual(more, []);
    const { requestedAt, ...rest } = request as unknown as { requestedAt: string };
    assert.deepEqual(rest, { reason: 'first-start', source: 'relay' });
    assert.ok(Math.abs(Date.parse(requestedAt) - Date.now()) < 60_000);
  });

  it('asks all the same when it died right after it had saved where it starts', async () => {
    fixture.topics.reconciliationRequests.hold();
    const first = await fixture.start();
    const { checkpoint } = await fixture.untilRecord(({ reconciliationPending }) => reconciliationPending !== null);
    assert.notEqual(checkpoint.startAt, null);
    await first.kill();
    fixture.topics.reconciliationRequests.messages.length = 0;
    await insert('while nobody looked');
    fixture.topics.reconciliationRequests.release();
    fixture.topics.reconciliationRequests.messages.length = 0;
    const second = await fixture.start();
    second.clock.shift(60_000);
    await asked(1);
    await until(() => names().length === 1);
    await noted();
  });

  it('asks again when it died between the request and the note that it was published', async () => {
    const first = await fixture.start();
    fixture.topics.reconciliationRequests.accepts = () => {
      // The request is taken, and what Firestore is told after that never arrives.
      fixture.firestoreServer.faults.inject('Commit', { error: { code: 'DEADLINE_EXCEEDED' } }, 100);
      return true;
    };
    await asked(1);
    await first.kill();
    fixture.firestoreServer.faults.clear();
    fixture.topics.reconciliationRequests.accepts = () => true;
    const second = await fixture.start();
    second.clock.shift(60_000);
    await asked(2);
    await noted();
  });

  it('does not hold events back while the request cannot be published', async () => {
    fixture.topics.reconciliationRequests.fail(serviceError(unavailable));
    await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    assert.notEqual((await fixture.record()).reconciliationPending, null);
    fixture.topics.reconciliationRequests.succeed();
    await asked(1);
    await noted();
  });

  it('starts from now with an alarm and a reconciliation when the oplog no longer has its place', async () => {
    const first = await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    await first.stop();
    await asked(1);
    await insert('lost');
    fixture.mongo.truncateOplog();
    // A real oplog always keeps its newest entry.
    await fixture.client.db('other').collection('things').insertOne({ n: 1 });
    const second = await fixture.reading();
    await asked(2);
    await insert('b');
    await until(() => names().includes('b'));
    assert.deepEqual(second.log.alarms(), ['history-lost']);
    assert.equal(requests()[1]?.reason, 'history-lost');
    assert.deepEqual(names(), ['a', 'b']);
    await noted();
    await second.stop();
    const third = await fixture.reading();
    await insert('c');
    await until(() => names().length === 3);
    assert.deepEqual(third.log.alarms(), []);
  });

  it('does the same when its token leads nowhere, as after another database took the place', async () => {
    await (await fixture.reading()).stop();
    for (const token of ['{"_data":"82ff"}', '{"_data":"no token"}']) {
      await fixture.ref.update({ resumeToken: token });
      const relay = await fixture.reading();
      await until(() => relay.log.alarms().length === 1);
      assert.deepEqual(relay.log.alarms(), ['history-lost']);
      await noted();
      const name = `after ${token}`;
      await insert(name);
      await until(() => names().includes(name));
      await relay.stop();
    }
  });

  it('keeps its place when it is not the place that is wrong', async () => {
    await (await fixture.reading()).stop();
    const before = await fixture.record();
    await failCommand(fixture.client, ['aggregate'], { errorCode: 286 }, { times: 2 });
    const relay = await fixture.start();
    await assert.rejects(relay.outcome, /cannot be opened at any point/);
    assert.deepEqual((await fixture.record()).checkpoint.token, before.checkpoint.token);
    assert.deepEqual(relay.log.alarms(), []);
  });

  for (const [what, end] of [
    ['dropped', () => fixture.projects.drop()],
    ['renamed', () => fixture.projects.rename('archive')],
  ] as const) {
    it(`deletes nothing when the collection is ${what}, alarms, and goes on with the next of that name`, async () => {
      const relay = await fixture.reading();
      await insert('a');
      await until(() => names().length === 1);
      await end();
      await until(() => relay.log.alarms().length === 1);
      await insert('b');
      await until(() => names().length === 2);
      assert.deepEqual(relay.log.alarms(), ['source-invalidated']);
      assert.deepEqual(
        fixture.events().map(({ type }) => type),
        ['ProjectCreated', 'ProjectCreated'],
      );
      await asked(2);
      assert.equal(requests()[1]?.reason, 'source-invalidated');
      await relay.stop();
      const next = await fixture.reading();
      await insert('c');
      await until(() => names().length === 3);
      assert.deepEqual(next.log.alarms(), []);
    });
  }

  it('passes an invalidation that happened while no relay ran', async () => {
    const first = await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    await first.stop();
    await insert('b');
    await fixture.projects.drop();
    await insert('c');
    const second = await fixture.reading();
    await until(() => names().length === 3);
    assert.deepEqual(names(), ['a', 'b', 'c']);
    assert.deepEqual(second.log.alarms(), ['source-invalidated']);
  });

  it('refuses to guess where a record is that it cannot read', async () => {
    await fixture.ref.set({ schemaVersion: 3 });
    const relay = await fixture.start();
    await assert.rejects(relay.outcome, /syncRelay\/collaboration%2Eprojects cannot be read \(schemaVersion/);
  });
});
