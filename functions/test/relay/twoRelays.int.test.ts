import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { defaultRelayLimits } from '../../src/relay/limits.ts';
import { until } from '../support/until.ts';
import { serviceError, unavailable } from './fixtures/doubles.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I1: a hand-over loses nothing; a relay that lost its lease never moves the checkpoint.
describe('relay: two of them', () => {
  let fixture: RelayFixture;

  beforeEach(async () => {
    fixture = await startRelayFixture();
  });
  afterEach(() => fixture.close());

  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);

  it('lets one work and the other stand by, which takes over as soon as the first stops', async () => {
    const first = await fixture.reading();
    const second = await fixture.start();
    await insert('a');
    await until(() => names().length === 1);
    assert.equal(second.health.status().phase, 'standing-by');
    assert.equal(second.health.status().lease, null);
    assert.equal((await first.stop()).kind, 'stopped');
    await until(() => second.health.status().phase === 'reading');
    await insert('b');
    await until(() => names().length === 2);
    assert.deepEqual(names(), ['a', 'b']);
    assert.equal((await second.stop()).published, 1);
  });

  it('is not needed when the other holds the lease all the time', async () => {
    await fixture.reading({ holder: 'first' });
    const second = await fixture.start({
      budgetMs: 300,
      limits: { closeStreamMs: 50, drainMs: 50, lastCheckpointMs: 50 },
    });
    assert.deepEqual(await second.outcome, {
      kind: 'not-needed',
      heldBy: 'first',
      published: 0,
      deadLettered: 0,
      unpublished: 0,
      lastCheckpoint: null,
    });
  });

  it('stops at once while standing by', async () => {
    await fixture.reading();
    const second = await fixture.start();
    assert.equal((await second.stop()).kind, 'stopped');
  });

  it('takes over from one that was held up; that one finds out at its next write and moves nothing', async () => {
    const first = await fixture.reading({ holder: 'first', limits: { checkpointEveryMs: 60_000 } });
    await insert('a');
    await until(() => names().length === 1);
    const second = await fixture.start({ holder: 'second' });
    second.clock.shift(defaultRelayLimits.leaseMs);
    await until(() => second.health.status().phase === 'reading');
    await until(() => names().length === 2);
    const before = await fixture.record();
    // For the first one nothing has happened yet: it still publishes, and what it publishes is the same.
    await insert('b');
    await until(() => names().length === 4);
    const outcome = await first.stop();
    assert.equal(outcome.kind, 'lease-lost');
    assert.ok(outcome.kind === 'lease-lost' && outcome.takenBy === 'second');
    assert.deepEqual(first.log.alarms(), ['lease-lost']);
    const after = await fixture.record();
    assert.equal(after.lease.holder, 'second');
    assert.equal(after.lease.fencing, before.lease.fencing);
    assert.equal(new Set(fixture.events().map(({ id }) => id)).size, 2);
    await second.stop();
  });

  it('publishes nothing more once its lease has run out by its own clock and another took it', async () => {
    const first = await fixture.reading({ limits: { checkpointEveryMs: 60_000 } });
    const second = await fixture.start();
    second.clock.shift(defaultRelayLimits.leaseMs);
    await until(() => second.health.status().phase === 'reading');
    first.clock.shift(defaultRelayLimits.leaseMs);
    await insert('a');
    assert.equal((await first.outcome).kind, 'lease-lost');
    await until(() => names().length === 1);
    assert.equal((await first.outcome).published, 0);
    assert.equal((await second.stop()).published, 1);
  });

  it('renews a lease that ran out while nobody wanted it, and goes on', async () => {
    const relay = await fixture.reading({ limits: { checkpointEveryMs: 60_000 } });
    relay.clock.shift(defaultRelayLimits.leaseMs);
    await insert('a');
    await until(() => names().length === 1);
    assert.ok(relay.log.lines.some(({ message }) => message.startsWith('the lease ran out')));
    assert.equal((await fixture.record()).lease.fencing, 1);
    assert.equal((await relay.stop()).published, 1);
  });

  it('stops retrying what it could not publish when it loses the lease', async () => {
    fixture.topics.events.fail(serviceError(unavailable));
    const first = await fixture.reading();
    await insert('a');
    await until(() => fixture.topics.events.tries() > 1);
    const second = await fixture.start();
    second.clock.shift(defaultRelayLimits.leaseMs);
    const outcome = await first.outcome;
    assert.deepEqual([outcome.kind, outcome.published], ['lease-lost', 0]);
    fixture.topics.events.succeed();
    await until(() => names().length === 1);
    assert.equal((await second.stop()).published, 1);
  });

  it('stops when somebody removes its record', async () => {
    const relay = await fixture.reading();
    await fixture.ref.delete();
    const outcome = await relay.outcome;
    assert.ok(outcome.kind === 'lease-lost' && outcome.takenBy === null);
  });

  it('keeps going through a Firestore that fails for a while, and raises one that refuses', async () => {
    const relay = await fixture.reading();
    fixture.firestoreServer.faults.inject('Commit', { error: { code: 'DEADLINE_EXCEEDED' } }, 3);
    await insert('a');
    const { checkpoint } = await fixture.untilRecord((record) => record.checkpoint.last !== null);
    assert.notEqual(checkpoint.token, null);
    fixture.firestoreServer.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } });
    await insert('b');
    await assert.rejects(relay.outcome, /PERMISSION_DENIED/);
  });
});
