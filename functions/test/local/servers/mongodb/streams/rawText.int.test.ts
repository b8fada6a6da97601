import assert from 'node:assert/strict';
import type { BSON, Collection, Document } from 'mongodb';
import { type Fixture, startFixture, watch } from '../mongo.fixture.ts';
import { insertRaw } from './rawInsert.ts';

interface Keyed extends Document {
  _id: number;
}

/** `a`, a byte that begins no character of UTF-8, `z`. */
const notUtf8 = Buffer.from([0x61, 0xff, 0x7a]);
/** What a lax reader makes of it. */
const replaced = 'a\ufffdz';

describe('MongoDB server: text that is not UTF-8', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture();
    items = fixture.client.db('app').collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  const insert = (document: BSON.Document) => insertRaw(fixture.server, 'app', 'items', document, '@@@', notUtf8);
  /** Whether the first document of a pipeline comes with those very bytes. */
  const hasBytes = async (pipeline: Document[]) => {
    const cursor = items.aggregate(pipeline, { raw: true });
    const first: unknown = await cursor.next();
    await cursor.close();
    assert.ok(first instanceof Uint8Array);
    return Buffer.from(first).includes(notUtf8);
  };

  it('is stored and streamed by its bytes; whether that is an error is the business of the driver', async () => {
    const strict = watch(items);
    const lax = watch(items, [], { enableUtf8Validation: false });
    await strict.tryNext();
    await lax.tryNext();
    const { operationTime } = await fixture.client.db('admin').command({ ping: 1 });
    await insert({ _id: 1, deep: { name: '@@@' } });
    assert.equal(await hasBytes([{ $match: { _id: 1 } }]), true);
    assert.equal(await hasBytes([{ $project: { name: '$deep.name' } }]), true);
    const stream = { $changeStream: { startAtOperationTime: operationTime } };
    assert.equal(await hasBytes([stream]), true);
    assert.equal(await hasBytes([stream, { $project: { 'fullDocument.deep.name': 1 } }]), true);
    const event = await lax.next();
    assert.ok(event.operationType === 'insert');
    assert.equal(event.fullDocument.deep.name, replaced);
    await assert.rejects(strict.next(), /UTF-8/);
    await lax.close();
    await strict.close();
  });

  it('keeps its bytes when another field is updated, and is a string to queries', async () => {
    await insert({ _id: 1, name: '@@@' });
    await insert({ _id: 2, name: 'b' });
    const { modifiedCount } = await items.updateOne({ name: { $type: 'string', $lt: 'b' } }, { $set: { n: 1 } });
    assert.equal(modifiedCount, 1);
    assert.equal(await hasBytes([{ $match: { n: 1 } }]), true);
    const sorted = await items.find({}, { sort: { name: -1 }, projection: { _id: 1 } }).toArray();
    assert.deepEqual(sorted, [{ _id: 2 }, { _id: 1 }]);
  });
});
