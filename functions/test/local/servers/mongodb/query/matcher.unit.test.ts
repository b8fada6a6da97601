import assert from 'node:assert/strict';
import {
  Binary,
  BSONRegExp,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import { decode, encode } from '../../../../../local/servers/mongodb/bson/codec.ts';
import { CommandError } from '../../../../../local/servers/mongodb/errors.ts';
import { createEvaluation } from '../../../../../local/servers/mongodb/expression/scope.ts';
import { compileFilter, type MatchTrace } from '../../../../../local/servers/mongodb/query/matcher.ts';

const evaluation = createEvaluation({ now: 0, random: () => 0.5 });

/** Matches after a way through BSON, as documents of a collection are matched. */
function matches(filter: Document, document: Document, trace: MatchTrace = {}): boolean {
  return compileFilter(decode(encode(filter)), evaluation)(decode(encode(document)), trace);
}

const id = new ObjectId();
const uuid = new UUID();

const cases: [name: string, filter: Document, matching: Document[], notMatching: Document[]][] = [
  [
    'equality across number types',
    { n: 5 },
    [{ n: 5 }, { n: new Double(5) }, { n: Long.fromNumber(5) }, { n: Decimal128.fromString('5.0') }],
    [{ n: 6 }, { n: '5' }, {}],
  ],
  [
    'equality with ids',
    { id },
    [{ id: new ObjectId(id.toHexString()) }],
    [{ id: id.toHexString() }, { id: new ObjectId() }],
  ],
  [
    'equality with UUIDs',
    { id: uuid },
    [{ id: new UUID(uuid.toString()) }],
    [{ id: new Binary(uuid.value()) }, { id: uuid.toString() }],
  ],
  ['equality with dates', { at: new Date(5) }, [{ at: new Date(5) }], [{ at: 5 }, { at: new Date(6) }]],
  ['null is also missing', { a: null }, [{ a: null }, {}], [{ a: 0 }, { a: [] }]],
  [
    'null inside of an array of documents',
    { 'a.b': null },
    [{ a: [{ b: 1 }, {}] }, { a: 1 }],
    [{ a: [{ b: 1 }] }, { a: [1] }],
  ],
  [
    'documents with their order of fields',
    { a: { x: 1, y: 2 } },
    [{ a: { x: 1, y: 2 } }],
    [{ a: { y: 2, x: 1 } }, { a: { x: 1 } }],
  ],
  ['an element of an array', { a: 1 }, [{ a: [1, 2] }, { a: 1 }], [{ a: [[1]] }, { a: [2] }]],
  ['a whole array', { a: [1, 2] }, [{ a: [1, 2] }, { a: [[1, 2], 3] }], [{ a: [2, 1] }]],
  [
    'paths through arrays',
    { 'a.b': 2 },
    [{ a: [{ b: 1 }, { b: 2 }] }, { a: { b: [1, 2] } }],
    [{ a: [{ b: 1 }] }, { a: [[{ b: 2 }]] }],
  ],
  ['paths by index', { 'a.1': 2 }, [{ a: [1, 2] }, { a: { 1: 2 } }], [{ a: [2, 1] }]],
  ['paths by index and name', { 'a.0.b': 1 }, [{ a: [{ b: 1 }] }], [{ a: [{ b: 2 }, { b: 1 }] }]],
  ['$ne', { a: { $ne: 1 } }, [{ a: 2 }, {}, { a: [2] }], [{ a: 1 }, { a: [1, 2] }]],
  ['$in', { a: { $in: [1, 'x', null] } }, [{ a: 1 }, { a: ['x'] }, {}], [{ a: 2 }]],
  ['$in with a pattern', { a: { $in: [new BSONRegExp('^x', 'i')] } }, [{ a: 'Xyz' }], [{ a: 'yx' }]],
  ['$nin', { a: { $nin: [1, 2] } }, [{ a: 3 }, {}], [{ a: 1 }, { a: [3, 2] }]],
  [
    '$gt keeps to the type',
    { a: { $gt: 5 } },
    [{ a: 6 }, { a: [1, 9] }],
    [{ a: 5 }, { a: '6' }, { a: new Date(9) }, {}],
  ],
  ['$gte with null', { a: { $gte: null } }, [{ a: null }, {}], [{ a: 0 }]],
  ['$lt with dates', { a: { $lt: new Date(10) } }, [{ a: new Date(9) }], [{ a: new Date(10) }, { a: 1 }]],
  ['$gt with text', { a: { $gt: 'b' } }, [{ a: 'c' }], [{ a: 'a' }, { a: 7 }]],
  ['$gt with ids', { a: { $gt: new ObjectId('000000000000000000000001') } }, [{ a: id }], [{ a: 'z' }]],
  [
    '$gt with timestamps',
    { a: { $gt: new Timestamp({ t: 1, i: 1 }) } },
    [{ a: new Timestamp({ t: 1, i: 2 }) }],
    [{ a: new Timestamp({ t: 1, i: 1 }) }],
  ],
  ['$gte MinKey is everything', { a: { $gte: new MinKey() } }, [{ a: 1 }, { a: 'x' }, { a: null }], [{}]],
  ['$lt MaxKey is everything', { a: { $lt: new MaxKey() } }, [{ a: 1 }, { a: { b: 1 } }], [{}]],
  ['NaN', { a: { $gte: Number.NaN } }, [{ a: Number.NaN }], [{ a: 1 }]],
  ['numbers below NaN are none', { a: { $lt: 5 } }, [{ a: 1 }], [{ a: Number.NaN }]],
  ['$exists', { a: { $exists: true } }, [{ a: null }, { a: 1 }], [{}]],
  [
    'not $exists',
    { 'a.b': { $exists: false } },
    [{}, { a: 1 }, { a: [] }, { a: {} }],
    [{ a: { b: 0 } }, { a: [{ b: 1 }] }],
  ],
  ['$type', { a: { $type: 'int' } }, [{ a: new Int32(1) }], [{ a: new Double(1) }, { a: Long.fromNumber(1) }]],
  ['$type by number and list', { a: { $type: [2, 'bool'] } }, [{ a: 'x' }, { a: true }, { a: ['x'] }], [{ a: 1 }]],
  ['$type number', { a: { $type: 'number' } }, [{ a: 1 }, { a: Decimal128.fromString('1') }], [{ a: '1' }]],
  ['$type array', { a: { $type: 'array' } }, [{ a: [] }], [{ a: 1 }]],
  ['$size', { a: { $size: 2 } }, [{ a: [1, 2] }], [{ a: [1] }, { a: 2 }]],
  ['$all', { a: { $all: [1, 2] } }, [{ a: [2, 1, 3] }], [{ a: [1] }, { a: 1 }]],
  ['$all of a scalar', { a: { $all: [1] } }, [{ a: 1 }], [{ a: 2 }]],
  [
    '$elemMatch on documents',
    { a: { $elemMatch: { x: 1, y: { $gt: 1 } } } },
    [{ a: [{ x: 1, y: 2 }] }],
    [
      {
        a: [
          { x: 1, y: 1 },
          { x: 2, y: 2 },
        ],
      },
      { a: { x: 1, y: 2 } },
    ],
  ],
  ['$elemMatch on values', { a: { $elemMatch: { $gt: 1, $lt: 3 } } }, [{ a: [0, 2] }], [{ a: [1, 3] }]],
  ['two bounds may meet in two elements', { a: { $gt: 2, $lt: 2 } }, [{ a: [1, 3] }], [{ a: [2] }]],
  ['$not', { a: { $not: { $gt: 5 } } }, [{ a: 5 }, {}, { a: 'x' }], [{ a: 6 }]],
  ['$not with a pattern', { a: { $not: /x/ } }, [{ a: 'y' }, {}], [{ a: 'xx' }]],
  [
    '$and, $or, $nor',
    { $and: [{ $or: [{ a: 1 }, { b: 1 }] }, { $nor: [{ c: 1 }] }] },
    [{ a: 1 }, { b: 1, c: 2 }],
    [{ a: 1, c: 1 }, {}],
  ],
  ['$regex with options', { a: { $regex: '^ab c', $options: 'ix' } }, [{ a: 'ABC' }], [{ a: 'xabc' }]],
  ['a pattern as value', { a: /b+/ }, [{ a: 'abb' }, { a: ['b'] }], [{ a: 'a' }, { a: 1 }]],
  ['$mod', { a: { $mod: [4, 1] } }, [{ a: 5 }, { a: 5.7 }], [{ a: 6 }, { a: 'x' }]],
  ['$expr', { $expr: { $gt: ['$a', '$b'] } }, [{ a: 2, b: 1 }], [{ a: 1, b: 2 }]],
  ['fields that JavaScript objects inherit', { constructor: { $exists: true } }, [{ constructor: 1 }], [{}]],
];

describe('query matcher', () => {
  for (const [name, filter, yes, no] of cases) {
    it(name, () => {
      for (const document of yes) assert.ok(matches(filter, document), `should match ${JSON.stringify(document)}`);
      for (const document of no) assert.ok(!matches(filter, document), `should not match ${JSON.stringify(document)}`);
    });
  }

  it('notes which element of an array matched', () => {
    const trace: MatchTrace = {};
    assert.ok(matches({ 'a.b': { $gt: 1 } }, { a: [{ b: 1 }, { b: 2 }] }, trace));
    assert.equal(trace.arrayIndex, 1);
  });

  it('refuses what it does not know', () => {
    const code = (filter: Document) => {
      try {
        matches(filter, {});
      } catch (error) {
        return error instanceof CommandError ? error.code : error;
      }
      return undefined;
    };
    assert.equal(code({ $unknown: 1 }), 2);
    assert.equal(code({ a: { $unknown: 1 } }), 2);
    assert.equal(code({ $or: [] }), 2);
    assert.equal(code({ a: { $in: 1 } }), 2);
    assert.equal(code({ $where: 'true' }), 238);
    assert.equal(code({ a: { $regex: '(' } }), 51091);
  });
});
