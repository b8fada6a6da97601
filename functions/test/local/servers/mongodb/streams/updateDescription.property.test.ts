import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Document } from 'mongodb';
import { equalValues } from '../../../../../local/servers/mongodb/bson/orderKey.ts';
import { type Fixture, startFixture, take, watch } from '../mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

const names = ['a', 'b', 'c', 'd'];
const name = fc.constantFrom(...names);
const path = fc
  .array(fc.oneof({ arbitrary: name, weight: 4 }, { arbitrary: fc.constantFrom('0', '1', '2'), weight: 1 }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => [names.includes(parts[0] ?? '') ? parts[0] : 'a', ...parts.slice(1)].join('.'));
const scalar = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom('x', 'y', 'longer text to make a difference'),
  fc.boolean(),
  fc.constant(null),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const document = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
const values = fc.array(value, { maxLength: 3 });

const update: fc.Arbitrary<Document | Document[]> = fc.oneof(
  fc.tuple(path, value).map(([p, v]) => ({ $set: { [p]: v } })),
  fc.tuple(path, value, name).map(([p, v, n]) => ({ $set: { [p]: v }, $unset: { [n]: '' } })),
  path.map((p) => ({ $unset: { [p]: '' } })),
  path.map((p) => ({ $inc: { [p]: 1 } })),
  fc.tuple(path, value).map(([p, v]) => ({ $push: { [p]: v } })),
  fc
    .tuple(path, values, fc.integer({ min: -3, max: 3 }))
    .map(([p, $each, $slice]) => ({ $push: { [p]: { $each, $slice } } })),
  fc.tuple(path, values).map(([p, $each]) => ({ $addToSet: { [p]: { $each } } })),
  fc.tuple(path, fc.constantFrom(1, -1)).map(([p, end]) => ({ $pop: { [p]: end } })),
  fc.tuple(path, scalar).map(([p, v]) => ({ $pull: { [p]: v } })),
  fc.tuple(name, name).map(([from, to]) => ({ $rename: { [from]: to } })),
  path.map((p) => ({ $set: { [`${p}.$[]`]: 7 } })),
  document.map((d) => [{ $replaceWith: { $mergeObjects: [{ _id: '$_id' }, { $literal: d }] } }]),
  fc.tuple(name, value).map(([n, v]) => [{ $set: { [n]: { $literal: v } } }]),
  fc
    .tuple(name, fc.integer({ min: 0, max: 2 }))
    .map(([n, size]) => [{ $set: { [n]: { $cond: [{ $isArray: `$${n}` }, { $slice: [`$${n}`, size] }, `$${n}`] } } }]),
  name.map((n) => [{ $unset: n }]),
);

/** Applies a change event's description to a document, as somebody who keeps a copy would. */
function follow(before: Document, description: Document): Document {
  const copy: Document = structuredClone(before);
  const container = (parts: string[]): Document =>
    parts.slice(0, -1).reduce((inner: Document, part) => inner[part], copy);
  for (const { field, newSize } of description.truncatedArrays) {
    const parts = field.split('.');
    container(parts)[parts.at(-1) ?? ''].length = newSize;
  }
  for (const field of description.removedFields) {
    const parts = field.split('.');
    delete container(parts)[parts.at(-1) ?? ''];
  }
  for (const [field, content] of Object.entries(description.updatedFields)) {
    const parts = field.split('.');
    const inside = container(parts);
    const last = parts.at(-1) ?? '';
    if (Array.isArray(inside)) while (inside.length < Number(last)) inside.push(null);
    Object.assign(inside, { [last]: content });
  }
  return copy;
}

/** The same content, whatever the order of the fields. */
function sorted(content: unknown): unknown {
  if (Array.isArray(content)) return content.map(sorted);
  if (typeof content !== 'object' || content === null || content.constructor !== Object) return content;
  return Object.fromEntries(
    Object.entries(content)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

describe('MongoDB server: descriptions of updates', () => {
  let fixture: Fixture;

  before(async () => {
    fixture = await startFixture();
  });
  after(() => fixture.close());

  it('lead from any document to the next, through any sequence of updates', async () => {
    const items = fixture.client.db('app').collection<Keyed>('items');
    let nextId = 0;
    await fc.assert(
      fc.asyncProperty(document, fc.array(update, { minLength: 1, maxLength: 12 }), async (start, updates) => {
        nextId += 1;
        const _id = nextId;
        const stream = watch(items, [{ $match: { 'documentKey._id': _id } }]);
        await stream.tryNext();
        await items.insertOne({ ...start, _id });
        const states: Document[] = [{ ...start, _id }];
        for (const one of updates) {
          // An update that does not fit the document is refused by the server, which is as good.
          const result = await items.updateOne({ _id }, one).catch(() => ({ modifiedCount: 0 }));
          const state = await items.findOne({ _id });
          if (result.modifiedCount === 1 && state) states.push(state);
          else assert.deepEqual(state, states.at(-1));
        }
        const events = await take(stream, states.length);
        let copy: Document = {};
        for (const [index, event] of events.entries()) {
          if (event.operationType === 'update') copy = follow(copy, event.updateDescription);
          else if ('fullDocument' in event) copy = event.fullDocument ?? {};
          assert.deepEqual(sorted(copy), sorted(states[index]));
          assert.ok(equalValues(sorted(copy), sorted(states[index])));
        }
        await stream.close();
      }),
      { numRuns: 60 },
    );
  });
});
