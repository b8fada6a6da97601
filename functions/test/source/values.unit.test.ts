import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  Binary,
  BSONRegExp,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { compareStrings } from '../../src/reconcile/scan/idOrder.ts';
import { copyValueAt, copyValueFromBson } from '../../src/source/copyValueFromBson.ts';
import { describeOtherId } from '../../src/source/otherIds.ts';
import { mongoIdsOf, objectIdsFrom, projectIdFromMongo } from '../../src/source/projectIds.ts';

describe('copyValueFromBson', () => {
  it('turns every BSON type into something that both JSON and Firestore hold', () => {
    assert.equal(copyValueFromBson(Long.fromString('9007199254740993')), '9007199254740993');
    assert.equal(copyValueFromBson(Long.fromNumber(7)), 7);
    assert.equal(copyValueFromBson(new Int32(3)), 3);
    assert.equal(copyValueFromBson(new Double(1.5)), 1.5);
    assert.equal(copyValueFromBson(Decimal128.fromString('12.50')), '12.50');
    assert.equal(copyValueFromBson(new ObjectId('66f0a1b2c3d4e5f6a7b8c9d0')), '66f0a1b2c3d4e5f6a7b8c9d0');
    assert.equal(
      copyValueFromBson(new UUID('0b5f8a52-6f3c-4a52-9a43-0f8dc2b4b1aa')),
      '0b5f8a52-6f3c-4a52-9a43-0f8dc2b4b1aa',
    );
    assert.equal(copyValueFromBson(new Binary(Buffer.from('hi'))), 'aGk=');
    assert.equal(copyValueFromBson(undefined), null);
    assert.deepEqual(copyValueFromBson({ a: [new Int32(1), { b: null }] }), { a: [1, { b: null }] });
    assert.equal(copyValueFromBson(new BSONRegExp('(?i)x', 's')), '/(?i)x/s');
    assert.deepEqual(copyValueFromBson(new Timestamp({ t: 1, i: 2 })), new Date(1_000));
    assert.equal(copyValueFromBson(new MinKey()), '{"$minKey":1}');
    assert.equal(copyValueFromBson(new Code('f()', { a: 1 })), '{"$code":"f()","$scope":{"a":1}}');
    const _id = new ObjectId();
    assert.deepEqual(copyValueFromBson(new DBRef('users', _id, 'app', { since: new Int32(1) })), {
      $ref: 'users',
      $id: _id.toHexString(),
      $db: 'app',
      since: 1,
    });
  });

  // I11: MongoDB takes any number of bytes under the subtype of UUIDs, and any name of a field.
  it('reads what only claims to be of a type', () => {
    assert.equal(copyValueFromBson(new Binary(Buffer.from('abc'), Binary.SUBTYPE_UUID)), 'YWJj');
    const stored = { _bsontype: 'ObjectID', id: new Binary(Buffer.from('hi')) };
    assert.deepEqual(copyValueFromBson(stored), { _bsontype: 'ObjectID', id: 'aGk=' });
  });

  it('reads nested paths and nothing that is inherited', () => {
    assert.equal(copyValueAt({ profile: { title: 'x' } }, 'profile.title'), 'x');
    assert.equal(copyValueAt({ profile: 'x' }, 'profile.title'), null);
    assert.equal(copyValueAt({}, 'constructor.name'), null);
    assert.equal(copyValueAt({ list: [1] }, 'list.0'), null);
  });
});

describe('project ids', () => {
  // Attacks I5: a project that is not asked for in the form that it has counts as gone.
  it('may each be in every form that its text can have', () => {
    const hex = '66f0a1b2c3d4e5f6a7b8c9d0';
    const uuid = '0b5f8a52-6f3c-4a52-9a43-0f8dc2b4b1aa';
    assert.deepEqual(mongoIdsOf(hex), [hex, new ObjectId(hex)]);
    assert.deepEqual(mongoIdsOf(uuid), [uuid, new UUID(uuid)]);
    assert.deepEqual(mongoIdsOf('neither'), ['neither']);
    for (const whole of ['0', '42', '-7', '9223372036854775807', '-9223372036854775808'])
      assert.deepEqual(mongoIdsOf(whole), [whole, Long.fromString(whole)]);
    // Texts that no whole number of 64 bits is written as.
    for (const text of ['007', '-0', '+1', '1.0', '1e3', '9223372036854775808'])
      assert.deepEqual(mongoIdsOf(text), [text]);
  });

  it('are listed from any text on in the order of their texts', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 24, maxLength: 24 });
    const text = fc.oneof(
      hex,
      hex.map((id) => `${id}\u0000`),
      fc.tuple(hex, fc.nat({ max: 24 }), fc.string()).map(([id, length, rest]) => id.slice(0, length) + rest),
      fc.string(),
    );
    fc.assert(
      fc.property(text, hex, fc.nat({ max: 24 }), (from, other, shared) => {
        // Mostly an id that begins like the text: there the bounds are.
        const id = /^[0-9a-f]{24}$/.test(from.slice(0, shared) + other.slice(shared))
          ? from.slice(0, shared) + other.slice(shared)
          : other;
        const bound = objectIdsFrom(from);
        const isListed = '$gt' in bound ? id > bound.$gt.toHexString() : id >= bound.$gte.toHexString();
        assert.equal(isListed, compareStrings(id, from) >= 0, JSON.stringify([id, from]));
      }),
      { numRuns: 2_000 },
    );
    assert.deepEqual(objectIdsFrom(''), { $gte: new ObjectId('0'.repeat(24)) });
    assert.deepEqual(objectIdsFrom('66f0Z'), { $gte: new ObjectId(`66f0a${'0'.repeat(19)}`) });
    assert.deepEqual(objectIdsFrom('66f0g'), { $gt: new ObjectId(`66f0${'f'.repeat(20)}`) });
  });

  it('of no configured form are told as people write them, and in short', () => {
    const uuid = '0b5f8a52-6f3c-4a52-9a43-0f8dc2b4b1aa';
    assert.deepEqual(describeOtherId(new UUID(uuid)), { text: `UUID("${uuid}")`, form: 'uuid' });
    assert.deepEqual(describeOtherId(7), { text: '7', form: 'integer' });
    assert.deepEqual(describeOtherId(1.5), { text: '1.5', form: null });
    assert.equal(describeOtherId({ _bsontype: 'ObjectID' }).text, '{"_bsontype":"ObjectID"}');
    assert.equal(describeOtherId({ long: 'x'.repeat(200) }).text.length, 101);
  });

  it('has the string form of each', () => {
    assert.equal(projectIdFromMongo(new ObjectId('66f0a1b2c3d4e5f6a7b8c9d0')), '66f0a1b2c3d4e5f6a7b8c9d0');
    assert.equal(projectIdFromMongo('x'), 'x');
    for (const seven of [7, 7n, new Int32(7), Long.fromNumber(7), new Double(7), Decimal128.fromString('7.00')])
      assert.equal(projectIdFromMongo(seven), '7');
    assert.equal(projectIdFromMongo(Long.fromString('9007199254740993')), '9007199254740993');
    assert.equal(projectIdFromMongo(-0), '0');
    const decimals = ['2E+3', '1.20E+3', '-3E+1', '0E-3', '70.0E-1', '0.000E+2', '1E+5000', '1.25E+1', '1E-1', 'NaN'];
    assert.deepEqual(
      decimals.map((text) => projectIdFromMongo(Decimal128.fromString(text))),
      ['2000', '1200', '-30', '0', '7', '0', undefined, undefined, undefined, undefined],
    );
    for (const none of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 63, Decimal128.fromString('1.5')])
      assert.equal(projectIdFromMongo(none), undefined);
    assert.equal(projectIdFromMongo(new Binary(Buffer.alloc(17), Binary.SUBTYPE_UUID)), undefined);
  });

  // Attacks I5: to MongoDB they are one key, so a project under another text than is asked for would count as gone.
  it('is the same for a decimal number, with whatever exponent it is written', () => {
    const digits = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -99n, max: 99n }));
    fc.assert(
      fc.property(digits, fc.integer({ min: -20, max: 20 }), (coefficient, exponent) => {
        const scale = 10n ** BigInt(Math.abs(exponent));
        const whole = exponent >= 0 ? coefficient * scale : coefficient / scale;
        const isWhole = exponent >= 0 || coefficient % scale === 0n;
        const fits = whole >= -(2n ** 63n) && whole < 2n ** 63n;
        const decimal = Decimal128.fromString(`${coefficient}E${exponent}`);
        assert.equal(projectIdFromMongo(decimal), isWhole && fits ? whole.toString() : undefined, decimal.toString());
      }),
      {
        numRuns: 1_000,
        examples: [
          [1n, 3],
          [0n, -10],
          [0n, 20],
          [-50n, -1],
          [5n, -20],
        ],
      },
    );
    assert.equal(projectIdFromMongo(Decimal128.fromString('-0E+6111')), '0');
    for (const none of ['1E-6176', '1E+6111', 'NaN', '-Infinity'])
      assert.equal(projectIdFromMongo(Decimal128.fromString(none)), undefined);
  });
});
