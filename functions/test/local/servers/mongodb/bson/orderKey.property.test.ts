import assert from 'node:assert/strict';
import { Binary, BSONRegExp, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import fc from 'fast-check';
import { compareValues, equalValues, orderKey } from '../../../../../local/servers/mongodb/bson/orderKey.ts';

/** Values in MongoDB's order; those in one row are equal. */
const ladder: unknown[][] = [
  [new MinKey()],
  [null, undefined],
  [Number.NaN, new Double(Number.NaN)],
  [Number.NEGATIVE_INFINITY],
  [Decimal128.fromString('-1E+400')],
  [Long.MIN_VALUE, -(2 ** 63)],
  [-1.5, Decimal128.fromString('-1.50')],
  [0, -0, new Int32(0), Long.fromNumber(0), Decimal128.fromString('0E-10')],
  [Decimal128.fromString('0.1')],
  [0.1, new Double(0.1)],
  [5, new Int32(5), new Double(5), Long.fromNumber(5), Decimal128.fromString('5.0')],
  [2 ** 53],
  [Long.fromString('9007199254740993'), Decimal128.fromString('9007199254740993')],
  [2 ** 53 + 2, Long.fromString('9007199254740994')],
  [Number.POSITIVE_INFINITY],
  [''],
  ['a'],
  ['a\0'],
  ['a\0b'],
  ['a\x01'],
  ['ab'],
  ['b'],
  ['\uFF5E'],
  ['\u{1F600}'],
  [{}],
  [{ a: 1 }, { a: new Double(1) }],
  [{ a: 1, b: 1 }],
  [{ b: 1 }],
  [{ a: 'x' }],
  [[]],
  [[1]],
  [[1, 2]],
  [[2]],
  [new Binary(Buffer.from([255]))],
  [new Binary(Buffer.from([1, 2]))],
  [new ObjectId('000000000000000000000001')],
  [new ObjectId('0000000000000000000000ff')],
  [false],
  [true],
  [new Date(-1)],
  [new Date(0)],
  [new Date(1)],
  [new Timestamp({ t: 1, i: 2 })],
  [new Timestamp({ t: 2, i: 1 })],
  [new BSONRegExp('a', '')],
  [new BSONRegExp('a', 'i')],
  [new MaxKey()],
];

describe('order of BSON values', () => {
  it('is that of MongoDB, across all types', () => {
    ladder.forEach((row, i) => {
      ladder.forEach((other, j) => {
        for (const a of row)
          for (const b of other) assert.equal(Math.sign(compareValues(a, b)), Math.sign(i - j), `rows ${i} and ${j}`);
      });
    });
  });

  it('compares numbers as numbers, whatever their type', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true }),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    );
    fc.assert(
      fc.property(number, number, (a, b) => {
        const expected = a < b ? -1 : a > b ? 1 : 0;
        const asBson = (n: number | bigint) => (typeof n === 'bigint' ? Long.fromBigInt(n) : n);
        assert.equal(compareValues(asBson(a), asBson(b)), expected);
      }),
    );
  });

  it('compares text by its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        assert.equal(compareValues(a, b), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('gives no key that is the beginning of another', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.string()),
      fc.dictionary(fc.string(), fc.integer()),
    );
    fc.assert(
      fc.property(value, value, (a, b) => {
        fc.pre(!equalValues(a, b));
        assert.ok(!orderKey(a).startsWith(orderKey(b)));
      }),
    );
  });
});
