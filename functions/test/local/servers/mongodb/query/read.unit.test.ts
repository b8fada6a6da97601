import assert from 'node:assert/strict';
import { type Document, Int32, ObjectId } from 'bson';
import { encode } from '../../../../../local/servers/mongodb/bson/codec.ts';
import { orderKey } from '../../../../../local/servers/mongodb/bson/orderKey.ts';
import { createEvaluation } from '../../../../../local/servers/mongodb/expression/scope.ts';
import { type Query, readDocuments } from '../../../../../local/servers/mongodb/query/read.ts';
import { type Collection, createCollection } from '../../../../../local/servers/mongodb/storage/collection.ts';
import { viewOf } from '../../../../../local/servers/mongodb/storage/view.ts';

const collectionSize = 5000;

/** How many documents of a collection a query looks at: that, not time, is what an index saves. */
function looksAt(collection: Collection, query: Query): { ids: unknown[]; looked: number } {
  let looked = 0;
  const counting: Collection = {
    ...collection,
    indexes: collection.indexes,
    get(idKey) {
      looked += 1;
      return collection.get(idKey);
    },
  };
  const found = [...readDocuments(viewOf(counting, undefined), query, createEvaluation({ now: 0, random: () => 0 }))];
  return {
    ids: found.map(({ document }) => Number(document._id instanceof Int32 ? document._id.value : document.n)),
    looked,
  };
}

describe('reading by index', () => {
  const collection = createCollection({ db: 'a', name: 'c', options: {} });
  before(() => {
    for (let n = 0; n < collectionSize; n += 1) {
      const document: Document = { _id: n, n, kind: `k${n % 50}`, email: `u${n}@x`, o: ObjectId.createFromTime(n) };
      collection.put(orderKey(n), encode(document));
    }
    const index = (key: Document) => {
      const fields = Object.entries(key).map(([path, direction]) => ({ path, descending: direction === -1 }));
      collection.addIndex({ name: Object.keys(key).join(), key, fields, unique: false, sparse: false, shown: key });
    };
    index({ email: 1 });
    index({ kind: 1, n: -1 });
    index({ o: 1 });
  });

  const cases: [name: string, query: Query, atMost: number, first: number[]][] = [
    ['by _id', { filter: { _id: 77 } }, 1, [77]],
    ['by a list of _ids', { filter: { _id: { $in: [5, 4000, 9999] } } }, 3, [5, 4000]],
    [
      'by a range of _id, in order, limited',
      { filter: { _id: { $gt: 100, $lt: 4000 } }, sort: { _id: new Int32(1) }, limit: 3 },
      4,
      [101, 102, 103],
    ],
    [
      'by a range of _id, backwards, limited',
      { filter: { _id: { $gte: 100, $lt: 4000 } }, sort: { _id: new Int32(-1) }, limit: 3 },
      4,
      [3999, 3998, 3997],
    ],
    ['by order of _id alone', { filter: {}, sort: { _id: new Int32(-1) }, limit: 2 }, 3, [4999, 4998]],
    ['by an indexed equality', { filter: { email: 'u123@x' } }, 1, [123]],
    ['by a list of indexed values', { filter: { email: { $in: ['u1@x', 'u2@x'] } } }, 2, [1, 2]],
    ['by equality and range', { filter: { kind: 'k7', n: { $gte: 107, $lt: 207 } } }, 2, [157, 107]],
    [
      'by equality, in the order of the rest',
      { filter: { kind: 'k7' }, sort: { n: new Int32(1) }, limit: 2 },
      3,
      [7, 57],
    ],
    [
      'by a range of ObjectIds',
      { filter: { o: { $gt: ObjectId.createFromTime(10), $lt: ObjectId.createFromTime(13) } } },
      2,
      [11, 12],
    ],
    [
      'with a condition that no index knows',
      { filter: { _id: { $gte: 10, $lte: 12 }, n: { $mod: [11, 0] } } },
      3,
      [11],
    ],
    ['without an order, stopping at the limit', { filter: {}, limit: 4 }, 4, [0, 1, 2, 3]],
    ['by a page: skip and limit', { filter: {}, sort: { _id: new Int32(1) }, skip: 10, limit: 2 }, 13, [10, 11]],
  ];
  for (const [name, query, atMost, first] of cases) {
    it(`${name} looks at ${atMost} of ${collectionSize} documents at most`, () => {
      const { ids, looked } = looksAt(collection, query);
      assert.deepEqual(ids, first);
      assert.ok(looked <= atMost, `looked at ${looked}`);
    });
  }

  it('survives deletions and insertions while it goes through a range', () => {
    const shrinking = createCollection({ db: 'a', name: 'd', options: {} });
    for (let n = 0; n < 1000; n += 1) shrinking.put(orderKey(n), encode({ _id: n }));
    const query = { filter: { _id: { $gte: 0 } }, sort: { _id: new Int32(1) } };
    const seen: number[] = [];
    for (const { document } of readDocuments(
      viewOf(shrinking, undefined),
      query,
      createEvaluation({ now: 0, random: () => 0 }),
    )) {
      const id = document._id instanceof Int32 ? document._id.value : -1;
      seen.push(id);
      shrinking.remove(orderKey(id));
      if (id % 2 === 0) shrinking.remove(orderKey(id + 501));
    }
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(shrinking.size, 0);
  });
});
