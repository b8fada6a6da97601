import assert from 'node:assert/strict';
import { type Document, Double, Int32, Long, ObjectId, Timestamp } from 'bson';
import { decode, encode } from '../../../../../local/servers/mongodb/bson/codec.ts';
import { CommandError } from '../../../../../local/servers/mongodb/errors.ts';
import { createEvaluation } from '../../../../../local/servers/mongodb/expression/scope.ts';
import { compileUpdate, type UpdateOutcome } from '../../../../../local/servers/mongodb/update/compile.ts';

const evaluation = createEvaluation({ now: 0, random: () => 0.5 });

interface Options {
  readonly arrayFilters?: Document[];
  readonly arrayIndex?: number;
  readonly inserting?: boolean;
}

function apply(before: Document, update: Document | Document[], options: Options = {}): UpdateOutcome {
  const wrapped = decode(encode({ update, filters: options.arrayFilters ?? [] }));
  const filters = Array.isArray(wrapped.filters) ? wrapped.filters : [];
  return compileUpdate(wrapped.update, filters, evaluation).apply(decode(encode(before)), {
    arrayIndex: options.arrayIndex,
    inserting: options.inserting ?? false,
    now: 1000,
    clusterTime: new Timestamp({ t: 1, i: 1 }),
  });
}

/** The document afterwards, with numbers as JavaScript has them. */
function plain(outcome: UpdateOutcome): unknown {
  return outcome.kind === 'unchanged' ? 'unchanged' : JSON.parse(JSON.stringify(outcome.after));
}

function described(outcome: UpdateOutcome): unknown {
  if (outcome.kind !== 'update') return outcome.kind;
  const { disambiguatedPaths: _, ...description } = outcome.description;
  return JSON.parse(JSON.stringify(description));
}

const touched = (updatedFields: object, removedFields: string[] = [], truncatedArrays: object[] = []) => ({
  updatedFields,
  removedFields,
  truncatedArrays,
});

const cases: [
  name: string,
  before: Document,
  update: Document | Document[],
  after: unknown,
  description: unknown,
  options?: Options,
][] = [
  [
    '$set of a nested field',
    { a: { b: 1, c: 2 } },
    { $set: { 'a.b': 5 } },
    { a: { b: 5, c: 2 } },
    touched({ 'a.b': 5 }),
  ],
  [
    '$set through fields that are missing',
    { x: 1 },
    { $set: { 'a.b.c': 1 } },
    { x: 1, a: { b: { c: 1 } } },
    touched({ a: { b: { c: 1 } } }),
  ],
  [
    'two new fields below the same new one',
    {},
    { $set: { 'a.b': 1, 'a.c': 2 } },
    { a: { b: 1, c: 2 } },
    touched({ a: { b: 1, c: 2 } }),
  ],
  ['$set of what is there', { a: 1 }, { $set: { a: 1 } }, 'unchanged', 'unchanged'],
  ['new fields in the order of their names', {}, { $set: { b: 1, a: 2 } }, { a: 2, b: 1 }, touched({ a: 2, b: 1 })],
  ['$set of an element', { a: [1, 2] }, { $set: { 'a.1': 5 } }, { a: [1, 5] }, touched({ 'a.1': 5 })],
  [
    '$set behind the end of an array',
    { a: [1] },
    { $set: { 'a.3': 5 } },
    { a: [1, null, null, 5] },
    touched({ 'a.3': 5 }),
  ],
  ['$unset', { a: 1, b: { c: 1 } }, { $unset: { a: '', 'b.c': '', x: '' } }, { b: {} }, touched({}, ['a', 'b.c'])],
  ['$unset of an element', { a: [1, 2] }, { $unset: { 'a.0': '' } }, { a: [null, 2] }, touched({ 'a.0': null })],
  [
    '$inc and $mul',
    { a: 1, b: 3 },
    { $inc: { a: 2, n: 5 }, $mul: { b: 2, z: 5 } },
    { a: 3, b: 6, n: 5, z: 0 },
    touched({ a: 3, b: 6, n: 5, z: 0 }),
  ],
  [
    '$min and $max',
    { a: 5, b: 5 },
    { $min: { a: 3 }, $max: { b: 3, c: 1 } },
    { a: 3, b: 5, c: 1 },
    touched({ a: 3, c: 1 }),
  ],
  ['$rename', { a: 1, b: 2 }, { $rename: { a: 'c.d' } }, { b: 2, c: { d: 1 } }, touched({ c: { d: 1 } }, ['a'])],
  [
    '$currentDate',
    {},
    { $currentDate: { at: true } },
    { at: '1970-01-01T00:00:01.000Z' },
    touched({ at: '1970-01-01T00:00:01.000Z' }),
  ],
  ['$setOnInsert of an update', { a: 1 }, { $setOnInsert: { b: 1 } }, 'unchanged', 'unchanged'],
  ['$setOnInsert of an insert', {}, { $setOnInsert: { b: 1 } }, { b: 1 }, touched({ b: 1 }), { inserting: true }],
  ['$push onto an array', { a: [1] }, { $push: { a: 2 } }, { a: [1, 2] }, touched({ 'a.1': 2 })],
  ['$push onto nothing', {}, { $push: { a: 2 } }, { a: [2] }, touched({ a: [2] })],
  [
    '$push of several',
    { a: [1] },
    { $push: { a: { $each: [2, 3] } } },
    { a: [1, 2, 3] },
    touched({ 'a.1': 2, 'a.2': 3 }),
  ],
  [
    '$push with position',
    { a: [1, 4] },
    { $push: { a: { $each: [2, 3], $position: 1 } } },
    { a: [1, 2, 3, 4] },
    touched({ a: [1, 2, 3, 4] }),
  ],
  [
    '$push with sort and slice',
    { a: [{ n: 3 }] },
    { $push: { a: { $each: [{ n: 1 }, { n: 2 }], $sort: { n: -1 }, $slice: 2 } } },
    { a: [{ n: 3 }, { n: 2 }] },
    touched({ a: [{ n: 3 }, { n: 2 }] }),
  ],
  [
    '$addToSet',
    { a: [1, { x: 1 }] },
    { $addToSet: { a: { $each: [1, 2, { x: 1 }, 2] } } },
    { a: [1, { x: 1 }, 2] },
    touched({ a: [1, { x: 1 }, 2] }),
  ],
  ['$addToSet of what is there', { a: [1] }, { $addToSet: { a: 1 } }, 'unchanged', 'unchanged'],
  [
    '$pop',
    { a: [1, 2, 3], b: [1, 2] },
    { $pop: { a: 1, b: -1 } },
    { a: [1, 2], b: [2] },
    touched({ a: [1, 2], b: [2] }),
  ],
  ['$pull of values', { a: [1, 5, 9] }, { $pull: { a: { $gt: 4 } } }, { a: [1] }, touched({ a: [1] })],
  [
    '$pull of documents',
    { a: [{ x: 1, y: 1 }, { x: 2 }] },
    { $pull: { a: { x: 1 } } },
    { a: [{ x: 2 }] },
    touched({ a: [{ x: 2 }] }),
  ],
  ['$pull of nothing', { a: [1] }, { $pull: { a: 7 } }, 'unchanged', 'unchanged'],
  ['$pullAll', { a: [1, 2, 1] }, { $pullAll: { a: [1] } }, { a: [2] }, touched({ a: [2] })],
  [
    'the positional operator',
    { a: [{ n: 1 }, { n: 2 }] },
    { $set: { 'a.$.n': 9 } },
    { a: [{ n: 1 }, { n: 9 }] },
    touched({ 'a.1.n': 9 }),
    { arrayIndex: 1 },
  ],
  ['all elements', { a: [1, 2] }, { $inc: { 'a.$[]': 1 } }, { a: [2, 3] }, touched({ 'a.0': 2, 'a.1': 3 })],
  [
    'filtered elements',
    {
      a: [
        { n: 1, m: [1, 9] },
        { n: 5, m: [1, 9] },
      ],
    },
    { $set: { 'a.$[big].m.$[low]': 0 } },
    {
      a: [
        { n: 1, m: [1, 9] },
        { n: 5, m: [0, 9] },
      ],
    },
    touched({ 'a.1.m.0': 0 }),
    { arrayFilters: [{ 'big.n': { $gt: 3 } }, { low: { $lt: 5 } }] },
  ],
  [
    'a pipeline, with a small subdocument as a whole',
    { a: { x: 1, y: 2 }, b: 1, t: 'long enough to make a whole copy the longer way' },
    [{ $set: { 'a.x': 5, c: 'new' } }, { $unset: 'b' }],
    { a: { x: 5, y: 2 }, t: 'long enough to make a whole copy the longer way', c: 'new' },
    touched({ a: { x: 5, y: 2 }, c: 'new' }, ['b']),
  ],
  [
    'a pipeline that shortens an array',
    {
      list: ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'c'],
    },
    [{ $set: { list: { $slice: ['$list', 2] } } }],
    { list: ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'] },
    touched({}, [], [{ field: 'list', newSize: 2 }]),
  ],
  ['a pipeline that changes nothing', { a: 1 }, [{ $set: { a: 1 } }], 'unchanged', 'unchanged'],
  ['a replacement', { _id: 1, a: 1 }, { b: 1 }, { _id: 1, b: 1 }, 'replace'],
  ['a replacement by the same', { _id: 1, a: 1 }, { a: 1 }, 'unchanged', 'unchanged'],
];

describe('updates', () => {
  for (const [name, before, update, after, description, options] of cases) {
    it(name, () => {
      const outcome = apply(before, update, options);
      assert.deepEqual(plain(outcome), after);
      assert.deepEqual(described(outcome), description);
      if (typeof after === 'object')
        assert.equal(JSON.stringify(plain(outcome)), JSON.stringify(after), 'order of fields');
    });
  }

  it('goes down into a large subdocument for the smallest difference', () => {
    const filler = 'x'.repeat(100);
    const outcome = apply({ a: { big: filler, n: 1 } }, [{ $set: { 'a.n': 2 } }]);
    assert.deepEqual(described(outcome), touched({ 'a.n': 2 }));
  });

  it('keeps the types of numbers as MongoDB does', () => {
    const type = (before: unknown, by: unknown) => {
      const outcome = apply({ n: before }, { $inc: { n: by } });
      return outcome.kind === 'update' ? outcome.after.n : outcome.kind;
    };
    assert.deepEqual(type(new Int32(1), new Int32(2)), new Int32(3));
    assert.deepEqual(type(new Int32(2 ** 31 - 1), new Int32(1)), Long.fromNumber(2 ** 31));
    assert.deepEqual(type(new Double(1), new Int32(2)), new Double(3));
    assert.deepEqual(type(Long.fromNumber(1), new Int32(2)), Long.fromNumber(3));
  });

  it('does not take 5 for the same as 5.0 when it sets it', () => {
    assert.equal(apply({ n: new Int32(5) }, { $set: { n: new Double(5) } }).kind, 'update');
  });

  const refused: [string, Document, Document | Document[], number, Options?][] = [
    ['an unknown operator', {}, { $frob: { a: 1 } }, 9],
    ['operators and fields together', {}, { $set: { a: 1 }, b: 1 }, 9],
    ['two changes of one path', {}, { $set: { a: 1 }, $inc: { a: 1 } }, 40],
    ['a change above another', {}, { $set: { a: 1, 'a.b': 1 } }, 40],
    ['a changed _id', { _id: 1 }, { $set: { _id: 2 } }, 66],
    ['a removed _id', { _id: 1 }, { $unset: { _id: '' } }, 66],
    ['a field below a scalar', { a: 1 }, { $set: { 'a.b': 1 } }, 28],
    ['a name in an array', { a: [1] }, { $set: { 'a.b': 1 } }, 28],
    ['$inc by text', { a: 1 }, { $inc: { a: 'x' } }, 14],
    ['$inc of text', { a: 'x' }, { $inc: { a: 1 } }, 14],
    ['$inc beyond 64 bits', { a: Long.MAX_VALUE }, { $inc: { a: Long.fromNumber(1) } }, 2],
    ['$push onto a scalar', { a: 1 }, { $push: { a: 1 } }, 2],
    ['an array filter that is missing', { a: [1] }, { $set: { 'a.$[x]': 1 } }, 2],
    ['an array filter that is not used', { a: [1] }, { $set: { b: 1 } }, 9, { arrayFilters: [{ x: 1 }] }],
    ['$ without a match', { a: [1] }, { $set: { 'a.$': 1 } }, 2],
    ['a pipeline with a stage for many documents', {}, [{ $group: { _id: 1 } }], 72],
    ['a replacement with operators', {}, { a: 1, $set: { b: 1 } }, 52],
  ];
  for (const [name, before, update, code, options] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => apply(before, update, options),
        (error) => error instanceof CommandError && error.code === code,
      );
    });
  }

  it('leaves the document that it was given as it is', () => {
    const before = decode(encode({ _id: new ObjectId(), a: { b: [1] } }));
    const bytes = Buffer.from(encode(before));
    compileUpdate({ $push: { 'a.b': new Int32(2) } }, [], evaluation).apply(before, {
      inserting: false,
      now: 0,
      clusterTime: new Timestamp({ t: 1, i: 1 }),
    });
    assert.deepEqual(Buffer.from(encode(before)), bytes);
  });
});
