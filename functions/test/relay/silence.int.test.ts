import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { sleep, systemClock } from '../../src/clock.ts';
import { closingMs, defaultRelayLimits } from '../../src/relay/limits.ts';
import { shiftedClock } from '../support/clock.ts';
import { failCommand, failPoint } from '../support/failPoint.ts';
import { until } from '../support/until.ts';
import { type NetworkProxy, startProxy } from './fixtures/proxy.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I6 and I1: a MongoDB that is slow or silent costs time, and is seen; it never keeps the relay at the same place for
// ever.
describe('relay: a slow or silent MongoDB', () => {
  let fixture: RelayFixture;
  let proxy: NetworkProxy | undefined;
  const clock = shiftedClock();

  beforeEach(async () => {
    fixture = await startRelayFixture({ clock });
    await (await fixture.reading()).stop();
  });
  afterEach(async () => {
    await fixture.close();
    await proxy?.close();
    proxy = undefined;
  });

  const slowAggregate = (blockTimeMS: number) =>
    failCommand(fixture.client, ['aggregate'], { blockConnection: true, blockTimeMS });
  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const quickEnd = { closeStreamMs: 50, drainMs: 100, lastCheckpointMs: 150 };

  it('waits for the first answer beyond its budget, and then keeps what it got', async () => {
    await insert('a');
    await slowAggregate(900);
    const relay = await fixture.start({ budgetMs: 400, latestMs: 5_000, limits: quickEnd });
    const outcome = await relay.outcome;
    assert.deepEqual([outcome.kind, outcome.published], ['budget-spent', 1]);
    assert.notEqual((await fixture.record()).checkpoint.last, null);
  });

  it('waits for the first answer no longer than the very most, and alarms when that keeps happening', async () => {
    const limits = { ...quickEnd, maxRunsWithoutProgress: 2 };
    const run = async () => {
      await slowAggregate(5_000);
      const relay = await fixture.start({ budgetMs: 1_000, latestMs: 1_200, limits });
      await relay.outcome;
      return relay.log.alarms();
    };
    assert.deepEqual(await run(), []);
    assert.deepEqual(await run(), []);
    assert.deepEqual(await run(), ['no-progress']);
    await failPoint(fixture.client, 'failCommand', 'off');
    const relay = await fixture.reading();
    await fixture.untilRecord(({ runsWithoutProgress }) => runsWithoutProgress === 0);
    await relay.stop();
  });

  it('measures its lag from its place while it waits for the first answer', async () => {
    await insert('a');
    clock.shift(10 * 60_000);
    await slowAggregate(1_000);
    const relay = await fixture.start();
    await until(() => relay.health.status().phase === 'reading');
    assert.ok((relay.health.status().lagMs ?? 0) >= 10 * 60_000, `${relay.health.status().lagMs} ms`);
    await until(() => names().length === 1);
  });

  it('notices a connection that goes silent, and reads on over another', async () => {
    proxy = await startProxy(fixture.mongo.port);
    const uri = fixture.uri(proxy.port);
    const relay = await fixture.reading({ uri, limits: { silenceMs: 300, commandMs: 500 } });
    await insert('a');
    await until(() => names().length === 1);
    proxy.mute();
    await insert('b');
    await until(() => names().length === 2);
    assert.deepEqual(names(), ['a', 'b']);
    assert.ok(
      relay.log.lines.some(({ fields }) => String(fields.error).includes('has not answered on the change stream')),
    );
    assert.equal((await relay.stop()).kind, 'stopped');
  });

  it('waits for the first answer on one connection no longer than an opening may take', async () => {
    proxy = await startProxy(fixture.mongo.port);
    const uri = fixture.uri(proxy.port);
    await slowAggregate(60_000);
    const relay = await fixture.start({ uri, limits: { silenceMs: 100, openingMs: 400, commandMs: 200 } });
    await until(() => relay.health.status().phase === 'reading');
    proxy.mute();
    await insert('a');
    await until(() => names().length === 1);
  });

  for (const command of ['listCollections', 'aggregate', 'getMore']) {
    it(`ends at once when it is asked to while MongoDB does not answer ${command}`, async () => {
      await failCommand(fixture.client, [command], { blockConnection: true, blockTimeMS: 8_000 }, 'alwaysOn');
      const relay = await fixture.start({ limits: { silenceMs: 100 } });
      await until(() => relay.log.lines.some(({ message }) => message === 'the relay has the lease'));
      await sleep(systemClock, 200);
      const asked = systemClock.now();
      assert.equal((await relay.stop()).kind, 'stopped');
      assert.ok(systemClock.now() - asked < closingMs(defaultRelayLimits) + 500, `${systemClock.now() - asked} ms`);
    });
  }

  it('gives the lease up when MongoDB does not answer for long, so that another relay may try', async () => {
    const relay = await fixture.reading({ limits: { stalledMs: 150 } });
    await failCommand(fixture.client, ['getMore', 'aggregate'], { errorCode: 11600 }, 'alwaysOn');
    const outcome = await relay.outcome;
    assert.equal(outcome.kind, 'stalled');
    assert.equal((await fixture.record()).lease.holder, null);
    await failPoint(fixture.client, 'failCommand', 'off');
    await insert('a');
    await fixture.reading();
    await until(() => names().length === 1);
  });
});
