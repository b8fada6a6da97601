import assert from 'node:assert/strict';
import { type ClientSession, type Collection, type Document, MongoServerError } from 'mongodb';
import { manualClock } from '../../../support/clock.ts';
import { failCommand, failPoint } from '../../../support/failPoint.ts';
import { until } from '../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture, watch, withServer } from './mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

describe('MongoDB server: transactions', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;
  let session: ClientSession;
  let other: ClientSession;

  beforeEach(async () => {
    fixture = await startFixture();
    items = fixture.client.db('app').collection<Keyed>('items');
    session = fixture.client.startSession();
    other = fixture.client.startSession();
  });
  afterEach(async () => {
    await session.endSession();
    await other.endSession();
    await fixture.close();
  });

  it('shows its writes to nobody else until it commits, and then all at once', async () => {
    await items.insertMany([
      { _id: 1, v: 1 },
      { _id: 2, v: 1 },
    ]);
    session.startTransaction();
    await items.insertOne({ _id: 3, v: 1 }, { session });
    await items.updateOne({ _id: 1 }, { $set: { v: 2 } }, { session });
    await items.deleteOne({ _id: 2 }, { session });
    const seen = (options = {}) =>
      items
        .find({}, { sort: { _id: 1 }, ...options })
        .map(({ _id, v }) => [_id, v])
        .toArray();
    assert.deepEqual(await seen({ session }), [
      [1, 2],
      [3, 1],
    ]);
    assert.deepEqual(await seen(), [
      [1, 1],
      [2, 1],
    ]);
    assert.equal(await items.countDocuments({ v: 1 }, { session }), 1);
    assert.deepEqual(
      await items
        .find({ _id: { $in: [1, 2, 3] } }, { session })
        .sort({ _id: -1 })
        .map(({ _id }) => _id)
        .toArray(),
      [3, 1],
    );
    await session.commitTransaction();
    assert.deepEqual(await seen(), [
      [1, 2],
      [3, 1],
    ]);
  });

  it('reads from the moment at which it began', async () => {
    await items.createIndex({ v: 1 });
    await items.insertMany([
      { _id: 1, v: 1 },
      { _id: 2, v: 1 },
    ]);
    session.startTransaction();
    assert.equal((await items.findOne({ _id: 1 }, { session }))?.v, 1);
    await items.updateOne({ _id: 1 }, { $set: { v: 9 } });
    await items.deleteOne({ _id: 2 });
    await items.insertOne({ _id: 3, v: 1 });
    assert.deepEqual(
      await items
        .find({ v: 1 }, { session, sort: { _id: 1 } })
        .map(({ _id }) => _id)
        .toArray(),
      [1, 2],
    );
    assert.equal(await items.findOne({ v: 9 }, { session }), null);
    assert.equal(await items.findOne({ _id: 3 }, { session }), null);
    await session.commitTransaction();
    assert.deepEqual(
      await items
        .find({ v: 1 })
        .map(({ _id }) => _id)
        .toArray(),
      [3],
    );
  });

  it('leaves nothing behind when it is aborted', async () => {
    await items.insertOne({ _id: 1, v: 1 });
    const stream = watch(items);
    await stream.tryNext();
    session.startTransaction();
    await items.updateOne({ _id: 1 }, { $set: { v: 2 } }, { session });
    await items.insertOne({ _id: 2 }, { session });
    await session.abortTransaction();
    assert.deepEqual(await items.find().toArray(), [{ _id: 1, v: 1 }]);
    await items.insertOne({ _id: 3 });
    const event = await stream.next();
    assert.ok(event.operationType === 'insert' && event.fullDocument._id === 3);
    await stream.close();
    assert.equal(fixture.server.stats().transactions, 0);
  });

  it('fails with a write conflict where another transaction has written', async () => {
    await items.insertOne({ _id: 1, v: 1 });
    session.startTransaction();
    other.startTransaction();
    await items.updateOne({ _id: 1 }, { $inc: { v: 1 } }, { session });
    const error = await rejectsWithCode(items.updateOne({ _id: 1 }, { $inc: { v: 1 } }, { session: other }), 112);
    assert.ok(error.hasErrorLabel('TransientTransactionError'));
    await rejectsWithCode(items.findOne({ _id: 1 }, { session: other }), 251);
    await session.commitTransaction();
    assert.equal((await items.findOne({ _id: 1 }))?.v, 2);
  });

  it('fails with a write conflict where something was written after it began', async () => {
    await items.insertOne({ _id: 1, v: 1 });
    session.startTransaction();
    await items.findOne({}, { session });
    await items.updateOne({ _id: 1 }, { $inc: { v: 1 } });
    await rejectsWithCode(items.updateOne({ _id: 1 }, { $inc: { v: 1 } }, { session }), 112);
  });

  it('fails with a write conflict for two inserts of one id or one unique value', async () => {
    await items.createIndex({ email: 1 }, { unique: true });
    session.startTransaction();
    other.startTransaction();
    await items.insertOne({ _id: 1, email: 'a' }, { session });
    await rejectsWithCode(items.insertOne({ _id: 1, email: 'b' }, { session: other }), 112);
    await other.abortTransaction();
    other.startTransaction();
    await rejectsWithCode(items.insertOne({ _id: 2, email: 'a' }, { session: other }), 112);
    await session.commitTransaction();
    assert.equal(await items.countDocuments(), 1);
  });

  it('lets a value that it freed be taken again inside of it', async () => {
    await items.createIndex({ email: 1 }, { unique: true });
    await items.insertOne({ _id: 1, email: 'a' });
    session.startTransaction();
    await items.deleteOne({ _id: 1 }, { session });
    await items.insertOne({ _id: 2, email: 'a' }, { session });
    await rejectsWithCode(items.insertOne({ _id: 3, email: 'a' }, { session }), 11000);
    await session.abortTransaction();
    session.startTransaction();
    await items.deleteOne({ _id: 1 }, { session });
    await items.insertOne({ _id: 1, email: 'a' }, { session });
    await session.commitTransaction();
    assert.deepEqual(await items.find({ email: 'a' }).toArray(), [{ _id: 1, email: 'a' }]);
  });

  it('makes a write outside of it wait, which then sees what it did', async () => {
    await items.insertOne({ _id: 1, v: 1 });
    session.startTransaction();
    await items.updateOne({ _id: 1 }, { $set: { v: 10 } }, { session });
    let done = false;
    const waiting = items.updateOne({ _id: 1 }, { $inc: { v: 1 } }).then(() => {
      done = true;
    });
    await items.insertOne({ _id: 2 });
    assert.equal(done, false);
    await session.commitTransaction();
    await waiting;
    assert.equal((await items.findOne({ _id: 1 }))?.v, 11);
  });

  it('is aborted by an error of one of its statements', async () => {
    await items.insertOne({ _id: 1 });
    session.startTransaction();
    await items.insertOne({ _id: 2 }, { session });
    await rejectsWithCode(items.insertOne({ _id: 1 }, { session }), 11000);
    const error = await rejectsWithCode(session.commitTransaction(), 251);
    assert.ok(error.hasErrorLabel('TransientTransactionError'));
    assert.equal(await items.countDocuments(), 1);
  });

  it('can be committed twice, as after a lost answer', async () => {
    session.startTransaction();
    await items.insertOne({ _id: 1 }, { session });
    const writeConcernError = { code: 91, errmsg: 'Replication is being shut down' };
    await failCommand(fixture.client, ['commitTransaction'], { writeConcernError });
    await session.commitTransaction();
    assert.equal(await failPoint(fixture.client, 'failCommand', 'off'), 1);
    await session.commitTransaction();
    assert.equal(await items.countDocuments(), 1);
  });

  it('is run again by withTransaction until it succeeds', async () => {
    await items.insertOne({ _id: 1, v: 0 });
    const increments = Array.from({ length: 5 }, async () => {
      await fixture.client.withSession((own) =>
        own.withTransaction(async () => {
          const current = await items.findOne({ _id: 1 }, { session: own });
          await items.updateOne({ _id: 1 }, { $set: { v: Number(current?.v) + 1 } }, { session: own });
        }),
      );
    });
    await Promise.all(increments);
    assert.equal((await items.findOne({ _id: 1 }))?.v, 5);
  });

  it('refuses commands that a transaction cannot contain', async () => {
    session.startTransaction();
    await items.insertOne({ _id: 1 }, { session });
    await assert.rejects(
      fixture.client.db('app').command({ collStats: 'items' }, { session }),
      (error) => error instanceof MongoServerError && error.code === 263,
    );
  });

  it('aborts a transaction whose session ends', async () => {
    session.startTransaction();
    await items.insertOne({ _id: 1 }, { session });
    assert.equal(fixture.server.stats().transactions, 1);
    await session.endSession();
    await until(() => fixture.server.stats().transactions === 0, 'the transaction is gone');
    assert.equal(await items.countDocuments(), 0);
  });

  it('aborts a transaction that stays open too long', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        const collection = client.db('app').collection('items');
        const own = client.startSession();
        own.startTransaction();
        await collection.insertOne({}, { session: own });
        clock.advance(61_000);
        assert.equal(server.stats().transactions, 0);
        await rejectsWithCode(own.commitTransaction(), 251);
        await own.endSession();
      },
      { clock },
    );
  });
});
