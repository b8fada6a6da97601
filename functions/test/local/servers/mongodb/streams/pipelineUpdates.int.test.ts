import assert from 'node:assert/strict';
import type { ChangeStreamDocument, Collection, Document } from 'mongodb';
import { type Fixture, startFixture, take, watch } from '../mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

/** Long enough to make a description of the parts shorter than the whole. */
const filler = '*'.repeat(128);

describe('MongoDB server: events of updates by a pipeline', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture();
    items = fixture.client.db('app').collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  const eventOf = async (before: Document, update: Document | Document[]): Promise<ChangeStreamDocument> => {
    await items.insertOne({ _id: 1, ...before });
    const stream = watch(items, [], { showExpandedEvents: true });
    await stream.tryNext();
    await items.updateOne({ _id: 1 }, update);
    const [event] = await take(stream, 1);
    await stream.close();
    assert.ok(event);
    return event;
  };
  const descriptionOf = async (before: Document, update: Document | Document[]) => {
    const event = await eventOf(before, update);
    assert.ok(event.operationType === 'update', `expected an update, got ${event.operationType}`);
    return event.updateDescription;
  };
  const set = (field: string, value: unknown) => [
    { $replaceWith: { $setField: { field, input: '$$ROOT', value: { $literal: value } } } },
  ];

  it('an update with names that hold a dot stays an update, and says how to read them', async () => {
    assert.deepEqual(await descriptionOf({ filler }, set('new.Field.', 1)), {
      updatedFields: { 'new.Field.': 1 },
      removedFields: [],
      truncatedArrays: [],
      disambiguatedPaths: { 'new.Field.': ['new.Field.'] },
    });
  });

  it('goes down through names with dots, names that look like indexes, and indexes', async () => {
    const inner = (value: unknown) => [[{ '0': [{ '1.2': { 'a.b': value, c: filler } }] }]];
    assert.deepEqual(await descriptionOf({ 'list.of': inner(null) }, set('list.of', inner(true))), {
      updatedFields: { 'list.of.0.0.0.0.1.2.a.b': true },
      removedFields: [],
      truncatedArrays: [],
      disambiguatedPaths: { 'list.of.0.0.0.0.1.2.a.b': ['list.of', 0, 0, '0', 0, '1.2', 'a.b'] },
    });
  });

  it('an update that only moves a field stays an update', async () => {
    const move = [{ $replaceWith: { _id: '$_id', filler: '$filler', b: '$b', a: '$a' } }];
    const { updatedFields, removedFields } = await descriptionOf({ filler, a: 1, b: 2 }, move);
    assert.deepEqual([updatedFields, removedFields], [{ a: 1 }, []]);
    assert.deepEqual(Object.keys((await items.findOne({ _id: 1 })) ?? {}), ['_id', 'filler', 'b', 'a']);
  });

  it('an update whose description is longer than the document is a replacement', async () => {
    const event = await eventOf({ a: 1 }, [{ $set: { a: 2 } }]);
    assert.ok(event.operationType === 'replace');
    assert.deepEqual(event.fullDocument, { _id: 1, a: 2 });
  });

  it('says that an array was cut where that is shorter than the array, and shows the array otherwise', async () => {
    const cut = [{ $set: { list: { $slice: ['$list', 2] } } }];
    const shortened = await descriptionOf({ filler, list: [1, 2, 3] }, cut);
    assert.deepEqual(shortened.truncatedArrays, [{ field: 'list', newSize: 2 }]);
    await items.deleteMany({});
    const emptied = await descriptionOf({ filler, list: [1, 2, 3] }, [{ $set: { list: [] } }]);
    assert.deepEqual([emptied.updatedFields, emptied.truncatedArrays], [{ list: [] }, []]);
  });

  it('says which names of an update by operators are no indexes', async () => {
    const update = { $set: { 'a.0.1': 'x', 'list.0.2': 'y', '5': 'z' } };
    const { disambiguatedPaths } = await descriptionOf({ a: { '0': { '1': 1 } }, list: [[1, 2, 3]] }, update);
    assert.deepEqual(disambiguatedPaths, { 'a.0.1': ['a', '0', '1'] });
  });
});
