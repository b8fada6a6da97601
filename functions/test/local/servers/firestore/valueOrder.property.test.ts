import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GeoPoint, Timestamp } from 'firebase-admin/firestore';
import { compareKeys, invert } from '../../../../local/servers/firestore/values/keyBytes.ts';
import { numericId, pathKey, pathOfKey } from '../../../../local/servers/firestore/values/pathKey.ts';
import { compareValues, valueKey } from '../../../../local/servers/firestore/values/sortKey.ts';
import type { Value } from '../../../../local/servers/firestore/values/value.ts';
import {
  decodeValue,
  encodeFields,
  encodeValue,
  findValue,
} from '../../../../local/servers/firestore/values/valueCodec.ts';
import { pathOrder, referenceOrder } from './referenceModel.ts';

/** A value in both worlds: as the SDK has it, for the reference order, and as the server has it. */
interface Both {
  readonly plain: unknown;
  readonly value: Value;
}

const integers = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(
    0n,
    1n,
    -1n,
    2n ** 53n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    2n ** 63n - 1n,
    2n ** 63n - 513n,
    -(2n ** 63n),
  ),
);
const doubles = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, 0, -0, 1, 2 ** 53, -(2 ** 53), 2 ** 63, -(2 ** 63), Infinity, -Infinity),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('', '\0', 'a\0', 'a', 'a\u0001', '｡', '😀', '\uffff'),
);
const bytes = fc.uint8Array({ maxLength: 4 }).map((each) => Buffer.from(each));
const leaf: fc.Arbitrary<Both> = fc.oneof(
  fc.constant<Both>({ plain: null, value: { type: 'null' } }),
  fc.boolean().map((plain): Both => ({ plain, value: { type: 'boolean', value: plain } })),
  integers.map((plain): Both => ({ plain, value: { type: 'integer', value: plain } })),
  doubles.map((plain): Both => ({ plain, value: { type: 'double', value: plain } })),
  fc.tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999 })).map(
    ([seconds, micros]): Both => ({
      plain: new Timestamp(seconds, micros * 1000),
      value: { type: 'timestamp', seconds, nanos: micros * 1000 },
    }),
  ),
  text.map((plain): Both => ({ plain, value: { type: 'string', value: plain } })),
  bytes.map((plain): Both => ({ plain, value: { type: 'bytes', value: plain } })),
  fc.tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true })).map(
    ([latitude, longitude]): Both => ({
      plain: new GeoPoint(latitude, longitude),
      value: { type: 'geoPoint', latitude, longitude },
    }),
  ),
);
const both: fc.Arbitrary<Both> = fc.letrec<{ any: Both }>((tie) => ({
  any: fc.oneof(
    { weight: 6, arbitrary: leaf },
    {
      weight: 1,
      arbitrary: fc.array(tie('any'), { maxLength: 3 }).map(
        (elements): Both => ({
          plain: elements.map(({ plain }) => plain),
          value: { type: 'array', values: elements.map(({ value }) => value) },
        }),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.dictionary(text, tie('any'), { maxKeys: 3, noNullPrototype: true }).map((entries): Both => {
        const pairs = Object.entries(entries);
        return {
          plain: Object.fromEntries(pairs.map(([key, { plain }]) => [key, plain])),
          value: { type: 'map', fields: new Map(pairs.map(([key, { value }]) => [key, value])) },
        };
      }),
    },
  ),
})).any;

const segment = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter((each) => !each.includes('/')),
  fc.constantFrom(
    'a',
    'a\0',
    'a\u0001',
    '__id7__',
    '__id10__',
    '__id-3__',
    '__id07__',
    '__id-0__',
    '__id9223372036854775807__',
    '__id-9223372036854775808__',
    '__id99999999999999999999__',
    '__idx__',
  ),
);
const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'));

describe('Firestore value order', () => {
  it('agrees with the documented order of any two values', () => {
    fc.assert(
      fc.property(both, both, (a, b) => {
        assert.equal(Math.sign(compareValues(a.value, b.value)), Math.sign(referenceOrder(a.plain, b.plain)));
      }),
      { numRuns: 3000 },
    );
  });

  it('turns round when keys are inverted for a descending index', () => {
    fc.assert(
      fc.property(both, both, (a, b) => {
        const ascending = compareKeys(valueKey(a.value), valueKey(b.value));
        assert.equal(compareKeys(invert(valueKey(a.value)), invert(valueKey(b.value))), -ascending + 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('never makes one key the beginning of another, so that keys can be joined', () => {
    fc.assert(
      fc.property(both, both, (a, b) => {
        const [x, y] = [valueKey(a.value), valueKey(b.value)];
        assert.ok(x === y || !y.startsWith(x));
      }),
      { numRuns: 1000 },
    );
  });

  it('puts vectors between arrays and maps, by dimension and then by elements', () => {
    const vector = (...elements: number[]): Value => ({
      type: 'map',
      fields: new Map<string, Value>([
        ['__type__', { type: 'string', value: '__vector__' }],
        ['value', { type: 'array', values: elements.map((value): Value => ({ type: 'double', value })) }],
      ]),
    });
    const ordered: Value[] = [
      { type: 'array', values: [{ type: 'map', fields: new Map() }] },
      vector(),
      vector(9),
      vector(1, 2),
      vector(1, 3),
      { type: 'map', fields: new Map() },
    ];
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) assert.equal(Math.sign(compareValues(a, b)), Math.sign(i - j));
    }
  });

  it('orders names by segment, numeric ids first, and reads them back from keys', () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        // The reference compares digits; an id whose number does not fit 64 bits is an ordinary string.
        fc.pre([a, b].every((each) => each.split('/').every((part) => !part.startsWith('__id9999'))));
        assert.equal(Math.sign(compareKeys(pathKey(a), pathKey(b))), Math.sign(pathOrder(a, b)));
      }),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(path, (each) => assert.equal(pathOfKey(pathKey(each)), each)));
    assert.equal(numericId('__id99999999999999999999__'), undefined);
  });

  it('survives encoding, and single fields are found in the encoding', () => {
    fc.assert(
      fc.property(fc.dictionary(text, both, { minKeys: 1, maxKeys: 4, noNullPrototype: true }), (entries) => {
        const fields = new Map(Object.entries(entries).map(([key, { value }]) => [key, value]));
        const encoded = encodeFields(fields);
        for (const [key, value] of fields) {
          assert.deepEqual(decodeValue(encodeValue(value)), value);
          assert.deepEqual(findValue(encoded, [Buffer.from(key)]), value);
          if (value.type !== 'map') continue;
          for (const [inner, nested] of value.fields) {
            assert.deepEqual(findValue(encoded, [Buffer.from(key), Buffer.from(inner)]), nested);
          }
        }
        assert.equal(findValue(encoded, [Buffer.from('not there at all')]), undefined);
      }),
      { numRuns: 500 },
    );
  });
});
