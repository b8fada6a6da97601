import assert from 'node:assert/strict';
import type { Collection, Db, Document } from 'mongodb';
import { eventsUntilMarker, type Fixture, startFixture, watch } from '../mongo.fixture.ts';

// https://www.mongodb.com/docs/manual/reference/change-events/ (those with showExpandedEvents)
describe('MongoDB server: events of collections and indexes', () => {
  let fixture: Fixture;
  let db: Db;
  let items: Collection;

  beforeEach(async () => {
    fixture = await startFixture();
    db = fixture.client.db('app');
    items = db.collection('items');
  });
  afterEach(() => fixture.close());

  /** What a stream on the database says of `change`. */
  async function eventsOf(change: () => Promise<unknown>, showExpandedEvents = true): Promise<Document[]> {
    const stream = watch(db, [], { showExpandedEvents });
    await stream.tryNext();
    await change();
    const events = await eventsUntilMarker(stream, () => db.collection('marker').insertOne({ marker: true }));
    await stream.close();
    return events.filter(({ ns }: Document) => ns.coll !== 'marker');
  }
  const indexNames = (events: readonly Document[]) =>
    events.map(({ operationType, operationDescription }) => [
      operationType,
      operationDescription.indexes?.map(({ name }: Document) => name),
    ]);
  const idIndex = { v: 2, key: { _id: 1 }, name: '_id_' };

  it('tells the creation of a collection with its options', async () => {
    const options = { changeStreamPreAndPostImages: { enabled: true } };
    const [created, ...more] = await eventsOf(() => db.createCollection('items', options));
    assert.deepEqual([created?.operationType, created?.operationDescription], ['create', { ...options, idIndex }]);
    assert.ok(created?.collectionUUID);
    assert.equal(more.length, 0);
  });

  it('tells of indexes one by one where a collection is empty, and of one build where it is not', async () => {
    await db.createCollection('items');
    const indexes = [{ key: { a: 1 } }, { key: { b: 1 }, unique: true }] as const;
    const made = await eventsOf(() => items.createIndexes([...indexes]));
    assert.deepEqual(indexNames(made), [
      ['createIndexes', ['a_1']],
      ['createIndexes', ['b_1']],
    ]);
    assert.deepEqual(made[1]?.operationDescription.indexes, [{ v: 2, key: { b: 1 }, name: 'b_1', unique: true }]);
    await items.insertOne({});
    const built = await eventsOf(() => items.createIndexes([{ key: { c: 1 } }, { key: { d: 1 } }]));
    assert.deepEqual(indexNames(built), [['createIndexes', ['c_1', 'd_1']]]);
    assert.deepEqual(indexNames(await eventsOf(() => items.createIndex({ a: 1 }))), []);
    const dropped = await eventsOf(() => items.dropIndexes());
    assert.deepEqual(
      indexNames(dropped),
      ['a_1', 'b_1', 'c_1', 'd_1'].map((name) => ['dropIndexes', [name]]),
    );
  });

  it('tells of a modification what it changed, and how it was before', async () => {
    const before = { changeStreamPreAndPostImages: { enabled: true } };
    const after = { changeStreamPreAndPostImages: { enabled: false } };
    await db.createCollection('items', before);
    const [event] = await eventsOf(() => db.command({ collMod: 'items', ...after }));
    assert.deepEqual([event?.operationType, event?.operationDescription], ['modify', after]);
    const collectionOptions = { uuid: event?.collectionUUID, ...before };
    assert.deepEqual(event?.stateBeforeChange, { collectionOptions });
  });

  it('tells nothing of this to who does not ask for it', async () => {
    const events = await eventsOf(async () => {
      await db.createCollection('items');
      await items.createIndex({ a: 1 });
      await items.dropIndexes();
    }, false);
    assert.deepEqual(events, []);
  });
});
