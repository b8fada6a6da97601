import fc from 'fast-check';
import { FieldValue, type Firestore, GeoPoint, Timestamp } from 'firebase-admin/firestore';

/** Any value that a field of a Firestore document can have. Vectors are of doubles only, as Firestore's are. */
export function anyData(firestore: Firestore): fc.Arbitrary<Record<string, unknown>> {
  const key = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.constantFrom('$', '$map', '$number', '$time', 'a.b', '`', '0', 'constructor', 'toString', '__proto', 'a\nb'),
  );
  const allowedKey = key.filter((text) => !/^__.*__$/s.test(text));
  const { value } = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(
        fc.constant(null),
        fc.boolean(),
        fc.string({ unit: 'grapheme' }),
        fc.double(),
        fc.maxSafeInteger(),
        fc.constantFrom(Number.NaN, -0, 0, 1e300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((n) => !Number.isSafeInteger(Number(n))),
        fc
          .tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999 }))
          .map(([seconds, microseconds]) => new Timestamp(seconds, microseconds * 1_000)),
        fc
          .tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true }))
          .map(([latitude, longitude]) => new GeoPoint(latitude, longitude)),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.array(fc.double(), { minLength: 1, maxLength: 8 }).map((numbers) => FieldValue.vector(numbers)),
        fc.constantFrom('a/b', 'storyboards/s1/scenes/2', 'ä/ö ü').map((path) => firestore.doc(path)),
      ),
      // An array holds no array.
      fc.array(
        tie('value').filter((item) => !Array.isArray(item)),
        { maxLength: 4 },
      ),
      tie('map'),
    ),
    map: fc.dictionary(allowedKey, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  }));
  return fc.dictionary(allowedKey, value, { maxKeys: 6, noNullPrototype: true });
}
