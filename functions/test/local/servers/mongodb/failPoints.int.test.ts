import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type Collection,
  type Document,
  MongoClient,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoWriteConcernError,
} from 'mongodb';
import { manualClock } from '../../../support/clock.ts';
import { failCommand, failPoint } from '../../../support/failPoint.ts';
import { until } from '../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture, take, watch, withServer } from './mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

describe('MongoDB server: fail points and controls', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture({}, { retryReads: false, retryWrites: false });
    items = fixture.client.db('app').collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  it('answers with an error instead of an effect, as often as told', async () => {
    await failCommand(fixture.client, ['insert', 'update'], { errorCode: 11600 }, { times: 2 });
    const error = await rejectsWithCode(items.insertOne({ _id: 1 }), 11600);
    assert.deepEqual(
      [error.message, error.codeName],
      ["Failing command via 'failCommand' failpoint", 'InterruptedAtShutdown'],
    );
    assert.equal(await items.countDocuments(), 0);
    await rejectsWithCode(items.updateOne({ _id: 1 }, { $set: { a: 1 } }), 11600);
    await items.insertOne({ _id: 1 });
    assert.equal(await failPoint(fixture.client, 'failCommand', 'off'), 2);
  });

  it('lets some pass first, and goes on until it is switched off', async () => {
    await failCommand(fixture.client, ['insert'], { errorCode: 2 }, { skip: 1 });
    await items.insertOne({ _id: 1 });
    for (let again = 0; again < 3; again += 1) await rejectsWithCode(items.insertOne({ _id: 2 }), 2);
    await failPoint(fixture.client, 'failCommand', 'off');
    await items.insertOne({ _id: 2 });
    await failCommand(fixture.client, ['insert'], { errorCode: 2 }, 'alwaysOn');
    for (let again = 0; again < 3; again += 1) await rejectsWithCode(items.insertOne({ _id: 3 }), 2);
  });

  it('has the effect and reports a write concern that was not met', async () => {
    const writeConcernError = { code: 91, errmsg: 'going down' };
    await failCommand(fixture.client, ['insert'], { writeConcernError });
    await assert.rejects(
      items.insertOne({ _id: 1 }),
      (error) =>
        error instanceof MongoWriteConcernError &&
        error.code === 91 &&
        error.result.writeConcernError.codeName === 'ShutdownInProgress',
    );
    assert.equal(await items.countDocuments(), 1);
  });

  it('closes the connection before the effect', async () => {
    await failCommand(fixture.client, ['insert'], { closeConnection: true });
    await assert.rejects(items.insertOne({ _id: 1 }), MongoNetworkError);
    assert.equal(await items.countDocuments(), 0);
  });

  it('blocks by the clock of the server', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client }) => {
        await failCommand(client, ['insert'], { blockConnection: true, blockTimeMS: 60_000 });
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

  it('lets a connection go silent: a getMore that is never answered, and no end of the connection that would tell', async () => {
    const hour = 3_600_000;
    await items.insertMany([{ _id: 1 }, { _id: 2 }]);
    await failCommand(fixture.client, ['getMore'], { blockConnection: true, blockTimeMS: hour }, 'alwaysOn');
    const impatient = new MongoClient(fixture.server.uri, { socketTimeoutMS: 200 });
    const reading = impatient.db('app').collection('items').find({}, { batchSize: 1 }).toArray();
    await assert.rejects(reading, MongoNetworkTimeoutError);
    await impatient.close();
  });

  it('fails all commands, or those of one client or one collection only', async () => {
    const other = new MongoClient(fixture.server.uri, { appName: 'other', retryReads: false });
    const count = (client: MongoClient, name = 'items') => client.db('app').collection(name).countDocuments();
    await failPoint(fixture.client, 'failCommand', 'alwaysOn', {
      failAllCommands: true,
      errorCode: 2,
      appName: 'other',
    });
    await assert.rejects(count(other));
    assert.equal(await count(fixture.client), 0);
    await failCommand(fixture.client, ['aggregate'], { errorCode: 2, namespace: 'app.items' }, 'alwaysOn');
    await rejectsWithCode(count(fixture.client), 2);
    assert.equal(await count(fixture.client, 'others'), 0);
    await other.close();
  });

  it('puts the labels on an error that it is told, none included', async () => {
    await failCommand(fixture.client, ['find'], { errorCode: 50, errorLabels: ['Mine'] });
    assert.deepEqual((await rejectsWithCode(items.findOne(), 50)).errorLabels, ['Mine']);
    const session = fixture.client.startSession();
    session.startTransaction();
    await failCommand(fixture.client, ['insert'], { errorCode: 112, errorLabels: [] });
    assert.deepEqual((await rejectsWithCode(items.insertOne({ _id: 1 }, { session }), 112)).errorLabels, []);
    await session.endSession();
  });

  it('fails a getMore that has its cursor already, which is lost with it', async () => {
    await items.insertMany([1, 2, 3].map((_id) => ({ _id })));
    const { cursor } = await fixture.client.db('app').command({ find: 'items', batchSize: 1 });
    await failPoint(fixture.client, 'failGetMoreAfterCursorCheckout', { times: 1 }, { errorCode: 280 });
    const getMore = { getMore: cursor.id, collection: 'items' };
    await rejectsWithCode(fixture.client.db('app').command(getMore), 280);
    await rejectsWithCode(fixture.client.db('app').command(getMore), 43);
  });

  it('fails a retryable write before it has an effect, or loses its answer', async () => {
    const client = new MongoClient(fixture.server.uri);
    const own = client.db('app').collection<Keyed>('items');
    const point = 'onPrimaryTransactionalWrite';
    await failPoint(client, point, { times: 1 }, { failBeforeCommitExceptionCode: 2, closeConnection: false });
    await rejectsWithCode(own.insertOne({ _id: 1 }), 2);
    assert.equal(await own.countDocuments(), 0);
    const lost = once(client, 'connectionClosed');
    await failPoint(client, point, { times: 1 });
    await own.insertOne({ _id: 1 });
    await lost;
    assert.deepEqual([await own.countDocuments(), await failPoint(client, point, 'off')], [1, 2]);
    await client.close();
  });

  for (const [what, command, code] of [
    ['an unknown fail point', { configureFailPoint: 'fly', mode: 'alwaysOn' }, 192],
    ['an unknown mode', { configureFailPoint: 'failCommand', mode: { never: 1 } }, 2],
    [
      'data that it does not know',
      { configureFailPoint: 'failCommand', mode: 'alwaysOn', data: { errorExtraInfo: {} } },
      238,
    ],
  ] as const) {
    it(`refuses ${what}`, () =>
      rejectsWithCode(fixture.client.db('admin').command(command), code).then(() => undefined));
  }

  it('labels the errors of a change stream that may be resumed, and only those', async () => {
    const command = { aggregate: 'items', pipeline: [{ $changeStream: {} }], cursor: {} };
    for (const [code, resumable] of [
      [10107, true],
      [11600, true],
      [189, true],
      [286, false],
      [280, false],
    ] as const) {
      await failCommand(fixture.client, ['aggregate'], { errorCode: code });
      const error = await rejectsWithCode(fixture.client.db('app').command(command), code);
      assert.equal(error.hasErrorLabel('ResumableChangeStreamError'), resumable, String(code));
    }
    await failCommand(fixture.client, ['aggregate'], { errorCode: 11600 });
    const plain = await rejectsWithCode(items.aggregate([]).toArray(), 11600);
    assert.ok(!plain.hasErrorLabel('ResumableChangeStreamError'));
  });

  it('labels what a commit is answered, so that the driver runs it or the whole transaction again', async () => {
    const items = fixture.client.db('app').collection('items');
    const commit = async (code: number, times: number) => {
      const session = fixture.client.startSession();
      session.startTransaction();
      await items.insertOne({ code }, { session });
      await failCommand(fixture.client, ['commitTransaction'], { errorCode: code }, { times });
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
    await failCommand(fixture.client, ['insert'], { errorCode: 112 });
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
