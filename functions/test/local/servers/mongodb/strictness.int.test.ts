import assert from 'node:assert/strict';
import {
  type Collection,
  type CollectionInfo,
  type Db,
  type Document,
  MongoClient,
  MongoWriteConcernError,
  Timestamp,
} from 'mongodb';
import { type Fixture, rejectsWithCode, startFixture, withServer } from './mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

describe('MongoDB server: as strict as a real one', () => {
  let fixture: Fixture;
  let db: Db;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture();
    db = fixture.client.db('app');
    items = db.collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  describe('let', () => {
    beforeEach(() =>
      items.insertMany([
        { _id: 1, n: 3 },
        { _id: 2, n: 4 },
      ]),
    );

    it('is evaluated once for a pipeline, a query and its projection, an update and a deletion', async () => {
      const y = { $add: [1, 2] };
      const computed = await items
        .aggregate([{ $match: { _id: 1 } }, { $project: { y: '$$y' } }], { let: { y } })
        .toArray();
      assert.deepEqual(computed, [{ _id: 1, y: 3 }]);
      const filter = { $expr: { $eq: ['$n', '$$y'] } };
      const found = await items
        .find(filter, { let: { y }, projection: { twice: { $multiply: ['$$y', 2] } } })
        .toArray();
      assert.deepEqual(found, [{ _id: 1, twice: 6 }]);
      await items.updateOne(filter, [{ $set: { n: { $add: ['$n', '$$y'] } } }], { let: { y } });
      assert.deepEqual(await items.findOne({ _id: 1 }), { _id: 1, n: 6 });
      const modified = await items.findOneAndUpdate({ _id: 2 }, [{ $set: { n: '$$y' } }], {
        let: { y },
        returnDocument: 'after',
      });
      assert.deepEqual(modified, { _id: 2, n: 3 });
      assert.equal((await items.deleteMany(filter, { let: { y } })).deletedCount, 1);
    });

    it('may name variables before it, but no fields', async () => {
      const pipeline = [{ $match: { _id: 1 } }, { $project: { z: '$$z' } }];
      const variables = { y: 1, z: { $add: ['$$y', 1] } };
      assert.deepEqual(await items.aggregate(pipeline, { let: variables }).toArray(), [{ _id: 1, z: 2 }]);
      await rejectsWithCode(items.find({}, { let: { y: '$n' } }).toArray(), 4890500);
      await rejectsWithCode(items.find({}, { let: { Y: 1 } }).toArray(), 16867);
      await rejectsWithCode(items.updateOne({ _id: 1 }, [{ $set: { n: '$$y' } }]), 17276);
    });
  });

  describe('snapshot sessions', () => {
    const sum = async (collection: Collection<Keyed>, options: object) =>
      (await collection.find({}, options).toArray()).map(({ n }) => n);

    it('read all collections as they were at one time', async () => {
      const others = db.collection<Keyed>('others');
      await items.insertMany([
        { _id: 1, n: 1 },
        { _id: 2, n: 1 },
      ]);
      await others.insertOne({ _id: 1, n: 1 });
      await fixture.client.withSession({ snapshot: true }, async (session) => {
        assert.deepEqual(await sum(items, { session }), [1, 1]);
        await items.updateOne({ _id: 1 }, { $set: { n: 2 } });
        await items.updateOne({ _id: 1 }, { $set: { n: 3 } });
        await items.deleteOne({ _id: 2 });
        await items.insertOne({ _id: 3, n: 9 });
        await others.updateOne({}, { $set: { n: 2 } });
        await db.collection('later').insertOne({});
        assert.deepEqual(await sum(items, { session }), [1, 1]);
        assert.deepEqual(await sum(others, { session }), [1]);
        assert.deepEqual(await items.distinct('n', {}, { session }), [1]);
        assert.deepEqual(await items.aggregate([{ $group: { _id: null, n: { $sum: '$n' } } }], { session }).toArray(), [
          { _id: null, n: 2 },
        ]);
        assert.deepEqual(await db.collection('later').find({}, { session }).toArray(), []);
      });
      assert.deepEqual(await sum(items, { sort: { _id: 1 } }), [3, 9]);
    });

    it('keep a cursor at that time while it is read', async () => {
      await items.insertMany(Array.from({ length: 5 }, (_, n) => ({ _id: n, n })));
      await fixture.client.withSession({ snapshot: true }, async (session) => {
        const cursor = items.find({}, { session, batchSize: 2 });
        await cursor.next();
        await items.deleteMany({});
        assert.equal((await cursor.toArray()).length, 4);
      });
    });

    it('refuse writes, a collection that has gone, and a time to come', async () => {
      await items.insertOne({ _id: 1 });
      await fixture.client.withSession({ snapshot: true }, async (session) => {
        await rejectsWithCode(items.insertOne({ _id: 2 }, { session }), 72);
        await rejectsWithCode(items.updateOne({}, { $set: { a: 1 } }, { session }), 72);
        await sum(items, { session });
        await items.drop();
        await rejectsWithCode(sum(items, { session }), 246);
      });
      const { operationTime } = await db.command({ ping: 1 });
      const readConcern = { level: 'snapshot', atClusterTime: new Timestamp({ t: operationTime.t + 1000, i: 1 }) };
      await rejectsWithCode(db.command({ find: 'items', readConcern }), 72);
    });
  });

  describe('validation', () => {
    it('of filters, updates and hints does not need the collection', async () => {
      const filter = { a: { $unknown: 1 } };
      await rejectsWithCode(items.find(filter).toArray(), 2);
      await rejectsWithCode(items.aggregate([{ $match: filter }]).toArray(), 2);
      await rejectsWithCode(items.countDocuments(filter), 2);
      await rejectsWithCode(items.distinct('a', filter), 2);
      await rejectsWithCode(items.updateOne(filter, { $set: { a: 1 } }), 2);
      await rejectsWithCode(items.updateOne({}, { $unknown: { a: 1 } }), 9);
      await rejectsWithCode(items.findOneAndUpdate({}, { $unknown: { a: 1 } }), 9);
      await rejectsWithCode(items.deleteOne(filter), 2);
      await rejectsWithCode(items.find({}, { hint: 'none' }).toArray(), 2);
      assert.deepEqual(await db.listCollections().toArray(), []);
    });

    it('refuses a hint that names no index, and follows one that does', async () => {
      await items.insertMany([{ _id: 1, a: 1 }, { _id: 2 }]);
      await items.createIndex({ a: 1 }, { name: 'sparse', sparse: true });
      for (const hint of ['none', { b: 1 }]) {
        await rejectsWithCode(items.find({}, { hint }).toArray(), 2);
        await rejectsWithCode(items.aggregate([], { hint }).toArray(), 2);
        await rejectsWithCode(items.updateOne({}, { $set: { a: 1 } }, { hint }), 2);
        await rejectsWithCode(items.deleteOne({}, { hint }), 2);
        await rejectsWithCode(db.command({ findAndModify: 'items', remove: true, hint }), 2);
      }
      const ids = async (hint: string | Document) => (await items.find({}, { hint }).toArray()).map(({ _id }) => _id);
      assert.deepEqual(await ids('sparse'), [1]);
      assert.deepEqual(await ids({ a: 1 }), [1]);
      assert.deepEqual(await ids({ $natural: -1 }), [2, 1]);
    });

    it('refuses operators inside of an _id', async () => {
      const odd = db.collection<Document>('odd');
      await rejectsWithCode(odd.insertOne({ _id: { $a: 1 } } as Document), 52);
      await rejectsWithCode(odd.replaceOne({ x: 1 }, { _id: { $a: 1 } } as Document, { upsert: true }), 52);
    });

    it('refuses options of collMod that it does not know or cannot do', async () => {
      await items.insertOne({ _id: 1 });
      await rejectsWithCode(db.command({ collMod: 'items', validator: { a: 1 } }), 238);
      await rejectsWithCode(db.command({ collMod: 'items', index: { name: 'a_1', hidden: true } }), 238);
      await rejectsWithCode(db.command({ collMod: 'items', unknown: 1 }), 40415);
      await db.command({ collMod: 'items', changeStreamPreAndPostImages: { enabled: true }, comment: 'why' });
    });
  });

  describe('concerns', () => {
    it('a write concern that one member cannot satisfy is an error, and the write is done', async () => {
      const rejects = (promise: Promise<unknown>, code: number) =>
        assert.rejects(promise, (error) => error instanceof MongoWriteConcernError && error.code === code);
      await rejects(items.insertOne({ _id: 1 }, { writeConcern: { w: 10 } }), 100);
      await rejects(
        db.command({ delete: 'items', deletes: [{ q: { _id: 1 }, limit: 1 }], writeConcern: { w: 'nobody' } }),
        79,
      );
      assert.equal(await items.countDocuments(), 0);
      await items.insertOne({ _id: 2 }, { writeConcern: { w: 'majority' } });
      await rejectsWithCode(items.insertOne({ _id: 3 }, { writeConcern: { w: 51 } }), 9);
      await rejectsWithCode(db.command({ find: 'items', writeConcern: { w: 1 } }), 72);
      const session = fixture.client.startSession();
      session.startTransaction({ writeConcern: { w: 10 } });
      await items.insertOne({ _id: 4 }, { session });
      await rejects(session.commitTransaction(), 100);
      await session.endSession();
      assert.equal(await items.countDocuments({ _id: 4 }), 1);
    });

    it('a linearizable read cannot write its result', async () => {
      const options = { readConcern: { level: 'linearizable' as const } };
      await rejectsWithCode(items.aggregate([{ $out: 'copy' }], options).toArray(), 72);
      await rejectsWithCode(items.aggregate([{ $merge: 'copy' }], options).toArray(), 72);
      assert.deepEqual(await items.aggregate([], options).toArray(), []);
      await rejectsWithCode(db.command({ find: 'items', readConcern: { level: 'sometimes' } }), 2);
    });

    it('a client of the Stable API gets what is in it only', async () => {
      const strict = new MongoClient(fixture.server.uri, { serverApi: { version: '1', strict: true } });
      const own = strict.db('app').collection<Keyed>('items');
      await own.insertOne({ _id: 1 });
      assert.equal(await own.countDocuments(), 1);
      await rejectsWithCode(own.distinct('_id'), 323);
      await rejectsWithCode(own.aggregate([{ $indexStats: {} }]).toArray(), 323);
      await strict.close();
      await rejectsWithCode(db.command({ ping: 1, apiVersion: '2' }), 322);
      await rejectsWithCode(db.command({ ping: 1, apiStrict: true }), 4886600);
    });

    it('a standalone server has no other members to wait for', () =>
      withServer(
        async ({ client }) => {
          const alone = client.db('app').collection<Keyed>('items');
          await rejectsWithCode(alone.insertOne({ _id: 1 }, { writeConcern: { w: 2 } }), 2);
        },
        { replicaSet: null },
      ));
  });

  it('a collection keeps its UUID until it is dropped or renamed over', async () => {
    const uuidOf = async (name: string) =>
      (await db.listCollections<CollectionInfo>({ name }).toArray())[0]?.info?.uuid?.toString('hex');
    await items.insertOne({ _id: 1 });
    await db.createCollection('other');
    const [first, other] = [await uuidOf('items'), await uuidOf('other')];
    assert.ok(first && other && first !== other);
    await items.deleteMany({});
    await items.createIndex({ a: 1 });
    await db.command({ collMod: 'items', changeStreamPreAndPostImages: { enabled: true } });
    assert.equal(await uuidOf('items'), first);
    await db.renameCollection('items', 'moved');
    assert.equal(await uuidOf('moved'), first);
    await db.renameCollection('other', 'moved', { dropTarget: true });
    assert.equal(await uuidOf('moved'), other);
    await db.dropCollection('moved');
    await db.createCollection('moved');
    assert.notEqual(await uuidOf('moved'), other);
  });
});
