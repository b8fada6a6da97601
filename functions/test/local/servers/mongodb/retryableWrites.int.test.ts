import assert from 'node:assert/strict';
import { type Collection, type Document, Long, MongoServerError } from 'mongodb';
import { failCommand, failPoint } from '../../../support/failPoint.ts';
import { type Fixture, rejectsWithCode, startFixture, withServer } from './mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

describe('MongoDB server: retryable writes', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture();
    items = fixture.client.db('app').collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  const lostAnswer = () => failPoint(fixture.client, 'onPrimaryTransactionalWrite', { times: 1 });

  it('runs a write once although its answer was lost and the driver sent it again', async () => {
    await lostAnswer();
    assert.equal((await items.insertOne({ _id: 1, n: 0 })).insertedId, 1);
    await lostAnswer();
    assert.equal((await items.updateOne({ _id: 1 }, { $inc: { n: 1 } })).modifiedCount, 1);
    await lostAnswer();
    assert.equal((await items.findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } }, { returnDocument: 'after' }))?.n, 2);
    assert.equal((await items.findOne({ _id: 1 }))?.n, 2);
    await lostAnswer();
    assert.equal((await items.deleteOne({ _id: 1 })).deletedCount, 1);
    await lostAnswer();
    assert.equal((await items.insertMany([{ _id: 2 }, { _id: 3 }])).insertedCount, 2);
    await lostAnswer();
    const bulk = await items.bulkWrite([
      { insertOne: { document: { _id: 4, n: 1 } } },
      { updateOne: { filter: { _id: 4 }, update: { $inc: { n: 1 } } } },
    ]);
    assert.deepEqual([bulk.insertedCount, bulk.modifiedCount], [1, 1]);
    assert.equal((await items.findOne({ _id: 4 }))?.n, 2);
    assert.equal(await failPoint(fixture.client, 'onPrimaryTransactionalWrite', 'off'), 6);
  });

  it('upserts once', async () => {
    await lostAnswer();
    const result = await items.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { upsert: true });
    assert.deepEqual([result.upsertedCount, result.upsertedId], [1, 1]);
    assert.equal((await items.findOne({ _id: 1 }))?.n, 1);
  });

  it('runs again what failed before it had an effect', async () => {
    await failCommand(fixture.client, ['insert'], { closeConnection: true });
    await items.insertOne({ _id: 1 });
    await failCommand(fixture.client, ['insert'], { errorCode: 10107 });
    await items.insertOne({ _id: 2 });
    assert.equal(await items.countDocuments(), 2);
  });

  it('puts the label that says so on errors after which a write may be sent again', () =>
    withServer(
      async ({ client }) => {
        const collection = client.db('app').collection('items');
        await failCommand(client, ['insert'], { errorCode: 189 });
        const session = client.startSession();
        const command = { insert: 'items', documents: [{}], lsid: session.id, txnNumber: Long.fromNumber(1) };
        const error = await rejectsWithCode(client.db('app').command(command), 189);
        assert.deepEqual(error.errorLabels, ['RetryableWriteError']);
        await failCommand(client, ['insert'], { errorCode: 189 });
        await assert.rejects(
          collection.insertOne({}),
          (e) => e instanceof MongoServerError && !e.hasErrorLabel('RetryableWriteError'),
        );
        await failCommand(client, ['insert'], { errorCode: 2 });
        await assert.rejects(
          client.db('app').command({ ...command, txnNumber: Long.fromNumber(2) }),
          (e) => e instanceof MongoServerError && !e.hasErrorLabel('RetryableWriteError'),
        );
        await session.endSession();
      },
      {},
      { retryWrites: false },
    ));

  /** The driver puts its own session into a command; numbers of our own must be beyond those that it has used. */
  const numbered = (command: Document, number: number) =>
    fixture.client.db('app').command({ ...command, txnNumber: Long.fromNumber(1000 + number) });

  it('answers the same for the same number, runs a new one, and refuses an old one', async () => {
    const increment = { update: 'items', updates: [{ q: { _id: 1 }, u: { $inc: { n: 1 } }, upsert: true }] };
    const first = await numbered(increment, 1);
    const again = await numbered(increment, 1);
    assert.deepEqual(again.upserted, first.upserted);
    assert.deepEqual(again.retriedStmtIds, [0]);
    await numbered(increment, 2);
    assert.equal((await items.findOne({ _id: 1 }))?.n, 2);
    await rejectsWithCode(numbered(increment, 1), 225);
  });

  it('runs only the statements of a batch again that failed before', async () => {
    await items.insertOne({ _id: 3 });
    const insert = { insert: 'items', documents: [{ _id: 1 }, { _id: 2 }, { _id: 3 }, { _id: 4 }] };
    const first = await numbered(insert, 1);
    assert.deepEqual([first.n, first.writeErrors.length], [2, 1]);
    await items.deleteMany({ _id: { $in: [2, 3] } });
    const second = await numbered(insert, 1);
    assert.deepEqual([second.n, second.writeErrors], [4, undefined]);
    assert.deepEqual(second.retriedStmtIds, [0, 1]);
    assert.deepEqual(
      (await items.find().toArray()).map(({ _id }) => _id),
      [1, 3, 4],
    );
  });
});
