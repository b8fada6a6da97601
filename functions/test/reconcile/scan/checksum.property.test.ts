import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Timestamp } from 'firebase-admin/firestore';
import { type CopyValue, sameCopyValue } from '../../../src/events/copyValue.ts';
import { canonicalText } from '../../../src/reconcile/scan/canonicalValue.ts';
import {
  addChecksums,
  checksumFromText,
  checksumText,
  emptyChecksum,
  tupleChecksum,
} from '../../../src/reconcile/scan/checksum.ts';

const { copyValue } = fc.letrec<{ copyValue: CopyValue }>((tie) => ({
  copyValue: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom<CopyValue>(null, true, false, '', 'name', 0, -0, 1, Number.NaN, 'n1', 'null'),
    fc.double(),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') }),
    fc.array(tie('copyValue'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto_'), tie('copyValue'), { maxKeys: 3 }).map((map) => ({ ...map })),
  ),
}));

/** The same value as the SDK of Firestore returns it. */
function asRead(value: CopyValue): unknown {
  if (value instanceof Date) return Timestamp.fromDate(value);
  if (Array.isArray(value)) return value.map(asRead);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, inner]) => [key, asRead(inner)]),
    );
  }
  return value;
}

describe('checksum', () => {
  it('tells two values apart exactly when a reader of the copy can', () => {
    fc.assert(
      fc.property(copyValue, copyValue, (a, b) => {
        assert.equal(canonicalText(a) === canonicalText(b), sameCopyValue(a, b));
        assert.equal(canonicalText(asRead(a)), canonicalText(a));
      }),
      { numRuns: 1_000 },
    );
  });

  it('does not depend on the order, and goes on from its text', () => {
    const tuple = fc.tuple(
      fc.constantFrom('storyboards', 'scenes'),
      fc.string(),
      fc.array(copyValue, { maxLength: 2 }),
    );
    fc.assert(
      fc.property(fc.array(tuple, { maxLength: 10 }), fc.nat(), (tuples, cut) => {
        const hashes = tuples.map(([collection, id, copies]) => tupleChecksum(collection, id, copies));
        const sum = (parts: readonly bigint[]) => parts.reduce(addChecksums, emptyChecksum);
        const at = cut % (hashes.length + 1);
        const kept = checksumFromText(checksumText(sum(hashes.slice(0, at))));
        assert.equal(hashes.slice(at).reduce(addChecksums, kept), sum(hashes.toReversed()));
      }),
    );
  });

  it('keeps the parts of a tuple apart', () => {
    const sums = [
      tupleChecksum('a', 'b', ['c']),
      tupleChecksum('a', 'b\n"c"', []),
      tupleChecksum('ab', '', ['c']),
      tupleChecksum('a', 'b', ['c', null]),
      tupleChecksum('a', 'b', [['c']]),
    ];
    assert.equal(new Set(sums).size, sums.length);
  });

  it('refuses a text that is no checksum', () => {
    assert.throws(() => checksumFromText('12'), RangeError);
  });
});
