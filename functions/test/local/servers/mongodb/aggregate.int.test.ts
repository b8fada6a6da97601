import assert from 'node:assert/strict';
import { type Collection, Decimal128, type Document, Double, Int32, Long, ObjectId } from 'mongodb';
import { type Fixture, rejectsWithCode, startFixture } from './mongo.fixture.ts';

/** A document with an id that is not made by the driver. */
interface Keyed extends Document {
  _id: number | string;
}

describe('MongoDB server: aggregation', () => {
  let fixture: Fixture;
  let orders: Collection<Keyed>;

  before(async () => {
    fixture = await startFixture({ random: () => 0.5 });
    orders = fixture.client.db('shop').collection<Keyed>('orders');
    await orders.insertMany([
      {
        _id: 1,
        customer: 'ann',
        items: [
          { sku: 'a', n: 2 },
          { sku: 'b', n: 1 },
        ],
        total: 10,
        at: new Date('2026-01-01T10:00:00Z'),
      },
      {
        _id: 2,
        customer: 'bob',
        items: [{ sku: 'a', n: 1 }],
        total: new Double(5),
        at: new Date('2026-01-02T10:00:00Z'),
      },
      { _id: 3, customer: 'ann', items: [], total: Long.fromNumber(5), at: new Date('2026-02-01T10:00:00Z') },
      { _id: 4, customer: 'cyd', total: 20, at: new Date('2026-02-02T10:00:00Z') },
    ]);
    await fixture.client
      .db('shop')
      .collection<Keyed>('skus')
      .insertMany([
        { _id: 'a', name: 'Apple', parent: null },
        { _id: 'b', name: 'Berry', parent: 'a' },
        { _id: 'c', name: 'Currant', parent: 'b' },
      ]);
  });
  after(() => fixture.close());

  const run = (pipeline: Document[]) => orders.aggregate(pipeline).toArray();

  it('groups, by equality of numbers whatever their type', async () => {
    assert.deepEqual(
      await run([
        {
          $group: {
            _id: '$customer',
            n: { $sum: 1 },
            sum: { $sum: '$total' },
            all: { $push: '$_id' },
            max: { $max: '$total' },
          },
        },
        { $sort: { _id: 1 } },
      ]),
      [
        { _id: 'ann', n: 2, sum: 15, all: [1, 3], max: 10 },
        { _id: 'bob', n: 1, sum: 5, all: [2], max: 5 },
        { _id: 'cyd', n: 1, sum: 20, all: [4], max: 20 },
      ],
    );
    const byTotal = await run([{ $group: { _id: '$total', ids: { $addToSet: '$_id' } } }, { $match: { _id: 5 } }]);
    assert.deepEqual(
      byTotal.map(({ ids }) => ids),
      [[2, 3]],
    );
  });

  it('groups by documents, ids and nothing', async () => {
    assert.equal((await run([{ $group: { _id: { c: '$customer', big: { $gte: ['$total', 10] } } } }])).length, 4);
    assert.deepEqual(
      await run([
        { $group: { _id: null, avg: { $avg: '$total' }, first: { $first: '$_id' }, last: { $last: '$_id' } } },
      ]),
      [{ _id: null, avg: 10, first: 1, last: 4 }],
    );
  });

  it('unwinds', async () => {
    assert.deepEqual(await run([{ $unwind: '$items' }, { $project: { sku: '$items.sku' } }]), [
      { _id: 1, sku: 'a' },
      { _id: 1, sku: 'b' },
      { _id: 2, sku: 'a' },
    ]);
    const kept = await run([
      { $unwind: { path: '$items', preserveNullAndEmptyArrays: true, includeArrayIndex: 'at' } },
      { $count: 'n' },
    ]);
    assert.deepEqual(kept, [{ n: 5 }]);
  });

  it('looks up by equality and by pipeline', async () => {
    const joined = await run([
      { $match: { _id: 1 } },
      { $lookup: { from: 'skus', localField: 'items.sku', foreignField: '_id', as: 'skus' } },
    ]);
    assert.deepEqual(
      joined[0]?.skus.map(({ name }: Document) => name),
      ['Apple', 'Berry'],
    );
    const piped = await run([
      { $match: { _id: 2 } },
      {
        $lookup: {
          from: 'skus',
          let: { list: '$items.sku' },
          pipeline: [{ $match: { $expr: { $in: ['$_id', '$$list'] } } }, { $project: { _id: 0, name: 1 } }],
          as: 'skus',
        },
      },
    ]);
    assert.deepEqual(piped[0]?.skus, [{ name: 'Apple' }]);
  });

  it('computes fields of true BSON types', async () => {
    const [result] = await orders
      .aggregate(
        [
          { $match: { _id: 1 } },
          {
            $project: {
              sum: { $add: ['$total', 1] },
              half: { $divide: ['$total', 4] },
              big: { $multiply: [Long.fromString('4000000000'), 2] },
              text: { $toString: '$total' },
              type: { $type: '$at' },
              id: { $toObjectId: '66f000000000000000000000' },
            },
          },
        ],
        { promoteValues: false },
      )
      .toArray();
    assert.deepEqual(result, {
      _id: new Int32(1),
      sum: new Int32(11),
      half: new Double(2.5),
      big: Long.fromString('8000000000'),
      text: '10',
      type: 'date',
      id: new ObjectId('66f000000000000000000000'),
    });
  });

  const expressions: [name: string, expression: unknown, result: unknown][] = [
    ['$cond', { $cond: [{ $gt: ['$total', 5] }, 'big', 'small'] }, 'big'],
    // biome-ignore lint/suspicious/noThenProperty: the operator's own word
    ['$switch', { $switch: { branches: [{ case: { $eq: ['$customer', 'ann'] }, then: 1 }], default: 2 } }, 1],
    ['$ifNull', { $ifNull: ['$none', 'fallback'] }, 'fallback'],
    ['$map', { $map: { input: '$items', as: 'i', in: { $multiply: ['$$i.n', 10] } } }, [20, 10]],
    ['$filter', { $filter: { input: '$items', cond: { $gt: ['$$this.n', 1] } } }, [{ sku: 'a', n: 2 }]],
    ['$reduce', { $reduce: { input: '$items', initialValue: 0, in: { $add: ['$$value', '$$this.n'] } } }, 3],
    ['$let', { $let: { vars: { double: { $multiply: ['$total', 2] } }, in: { $add: ['$$double', 1] } } }, 21],
    ['$arrayElemAt', { $arrayElemAt: ['$items.sku', -1] }, 'b'],
    ['$size', { $size: '$items' }, 2],
    ['$concat', { $concat: ['$customer', '!'] }, 'ann!'],
    ['$toUpper', { $toUpper: '$customer' }, 'ANN'],
    ['$split', { $split: ['a,b', ','] }, ['a', 'b']],
    ['$substrCP', { $substrCP: ['$customer', 1, 2] }, 'nn'],
    ['$regexMatch', { $regexMatch: { input: '$customer', regex: '^A', options: 'i' } }, true],
    ['$trim', { $trim: { input: '  x ' } }, 'x'],
    ['$dateToString', { $dateToString: { date: '$at', format: '%Y-%m-%d' } }, '2026-01-01'],
    ['$year', { $year: '$at' }, 2026],
    ['$dateAdd', { $dateAdd: { startDate: '$at', unit: 'day', amount: 1 } }, new Date('2026-01-02T10:00:00Z')],
    [
      '$setUnion',
      {
        $size: {
          $setUnion: [
            [1, 2],
            [2, 3],
          ],
        },
      },
      3,
    ],
    ['$objectToArray', { $objectToArray: { a: 1 } }, [{ k: 'a', v: 1 }]],
    ['$arrayToObject', { $arrayToObject: [[['a', 1]]] }, { a: 1 }],
    ['$mergeObjects', { $mergeObjects: [{ a: 1 }, { b: 2 }] }, { a: 1, b: 2 }],
    ['$literal', { $literal: '$total' }, '$total'],
    ['$round', { $round: [2.5, 0] }, 2],
    ['$mod', { $mod: [7, 3] }, 1],
    ['$cmp', { $cmp: ['$total', 'text'] }, -1],
    ['$in', { $in: ['a', '$items.sku'] }, true],
    ['$range', { $range: [0, 3] }, [0, 1, 2]],
    ['$convert with onError', { $convert: { input: 'x', to: 'int', onError: -1 } }, -1],
    ['$getField', { $getField: 'customer' }, 'ann'],
    ['$$REMOVE', { $cond: [true, '$$REMOVE', 1] }, undefined],
    ['$bitAnd', { $bitAnd: [12, 10] }, 8],
    ['text that looks like a path stays text', { $strLenCP: { $literal: '$total' } }, 6],
  ];
  for (const [name, expression, result] of expressions) {
    it(`evaluates ${name}`, async () => {
      const [document] = await run([{ $match: { _id: 1 } }, { $project: { _id: 0, r: expression } }]);
      assert.deepEqual(document?.r, result);
    });
  }

  it('runs the other stages', async () => {
    assert.deepEqual(
      await run([{ $facet: { n: [{ $count: 'c' }], first: [{ $limit: 1 }, { $project: { _id: 1 } }] } }]),
      [{ n: [{ c: 4 }], first: [{ _id: 1 }] }],
    );
    assert.equal(new Set((await run([{ $sample: { size: 3 } }])).map(({ _id }) => _id)).size, 3);
    assert.deepEqual(await run([{ $match: { _id: 1 } }, { $replaceRoot: { newRoot: { $first: '$items' } } }]), [
      { sku: 'a', n: 2 },
    ]);
    assert.deepEqual(await run([{ $match: { _id: 4 } }, { $unset: ['at', 'customer'] }]), [{ _id: 4, total: 20 }]);
    assert.deepEqual(
      await run([{ $sort: { total: -1, _id: 1 } }, { $skip: 1 }, { $limit: 2 }, { $project: { _id: 1 } }]),
      [{ _id: 1 }, { _id: 2 }],
    );
  });

  it('keeps integers beyond 2^53 exact through a pipeline', async () => {
    const big = fixture.client.db('shop').collection<Keyed>('big');
    await big.insertOne({ _id: 1, n: Long.fromString('9007199254740993') });
    const [result] = await big
      .aggregate([{ $set: { m: { $add: ['$n', Long.fromNumber(1)] } } }], { promoteLongs: false })
      .toArray();
    assert.equal(String(result?.n), '9007199254740993');
    assert.equal(String(result?.m), '9007199254740994');
    const cut = { $trunc: '$n' };
    const [whole] = await big
      .aggregate([{ $project: { cut, up: { $ceil: '$n' } } }], { promoteLongs: false })
      .toArray();
    assert.deepEqual([String(whole?.cut), String(whole?.up)], ['9007199254740993', '9007199254740993']);
    const decimals = ['12.5', '-0.7', '4', '1E+3', 'NaN'].map((text) => ({ $trunc: Decimal128.fromString(text) }));
    const [truncated] = await big.aggregate([{ $project: { decimals } }]).toArray();
    assert.deepEqual(truncated?.decimals.map(String), ['12', '-0', '4', '1E+3', 'NaN']);
  });

  it('refuses stages and expressions that it does not know', async () => {
    await rejectsWithCode(run([{ $frobnicate: 1 }]), 40324);
    await rejectsWithCode(run([{ $project: { a: { $frobnicate: 1 } } }]), 168);
    await rejectsWithCode(run([{ $match: {}, $limit: 1 }]), 40323);
    await rejectsWithCode(run([{ $limit: 0 }]), 15958);
    await rejectsWithCode(run([{ $group: { n: 1 } }]), 15955);
    await rejectsWithCode(run([{ $project: { a: '$$nobody' } }]), 17276);
    await rejectsWithCode(run([{ $limit: 1 }, { $changeStream: {} }]), 40602);
  });
});
