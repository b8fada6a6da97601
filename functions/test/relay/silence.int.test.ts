import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { shiftedClock } from '../support/clock.ts';
import { until } from '../support/until.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';
import { type RelayFixture, startRelayFixture } from './relay.fixture.ts';

// I6 and I1: a MongoDB that is slow or silent costs time, and is seen; it never keeps the relay at the same place for ever.
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

  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const quickEnd = { closeStreamMs: 50, drainMs: 100, lastCheckpointMs: 150 };

  it('waits for the first answer beyond its budget, and then keeps what it got', async () => {
    await insert('a');
    fixture.mongo.faults.inject('aggregate', { latencyMs: 900 });
    const relay = await fixture.start({ budgetMs: 400, latestMs: 5_000, limits: quickEnd });
    const outcome = await relay.outcome;
    assert.deepEqual([outcome.kind, outcome.published], ['budget-spent', 1]);
    assert.notEqual((await fixture.record()).checkpoint.last, null);
  });

  it('waits for the first answer no longer than the very most, and alarms when that keeps happening', async () => {
    const limits = { ...quickEnd, maxRunsWithoutProgress: 2 };
    const run = async () => {
      fixture.mongo.faults.inject('aggregate', { latencyMs: 3_000 });
      const relay = await fixture.start({ budgetMs: 350, latestMs: 400, limits });
      await relay.outcome;
      return relay.log.alarms();
    };
    assert.deepEqual(await run(), []);
    assert.deepEqual(await run(), []);
    assert.deepEqual(await run(), ['no-progress']);
    fixture.mongo.faults.clear();
    const relay = await fixture.reading();
    await fixture.untilRecord(({ runsWithoutProgress }) => runsWithoutProgress === 0);
    await relay.stop();
  });

  it('measures its lag from its place while it waits for the first answer', async () => {
    await insert('a');
    clock.shift(10 * 60_000);
    fixture.mongo.faults.inject('aggregate', { latencyMs: 1_000 });
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
    fixture.mongo.faults.inject('aggregate', { latencyMs: 60_000 });
    const relay = await fixture.start({ uri, limits: { silenceMs: 100, openingMs: 400, commandMs: 200 } });
    await until(() => relay.health.status().phase === 'reading');
    proxy.mute();
    await insert('a');
    await until(() => names().length === 1);
  });

  it('gives the lease up when MongoDB does not answer for long, so that another relay may try', async () => {
    const relay = await fixture.reading({ limits: { stalledMs: 150 } });
    for (const command of ['getMore', 'aggregate']) {
      fixture.mongo.faults.inject(command, { error: { code: 11600 } }, 1_000);
    }
    const outcome = await relay.outcome;
    assert.equal(outcome.kind, 'stalled');
    assert.equal((await fixture.record()).lease.holder, null);
    fixture.mongo.faults.clear();
    await insert('a');
    await fixture.reading();
    await until(() => names().length === 1);
  });
});
