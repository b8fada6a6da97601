// A relay that a person pauses: attacks I1, "nothing is lost", and the promise that a pause takes hold in seconds.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { controlRef } from '../../src/control/control.ts';
import { until } from '../support/until.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

describe('relay: paused by a person', function () {
  this.timeout(30_000);
  let fixture: RelayFixture;
  beforeEach(async () => {
    fixture = await startRelayFixture();
  });
  afterEach(() => fixture.close());

  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const pauseRelay = () =>
    controlRef(fixture.firestore).set({ paused: [{ what: 'relay', by: 'olga', reason: 'maintenance', since: 1 }] });

  it('gives its lease back and publishes nothing more; resumed, the next run misses nothing', async () => {
    const first = await fixture.reading();
    await insert('before');
    await until(() => names().length === 1);
    await pauseRelay();
    assert.deepEqual(
      { ...(await first.outcome), lastCheckpoint: null },
      {
        kind: 'paused',
        by: 'olga',
        published: 1,
        deadLettered: 0,
        unpublished: 0,
        lastCheckpoint: null,
      },
    );
    assert.equal((await fixture.record()).lease.holder, null);
    await insert('meanwhile');
    const second = await fixture.start();
    await until(() => second.log.lines.some(({ message }) => message.startsWith('the relay is paused')));
    assert.equal(second.health.status().phase, 'standing-by');
    assert.deepEqual(names(), ['before']);
    await controlRef(fixture.firestore).delete();
    await until(() => names().length === 2, 'what was changed meanwhile', 15_000);
    assert.deepEqual(names(), ['before', 'meanwhile']);
  });

  it('says that it was paused all the time, and ends at once when it is asked to', async () => {
    await pauseRelay();
    const relay = await fixture.start({ budgetMs: 4_000 });
    const outcome = await relay.outcome;
    assert.deepEqual([outcome.kind, outcome.kind === 'paused' && outcome.by], ['paused', 'olga']);
    const stopped = await fixture.start();
    await until(() => stopped.log.lines.length > 0);
    assert.equal((await stopped.stop()).kind, 'stopped');
  });

  it('does not run while nobody can say whether it is paused', async () => {
    await controlRef(fixture.firestore).set({ paused: 'perhaps' });
    const relay = await fixture.start();
    await assert.rejects(relay.outcome, /syncControl\/state cannot be read/);
  });
});
