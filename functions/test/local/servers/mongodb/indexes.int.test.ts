import assert from 'node:assert/strict';
import { type Collection, type Document, MongoServerError, ObjectId } from 'mongodb';
import { type Fixture, rejectsWithCode, startFixture } from './mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

describe('MongoDB server: indexes', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  before(async () => {
    fixture = await startFixture();
  });
  after(() => fixture.close());
  beforeEach(async () => {
    items = fixture.client.db('app').collection<Keyed>('items');
    await items.drop();
  });

  it('creates, lists and drops', async () => {
    assert.equal(await items.createIndex({ a: 1, 'b.c': -1 }), 'a_1_b.c_-1');
    assert.equal(await items.createIndex({ a: 1, 'b.c': -1 }), 'a_1_b.c_-1');
    await items.createIndex({ d: 1 }, { unique: true, name: 'mine' });
    assert.deepEqual(
      (await items.indexes()).map(({ name, unique }) => [name, unique]),
      [
        ['_id_', undefined],
        ['a_1_b.c_-1', undefined],
        ['mine', true],
      ],
    );
    await items.dropIndex('mine');
    await rejectsWithCode(items.dropIndex('mine'), 27);
    await rejectsWithCode(items.dropIndex('_id_'), 72);
    await items.dropIndexes();
    assert.equal((await items.indexes()).length, 1);
    await rejectsWithCode(fixture.client.db('app').collection('none').indexes(), 26);
  });

  it('refuses an index that clashes with another', async () => {
    await items.createIndex({ a: 1 }, { name: 'one' });
    await rejectsWithCode(items.createIndex({ a: 1 }, { name: 'two' }), 85);
    await rejectsWithCode(items.createIndex({ b: 1 }, { name: 'one' }), 86);
    await rejectsWithCode(items.createIndex({ a: 1 }, { name: 'one', unique: true }), 86);
    await rejectsWithCode(items.createIndex({}), 67);
  });

  it('keeps values unique, alone and compound', async () => {
    await items.createIndex({ a: 1, b: 1 }, { unique: true });
    await items.insertMany([
      { _id: 1, a: 1, b: 1 },
      { _id: 2, a: 1, b: 2 },
    ]);
    const error = await rejectsWithCode(items.insertOne({ _id: 3, a: 1, b: 1 }), 11000);
    assert.deepEqual(
      [error.keyPattern, error.keyValue],
      [
        { a: 1, b: 1 },
        { a: 1, b: 1 },
      ],
    );
    await rejectsWithCode(items.updateOne({ _id: 2 }, { $set: { b: 1 } }), 11000);
    await items.updateOne({ _id: 1 }, { $set: { b: 3 } });
    await items.updateOne({ _id: 2 }, { $set: { b: 1 } });
    await items.deleteOne({ _id: 1 });
    await items.insertOne({ _id: 4, a: 1, b: 3 });
    assert.deepEqual(
      (await items.find({ a: 1, b: 3 }).toArray()).map(({ _id }) => _id),
      [4],
    );
  });

  it('counts a missing field as null, unless the index is sparse', async () => {
    await items.createIndex({ a: 1 }, { unique: true });
    await items.insertOne({ _id: 1 });
    await rejectsWithCode(items.insertOne({ _id: 2, a: null }), 11000);
    await items.createIndex({ s: 1 }, { unique: true, sparse: true });
    await items.insertMany([
      { _id: 3, a: 1 },
      { _id: 4, a: 2 },
    ]);
    await items.insertOne({ _id: 5, a: 3, s: 1 });
    await rejectsWithCode(items.insertOne({ _id: 6, a: 4, s: 1 }), 11000);
    assert.equal(
      (await items.find().sort({ s: 1 }).toArray()).length,
      4,
      'a sparse index does not order what it does not hold',
    );
  });

  it('keeps values unique among the documents that a partial index holds', async () => {
    await items.createIndex({ email: 1 }, { unique: true, partialFilterExpression: { active: true } });
    await items.insertMany([
      { _id: 1, email: 'a', active: true },
      { _id: 2, email: 'a', active: false },
      { _id: 3, email: 'a' },
    ]);
    await rejectsWithCode(items.updateOne({ _id: 2 }, { $set: { active: true } }), 11000);
    assert.equal(await items.countDocuments({ email: 'a' }), 3);
  });

  it('refuses to build a unique index over duplicates, and leaves none behind', async () => {
    await items.insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: 1 },
    ]);
    await assert.rejects(
      items.createIndex({ a: 1 }, { unique: true }),
      (error) => error instanceof MongoServerError && error.code === 11000,
    );
    assert.equal((await items.indexes()).length, 1);
    await items.insertOne({ _id: 3, a: 1 });
  });

  it('holds each element of an array, and does not meet a document twice', async () => {
    await items.createIndex({ tags: 1 });
    await items.insertMany([
      { _id: 1, tags: ['a', 'b'] },
      { _id: 2, tags: ['b'] },
      { _id: 3, tags: [] },
    ]);
    assert.deepEqual((await items.find({ tags: { $in: ['a', 'b'] } }).toArray()).map(({ _id }) => _id).sort(), [1, 2]);
    assert.deepEqual(
      (await items.find({ tags: { $gte: 'a', $lt: 'b' } }).toArray()).map(({ _id }) => _id),
      [1],
    );
    await items.updateOne({ _id: 1 }, [{ $set: { tags: ['b'] } }]);
    assert.equal(await items.countDocuments({ tags: 'a' }), 0);
  });

  it('explains which index it uses', async () => {
    await items.createIndex({ a: 1, b: 1 });
    const plan = async (cursor: { explain(): Promise<Document> }) => (await cursor.explain()).queryPlanner.winningPlan;
    assert.equal((await plan(items.find({ a: 1 }).sort({ b: -1 }))).inputStage.indexName, 'a_1_b_1');
    assert.equal((await plan(items.find({ a: 1 }).sort({ c: 1 }))).stage, 'SORT');
    assert.equal((await plan(items.find({ _id: 1 }))).inputStage.indexName, '_id_');
    assert.equal((await plan(items.find({ b: 1 }))).stage, 'COLLSCAN');
    assert.equal((await plan(items.aggregate([{ $match: { a: 1 } }]))).stage, 'FETCH');
  });

  it('gives the same answers with indexes as without', async () => {
    const documents = Array.from({ length: 300 }, (_, n) => ({
      _id: n,
      a: n % 7,
      b: (n * 37) % 11,
      c: n % 3 === 0 ? null : `t${n % 5}`,
      list: [n % 4, n % 6],
      o: ObjectId.createFromTime(n),
    }));
    const plain = fixture.client.db('app').collection<Keyed>('plain');
    await plain.drop();
    await plain.insertMany(documents);
    await items.insertMany(documents);
    for (const key of [{ a: 1, b: -1 }, { b: 1 }, { c: -1 }, { list: 1 }, { o: 1 }, { a: -1, c: 1, b: 1 }] as const)
      await items.createIndex(key);
    const filters: Document[] = [
      { a: 3 },
      { a: 3, b: { $gt: 4 } },
      { a: { $in: [1, 2] }, b: { $gte: 3, $lt: 9 } },
      { b: { $lte: 2 } },
      { b: { $gt: 3, $gte: 5 } },
      { c: 't1' },
      { c: null },
      { c: { $gt: 't1' } },
      { c: { $in: [null, 't2'] } },
      { list: 3 },
      { list: { $gt: 4, $lt: 2 } },
      { o: { $gte: ObjectId.createFromTime(100), $lt: ObjectId.createFromTime(120) } },
      { _id: { $gt: 50, $lte: 60 } },
      { _id: { $in: [5, 9, 1000] }, a: 5 },
      { $and: [{ a: 1 }, { b: 5 }] },
      { $or: [{ a: 1 }, { b: 5 }] },
      { a: { $ne: 3 }, b: 4 },
      { a: { $not: { $gt: 2 } } },
      { a: 'text' },
      { a: 1, c: { $exists: true } },
    ];
    const sorts: Document[] = [
      {},
      { _id: -1 },
      { a: 1, b: -1, _id: 1 },
      { a: -1, b: 1, _id: 1 },
      { c: 1, _id: 1 },
      { b: -1, _id: 1 },
      { list: 1, _id: 1 },
    ];
    for (const filter of filters) {
      for (const sort of sorts) {
        const ids = async (collection: Collection<Keyed>) =>
          (await collection.find(filter).sort(sort).toArray()).map(({ _id }) => _id);
        const [indexed, scanned] = [await ids(items), await ids(plain)];
        const ordered = Object.keys(sort).length > 0;
        assert.deepEqual(
          ordered ? indexed : indexed.sort(),
          ordered ? scanned : scanned.sort(),
          JSON.stringify({ filter, sort }),
        );
      }
    }
  });

  it('builds all indexes of a command or none, and no collection for those that cannot be', async () => {
    const db = fixture.client.db('atomic');
    await db.collection('items').insertMany([{ a: 1 }, { a: 1 }]);
    const indexes = [{ key: { b: 1 } }, { key: { a: 1 }, unique: true }];
    await rejectsWithCode(db.collection('items').createIndexes(indexes), 11000);
    assert.deepEqual(Object.keys(await db.collection('items').indexInformation()), ['_id_']);
    await rejectsWithCode(db.collection('others').createIndex({ a: 'hashed' }), 238);
    assert.deepEqual(
      (await db.listCollections().toArray()).map(({ name }) => name),
      ['items'],
    );
  });
});
