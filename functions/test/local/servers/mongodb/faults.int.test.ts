import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Collection, type Document, MongoClient, MongoNetworkError } from 'mongodb';
import { manualClock } from '../../../support/clock.ts';
import { until } from '../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture, take, watch, withServer } from './mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

describe('MongoDB server: faults and controls', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture({}, { retryReads: false, retryWrites: false });
    items = fixture.client.db('app').collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  it('answers with an error instead of an effect, or after it', async () => {
    const { faults } = fixture.server;
    faults.inject('insert', { error: { code: 11600 } });
    await rejectsWithCode(items.insertOne({ _id: 1 }), 11600);
    assert.equal(await items.countDocuments(), 0);
    faults.inject('insert', { error: { code: 11600, message: 'going down' }, afterEffect: true });
    const error = await rejectsWithCode(items.insertOne({ _id: 1 }), 11600);
    assert.deepEqual([error.message, error.codeName], ['going down', 'InterruptedAtShutdown']);
    assert.equal(await items.countDocuments(), 1);
    assert.equal(faults.pending(), 0);
  });

  it('drops the connection before the effect, or after it', async () => {
    fixture.server.faults.inject('insert', { drop: true });
    await assert.rejects(items.insertOne({ _id: 1 }), MongoNetworkError);
    assert.equal(await items.countDocuments(), 0);
    fixture.server.faults.inject('insert', { drop: true, afterEffect: true });
    await assert.rejects(items.insertOne({ _id: 1 }), MongoNetworkError);
    assert.equal(await items.countDocuments(), 1);
  });

  it('adds latency by its own clock', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        server.faults.inject('insert', { latencyMs: 60_000 });
        let done = false;
        const slow = client
          .db('app')
          .collection('items')
          .insertOne({})
          .then(() => {
            done = true;
          });
        await until(() => clock.timers() === 1, 'the insert waits');
        assert.equal(done, false);
        clock.advance(60_000);
        await slow;
      },
      { clock },
    );
  });

  it("keeps a fault for '*' from being used up by the driver's own monitoring", async () => {
    fixture.server.faults.inject('*', { error: { code: 2 } });
    await fixture.client.db('admin').command({ hello: 1 });
    assert.equal(fixture.server.faults.pending(), 1);
    await rejectsWithCode(items.countDocuments(), 2);
  });

  it('puts a label of its own on an error where the test asks for one', async () => {
    fixture.server.faults.inject('find', { error: { code: 50, labels: ['Mine'] } });
    const error = await rejectsWithCode(items.findOne(), 50);
    assert.deepEqual(error.errorLabels, ['Mine']);
  });

  it('labels the errors of a change stream that may be resumed, and only those', async () => {
    const command = { aggregate: 'items', pipeline: [{ $changeStream: {} }], cursor: {} };
    for (const [code, resumable] of [
      [10107, true],
      [11600, true],
      [189, true],
      [286, false],
      [280, false],
    ] as const) {
      fixture.server.faults.inject('aggregate', { error: { code } });
      const error = await rejectsWithCode(fixture.client.db('app').command(command), code);
      assert.equal(error.hasErrorLabel('ResumableChangeStreamError'), resumable, String(code));
    }
    fixture.server.faults.inject('aggregate', { error: { code: 11600 } });
    const plain = await rejectsWithCode(items.aggregate([]).toArray(), 11600);
    assert.ok(!plain.hasErrorLabel('ResumableChangeStreamError'));
  });

  it('labels what a commit is answered, so that the driver runs it or the whole transaction again', async () => {
    const items = fixture.client.db('app').collection('items');
    const commit = async (code: number, times: number) => {
      const session = fixture.client.startSession();
      session.startTransaction();
      await items.insertOne({ code }, { session });
      fixture.server.faults.inject('commitTransaction', { error: { code } }, times);
      const error = await rejectsWithCode(session.commitTransaction(), code);
      await session.endSession();
      return error.errorLabels.filter((label) => label !== 'ResetPool');
    };
    for (const code of [112, 246, 251]) assert.deepEqual(await commit(code, 1), ['TransientTransactionError']);
    for (const code of [189, 11600])
      assert.deepEqual(await commit(code, 2), ['RetryableWriteError', 'UnknownTransactionCommitResult']);
  });

  it('labels errors in a transaction as transient', async () => {
    const session = fixture.client.startSession();
    session.startTransaction();
    fixture.server.faults.inject('insert', { error: { code: 112 } });
    const error = await rejectsWithCode(items.insertOne({ _id: 1 }, { session }), 112);
    assert.deepEqual(error.errorLabels, ['TransientTransactionError']);
    await session.endSession();
  });

  it('steps down: clients lose their cursors, wait, and go on after it steps up', async () => {
    await withServer(async ({ client, server }) => {
      const collection = client.db('app').collection<Keyed>('items');
      const stream = watch(collection);
      await stream.tryNext();
      const events = take(stream, 20);
      await collection.insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id })));
      server.stepDown();
      assert.deepEqual([server.stats().cursors, server.stats().transactions], [0, 0]);
      const waiting = collection.insertOne({ _id: 10 });
      server.stepUp();
      await waiting;
      for (let _id = 11; _id < 20; _id += 1) await collection.insertOne({ _id });
      const seen = (await events).map((event) => ('documentKey' in event ? event.documentKey?._id : undefined));
      assert.deepEqual(
        seen,
        Array.from({ length: 20 }, (_, n) => n),
      );
      await stream.close();
    });
  });

  it('loses all connections, and clients go on over new ones', async () => {
    await withServer(async ({ client, server }) => {
      const collection = client.db('app').collection<Keyed>('items');
      const stream = watch(collection);
      await stream.tryNext();
      const events = take(stream, 10);
      for (let _id = 0; _id < 5; _id += 1) await collection.insertOne({ _id });
      const noticed = once(client, 'connectionPoolCleared');
      server.dropConnections();
      await noticed;
      for (let _id = 5; _id < 10; _id += 1) await collection.insertOne({ _id });
      const seen = (await events).map((event) => ('documentKey' in event ? event.documentKey?._id : undefined));
      assert.deepEqual(
        seen,
        Array.from({ length: 10 }, (_, n) => n),
      );
      await stream.close();
    });
  });

  it('is not primary for as long as it was told', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        server.stepDown(5000);
        const direct = new MongoClient(`mongodb://127.0.0.1:${server.port}/?directConnection=true`);
        await rejectsWithCode(direct.db('app').collection('items').findOne(), 10107);
        clock.advance(5000);
        assert.equal(await direct.db('app').collection('items').findOne(), null);
        await direct.close();
        await client.db('app').collection('items').insertOne({});
      },
      { clock },
    );
  });

  it('gives cluster times that only grow, also when the clock stands still or goes back', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        const collection = client.db('app').collection('items');
        const times: bigint[] = [];
        const write = async () => {
          await collection.insertOne({});
          times.push(server.clusterTime.toBigInt());
        };
        await write();
        await write();
        clock.advance(-3_600_000);
        await write();
        clock.advance(3_600_000 + 5000);
        await write();
        clock.advance(-1000);
        await write();
        assert.deepEqual(
          times,
          [...new Set(times)].sort((a, b) => (a < b ? -1 : 1)),
        );
        assert.equal(server.clusterTime.t, Math.floor(clock.now() / 1000) + 1);
      },
      { clock },
    );
  });

  it('tells what it holds', async () => {
    await items.insertMany([{ _id: 1 }, { _id: 2 }]);
    const stats = fixture.server.stats();
    assert.equal(stats.documents, 2);
    // The collection was made, then two documents.
    assert.equal(stats.oplogEntries, 3);
    assert.ok(stats.connections >= 1 && stats.sessions >= 1);
    assert.deepEqual([stats.cursors, stats.transactions], [0, 0]);
  });
});
