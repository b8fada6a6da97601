import assert from 'node:assert/strict';
import {
  Binary,
  type Collection,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MongoBulkWriteError,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { until } from '../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture } from './mongo.fixture.ts';

describe('MongoDB server: reading and writing', () => {
  let fixture: Fixture;
  let things: Collection<Document>;

  before(async () => {
    fixture = await startFixture();
  });
  after(() => fixture.close());
  beforeEach(async () => {
    things = fixture.client.db('shop').collection('things');
    await things.drop();
  });

  describe('insert', () => {
    it('keeps every BSON type as it came', async () => {
      const document = {
        _id: new ObjectId(),
        int: new Int32(5),
        double: new Double(5),
        long: Long.fromString('9007199254740993'),
        decimal: Decimal128.fromString('1.10'),
        text: 'ä\0ö',
        bytes: new Binary(Buffer.from([1, 2])),
        uuid: new UUID(),
        date: new Date(5),
        time: new Timestamp({ t: 7, i: 3 }),
        pattern: /a.b/i,
        nothing: null,
        list: [1, [2], { three: 3 }],
        yes: true,
      };
      await things.insertOne(document);
      const found = await things.findOne({ _id: document._id }, { promoteValues: false });
      assert.deepEqual(found?.int, new Int32(5));
      assert.deepEqual(found?.double, new Double(5));
      assert.deepEqual(found?.long, document.long);
      const promoted = await things.findOne({ _id: document._id }, { promoteLongs: false });
      assert.deepEqual(promoted, { ...document, int: 5, double: 5 });
    });

    it('makes an _id for documents that come without, and puts it first', async () => {
      await fixture.client.db('shop').command({ insert: 'things', documents: [{ a: 1 }, { b: 2, _id: 7 }] });
      const found = await things.find().toArray();
      assert.ok(found[0]?._id instanceof ObjectId);
      assert.deepEqual(Object.keys(found[1] ?? {}), ['_id', 'b']);
    });

    it('names the key of a duplicate, and goes on when unordered', async () => {
      await things.insertOne({ _id: new ObjectId('000000000000000000000001') });
      const duplicate = { _id: new ObjectId('000000000000000000000001') };
      const single = await rejectsWithCode(things.insertOne(duplicate), 11000);
      assert.deepEqual(single.keyPattern, { _id: 1 });
      assert.deepEqual(single.keyValue, duplicate);
      assert.match(single.message, /E11000 duplicate key error collection: shop.things index: _id_/);
      const many = [{ a: 1 }, duplicate, { a: 2 }];
      await assert.rejects(
        things.insertMany(
          many.map((one) => ({ ...one })),
          { ordered: true },
        ),
        (error) => error instanceof MongoBulkWriteError && error.insertedCount === 1,
      );
      await assert.rejects(
        things.insertMany(many, { ordered: false }),
        (error) => error instanceof MongoBulkWriteError && error.insertedCount === 2,
      );
      assert.equal(await things.countDocuments(), 4);
    });

    it('refuses ids that cannot be one, and documents that are too large', async () => {
      await rejectsWithCode(
        fixture.client
          .db('shop')
          .collection<{ _id: number[] }>('things')
          .insertOne({ _id: [1] }),
        53,
      );
      await assert.rejects(things.insertOne({ text: 'x'.repeat(17 * 1024 * 1024) }));
    });
  });

  describe('write concerns', () => {
    it('writes without an answer when none is wanted', async () => {
      const result = await things.insertOne({ n: 1 }, { writeConcern: { w: 0 } });
      assert.equal(result.acknowledged, false);
      await until(async () => (await things.countDocuments()) === 1, 'the document is there');
      await things.updateOne({ n: 1 }, { $inc: { n: 1 } }, { writeConcern: { w: 'majority' } });
      assert.equal(
        (await things.find({}, { readConcern: 'majority', readPreference: 'secondaryPreferred' }).toArray())[0]?.n,
        2,
      );
    });
  });

  describe('find', () => {
    beforeEach(async () => {
      await things.insertMany(
        Array.from({ length: 20 }, (_, n) => ({ n, even: n % 2 === 0, text: `t${n % 3}`, list: [n, n + 100] })),
      );
    });

    it('sorts, skips, limits and projects', async () => {
      const found = await things
        .find({ even: true }, { sort: { text: -1, n: 1 }, skip: 1, limit: 3, projection: { _id: 0, n: 1, text: 1 } })
        .toArray();
      assert.deepEqual(found, [
        { n: 8, text: 't2' },
        { n: 14, text: 't2' },
        { n: 4, text: 't1' },
      ]);
    });

    it('projects by exclusion and expressions', async () => {
      assert.deepEqual(await things.findOne({ n: 3 }, { projection: { _id: 0, list: 0, even: 0 } }), {
        n: 3,
        text: 't0',
      });
      assert.deepEqual(await things.findOne({ n: 3 }, { projection: { _id: 0, twice: { $multiply: ['$n', 2] } } }), {
        twice: 6,
      });
      await rejectsWithCode(things.findOne({}, { projection: { n: 1, even: 0 } }), 31254);
      await rejectsWithCode(things.findOne({}, { projection: { n: 0, even: 1 } }), 31253);
    });

    it('returns in the order of insertion when no order is asked for', async () => {
      assert.deepEqual(
        (await things.find().toArray()).map(({ n }) => n),
        Array.from({ length: 20 }, (_, n) => n),
      );
      assert.deepEqual(
        (await things.find().sort({ $natural: -1 }).limit(2).toArray()).map(({ n }) => n),
        [19, 18],
      );
    });

    it('counts and lists distinct values', async () => {
      assert.equal(await things.countDocuments({ even: true }), 10);
      assert.equal(await things.estimatedDocumentCount(), 20);
      assert.deepEqual((await things.distinct('text')).sort(), ['t0', 't1', 't2']);
      assert.equal((await things.distinct('list', { n: { $lt: 2 } })).length, 4);
    });

    it('uses let variables in $expr', async () => {
      const reply = await fixture.client
        .db('shop')
        .command({ find: 'things', filter: { $expr: { $eq: ['$n', '$$wanted'] } }, let: { wanted: 4 } });
      assert.equal(reply.cursor.firstBatch.length, 1);
    });

    it('answers nothing for a collection that is not there', async () => {
      assert.deepEqual(await fixture.client.db('shop').collection('none').find().toArray(), []);
      assert.equal(await fixture.client.db('shop').collection('none').countDocuments(), 0);
    });

    it('reports wrong types and collations it does not know', async () => {
      await rejectsWithCode(fixture.client.db('shop').command({ find: 'things', filter: 5 }), 14).catch(
        () => undefined,
      );
      await rejectsWithCode(fixture.client.db('shop').command({ find: 'things', sort: 5 }), 14);
      await rejectsWithCode(fixture.client.db('shop').command({ find: 5 }), 14);
      await rejectsWithCode(things.find({}, { collation: { locale: 'de' } }).toArray(), 238);
      await rejectsWithCode(things.find({ a: { $foo: 1 } }).toArray(), 2);
    });
  });

  describe('update', () => {
    it('counts what it matched, changed and inserted', async () => {
      await things.insertMany([{ a: 1 }, { a: 1 }, { a: 2 }]);
      const many = await things.updateMany({ a: 1 }, { $set: { b: 1 } });
      assert.deepEqual([many.matchedCount, many.modifiedCount], [2, 2]);
      const again = await things.updateMany({ a: 1 }, { $set: { b: 1 } });
      assert.deepEqual([again.matchedCount, again.modifiedCount], [2, 0]);
      const upsert = await things.updateOne(
        { a: 9, 'x.y': 1 },
        { $set: { b: 1 }, $setOnInsert: { c: 1 } },
        { upsert: true },
      );
      assert.equal(upsert.upsertedCount, 1);
      assert.deepEqual(await things.findOne({ _id: upsert.upsertedId ?? new ObjectId() }, { projection: { _id: 0 } }), {
        a: 9,
        x: { y: 1 },
        b: 1,
        c: 1,
      });
    });

    it('replaces, and never changes an _id', async () => {
      const { insertedId } = await things.insertOne({ a: 1, b: 1 });
      await things.replaceOne({ _id: insertedId }, { c: 1 });
      assert.deepEqual(await things.findOne(), { _id: insertedId, c: 1 });
      await rejectsWithCode(things.replaceOne({ _id: insertedId }, { _id: new ObjectId() }), 66);
      await rejectsWithCode(things.updateOne({ _id: insertedId }, { $set: { _id: 5 } }), 66);
      await rejectsWithCode(things.updateOne({ _id: insertedId }, [{ $set: { _id: 5 } }]), 66);
    });

    it('updates by a pipeline', async () => {
      await things.insertOne({ a: 1, list: [1, 2, 3] });
      await things.updateOne({}, [{ $set: { sum: { $sum: '$list' }, 'deep.er': '$a' } }, { $unset: ['list'] }]);
      assert.deepEqual(await things.findOne({}, { projection: { _id: 0 } }), { a: 1, sum: 6, deep: { er: 1 } });
    });

    it('finds and modifies', async () => {
      await things.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
      const before = await things.findOneAndUpdate(
        {},
        { $inc: { n: 10 } },
        { sort: { n: -1 }, projection: { _id: 0 } },
      );
      assert.deepEqual(before, { n: 3 });
      const after = await things.findOneAndUpdate({ n: 13 }, { $inc: { n: 1 } }, { returnDocument: 'after' });
      assert.equal(after?.n, 14);
      assert.equal(await things.findOneAndUpdate({ n: 99 }, { $inc: { n: 1 } }), null);
      const upserted = await things.findOneAndReplace({ n: 99 }, { m: 1 }, { upsert: true, returnDocument: 'after' });
      assert.equal(upserted?.m, 1);
      const deleted = await things.findOneAndDelete({ n: 1 }, { includeResultMetadata: true });
      assert.deepEqual([deleted.value?.n, deleted.lastErrorObject?.n], [1, 1]);
    });
  });

  describe('delete', () => {
    it('deletes one or many', async () => {
      await things.insertMany([{ a: 1 }, { a: 1 }, { a: 1 }, { b: 1 }]);
      assert.equal((await things.deleteOne({ a: 1 })).deletedCount, 1);
      assert.equal((await things.deleteMany({ a: 1 })).deletedCount, 2);
      assert.equal(await things.countDocuments(), 1);
    });
  });

  describe('bulk writes', () => {
    it('runs mixed statements of one collection', async () => {
      const result = await things.bulkWrite([
        { insertOne: { document: { n: 1 } } },
        { updateOne: { filter: { n: 1 }, update: { $inc: { n: 1 } } } },
        { updateOne: { filter: { n: 50 }, update: { $set: { m: 1 } }, upsert: true } },
        { replaceOne: { filter: { n: 2 }, replacement: { n: 3 } } },
        { deleteOne: { filter: { n: 50 } } },
      ]);
      assert.deepEqual(
        [result.insertedCount, result.matchedCount, result.modifiedCount, result.upsertedCount, result.deletedCount],
        [1, 2, 2, 1, 1],
      );
      assert.deepEqual(
        (await things.find().toArray()).map(({ n }) => n),
        [3],
      );
    });

    it('takes batches of a hundred thousand', async () => {
      const result = await things.insertMany(Array.from({ length: 100_000 }, (_, n) => ({ n })));
      assert.equal(result.insertedCount, 100_000);
      assert.equal(await things.countDocuments(), 100_000);
    });
  });

  describe('collections and databases', () => {
    it('creates, lists, renames and drops', async () => {
      const db = fixture.client.db('catalog');
      await db.createCollection('one', { changeStreamPreAndPostImages: { enabled: true } });
      await rejectsWithCode(db.createCollection('one'), 48);
      await db.collection('two').insertOne({});
      const listed = await db.listCollections().toArray();
      assert.deepEqual(listed.map(({ name }) => name).sort(), ['one', 'two']);
      assert.deepEqual((await db.listCollections({ name: 'one' }, { nameOnly: false }).toArray())[0]?.options, {
        changeStreamPreAndPostImages: { enabled: true },
      });
      await rejectsWithCode(db.renameCollection('one', 'two'), 48);
      await rejectsWithCode(db.renameCollection('nine', 'ten'), 26);
      await db.renameCollection('one', 'two', { dropTarget: true });
      assert.equal(await db.collection('two').countDocuments(), 0);
      const databases = await fixture.client.db().admin().listDatabases();
      assert.ok(databases.databases.some(({ name }) => name === 'catalog'));
      await db.dropDatabase();
      assert.deepEqual(await db.listCollections().toArray(), []);
      await rejectsWithCode(db.command({ collMod: 'none' }), 26);
      await rejectsWithCode(db.createCollection('a$b'), 73);
      await rejectsWithCode(db.createCollection('checked', { validator: { a: 1 } }), 238);
      await rejectsWithCode(db.createCollection('small', { capped: true, size: 100 }), 238);
    });
  });
});
