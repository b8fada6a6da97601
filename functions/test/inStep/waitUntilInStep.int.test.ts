// Waiting until assets show what MongoDB held: attacks "read-your-writes across the two databases", and its price.
import assert from 'node:assert/strict';
import { MongoClient, ObjectId, type Timestamp } from 'mongodb';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { eventId, type ProjectEvent } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import { createInStep } from '../../src/inStep/inStep.ts';
import { mostReads, waitUntilInStep } from '../../src/inStep/waitUntilInStep.ts';
import { emptyRelayRecord, relayRecordData, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { type Shard, shardOf, wholeShard } from '../../src/relay/shards/shard.ts';
import { event, type SyncFixture, startSyncFixture, testConfig } from '../sync/worker.fixture.ts';

describe('waitUntilInStep', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  const look = (projectId: string, atLeast: string, fields?: readonly string[]) => {
    const { firestore, dependencies, clock } = fixture;
    return waitUntilInStep({ firestore, config: dependencies.config, clock }, projectId, {
      atLeast,
      timeoutMs: 0,
      fields,
    });
  };

  async function relayIsAt(seconds: number, { number, of }: Shard = wholeShard): Promise<void> {
    const checkpoint = { token: null, startAt: { seconds, increment: 1 }, last: null, source: null };
    await relayRecordRef(fixture.firestore, testConfig.source, number).set(
      relayRecordData({ ...emptyRelayRecord, checkpoint, shards: of }),
    );
  }

  it('says what it waits for: the relay, a delivery, the assets; and when they show it', async () => {
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    const seconds = Number.parseInt(renamed.version.slice(0, 8), 16);
    await relayIsAt(seconds - 1);
    assert.deepEqual(await look('p1', renamed.version), { kind: 'timed-out', waitingFor: 'relay' });
    await relayIsAt(seconds + 1);
    assert.deepEqual(await look('p1', renamed.version), { kind: 'timed-out', waitingFor: 'delivery' });
    await fixture.firestore.doc('media/m1').set({ projectId: 'p1', projectName: 'old' });
    await fixture.deliver(renamed, -1);
    assert.deepEqual(await look('p1', renamed.version), { kind: 'timed-out', waitingFor: 'assets' });
    for (const message of fixture.events.messages.splice(0)) await fixture.deliverMessage(message);
    assert.deepEqual(await look('p1', renamed.version), { kind: 'in-step', version: renamed.version, revision: 1 });
    assert.equal((await fixture.firestore.doc('media/m1').get()).get('projectName'), 'new');
  });

  it('goes by the relay of the project’s own shard', async () => {
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    const seconds = Number.parseInt(renamed.version.slice(0, 8), 16);
    const own = shardOf('p1', 2);
    for (const [number, place, waitingFor] of [
      [own, seconds - 1, 'relay'],
      [own, seconds + 1, 'delivery'],
    ] as const) {
      // The other one is where it misleads.
      await relayIsAt(waitingFor === 'relay' ? seconds + 1 : seconds - 1, { number: 3 - number, of: 2 });
      await relayIsAt(place, { number, of: 2 });
      assert.deepEqual(await look('p1', renamed.version), { kind: 'timed-out', waitingFor });
    }
  });

  it('is not satisfied by something newer of another field, which has overtaken it', async () => {
    const [first, second] = [
      event('ProjectUpdated', 'p1', { name: 'new' }),
      event('ProjectUpdated', 'p1', { status: 'x' }),
    ];
    await fixture.deliver(second);
    assert.equal((await look('p1', first.version)).kind, 'timed-out');
    await fixture.deliver(first);
    assert.equal((await look('p1', first.version)).kind, 'in-step');
    // Of one field it is certain as soon as that field is newer.
    const third = event('ProjectUpdated', 'p1', { name: 'newer' });
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'newest' }));
    assert.equal((await look('p1', third.version)).kind, 'timed-out');
    assert.equal((await look('p1', third.version, ['name'])).kind, 'in-step');
  });

  it('answers when the assets of a deleted project are gone', async () => {
    await fixture.firestore.doc('media/m1').set({ projectId: 'p1' });
    const deleted = event('ProjectDeleted', 'p1');
    await fixture.deliver(deleted);
    assert.equal((await look('p1', deleted.version)).kind, 'deleted');
  });

  it('costs one read to look, and no more than it says to wait', async () => {
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.deliver(renamed);
    const { firestore, dependencies } = fixture;
    const wait = (atLeast: string, timeoutMs: number) =>
      waitUntilInStep({ firestore, config: dependencies.config }, 'p1', { atLeast, timeoutMs });
    fixture.server.meter.reset();
    await wait(renamed.version, 5_000);
    assert.equal(fixture.server.meter.snapshot().reads, 1);
    fixture.server.meter.reset();
    assert.equal((await wait(event('ProjectUpdated', 'p1').version, 500)).kind, 'timed-out');
    const { reads } = fixture.server.meter.snapshot();
    assert.ok(reads <= mostReads(500), `${reads}`);
    assert.ok(mostReads(20_000) <= 25, `${mostReads(20_000)}`);
  });

  it('refuses a timeout that is no number: it would never end', async () => {
    const { firestore, dependencies } = fixture;
    const waiting = waitUntilInStep({ firestore, config: dependencies.config }, 'p1', {
      atLeast: '1:1',
      timeoutMs: Number.NaN,
    });
    await assert.rejects(waiting, RangeError);
  });

  it('refuses what is no time, and fields that are not configured', async () => {
    await assert.rejects(look('p1', 'yesterday'), RangeError);
    await assert.rejects(look('p1', '1:1', ['budget']), /"budget" is not in source.fields/);
  });

  describe('with MongoDB', () => {
    let mongo: MongoServer;
    let client: MongoClient;
    beforeEach(async () => {
      mongo = await startMongoServer({ clock: fixture.clock });
      client = await new MongoClient(mongo.uri).connect();
    });
    afterEach(async () => {
      await client.close();
      await mongo.close();
    });

    const projects = () => client.db(testConfig.source.database).collection(testConfig.source.collection);

    /** What the owning service does: a write, and its time. */
    async function write(
      act: (session: ReturnType<MongoClient['startSession']>) => Promise<unknown>,
    ): Promise<Timestamp> {
      return client.withSession(async (session) => {
        await act(session);
        assert.ok(session.operationTime);
        return session.operationTime;
      });
    }

    function eventAt(
      time: Timestamp,
      type: ProjectEvent['type'],
      projectId: string,
      changes: ProjectEvent['changes'] = {},
    ) {
      const seconds = time.getHighBitsUnsigned();
      const version = versionOf({ seconds, increment: time.getLowBitsUnsigned() }, 0);
      return { ...event(type, projectId, changes), version, id: eventId(projectId, version) };
    }

    it('every answer is decisive: a change that touches no configured field is in step at once', async () => {
      const _id = new ObjectId();
      const id = String(_id);
      const { waitUntilInStep: wait } = createInStep({
        firestore: fixture.firestore,
        mongodb: client,
        config: fixture.dependencies.config,
      });
      const created = await write((session) => projects().insertOne({ _id, name: 'a', status: 's' }, { session }));
      assert.equal((await wait(id, { atLeast: created, timeoutMs: 0 })).kind, 'timed-out');
      await fixture.deliver(eventAt(created, 'ProjectCreated', id, { name: 'a', status: 's' }));
      assert.equal((await wait(id, { atLeast: created, timeoutMs: 0 })).kind, 'in-step');
      const budgeted = await write((session) => projects().updateOne({ _id }, { $set: { budget: 5 } }, { session }));
      assert.equal((await wait(id, { atLeast: budgeted, timeoutMs: 0 })).kind, 'in-step');
      const renamed = await write((session) => projects().updateOne({ _id }, { $set: { name: 'b' } }, { session }));
      assert.equal(
        (await wait(id, { atLeast: budgeted, timeoutMs: 0 })).kind,
        'timed-out',
        'MongoDB holds what is newer',
      );
      const waiting = wait(id, { atLeast: renamed, timeoutMs: 10_000 });
      await fixture.deliver(eventAt(renamed, 'ProjectUpdated', id, { name: 'b' }));
      assert.equal((await waiting).kind, 'in-step');
      const gone = await write((session) => projects().deleteOne({ _id }, { session }));
      assert.equal((await wait(id, { atLeast: gone, timeoutMs: 0 })).kind, 'timed-out');
      await fixture.deliver(eventAt(gone, 'ProjectDeleted', id));
      assert.equal((await wait(id, { atLeast: gone, timeoutMs: 0 })).kind, 'deleted');
    });
  });
});
