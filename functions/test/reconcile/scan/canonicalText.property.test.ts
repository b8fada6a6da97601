import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Timestamp } from 'firebase-admin/firestore';
import { type CopyValue, sameCopyValue } from '../../../src/events/copyValue.ts';
import { canonicalText } from '../../../src/reconcile/scan/canonicalText.ts';

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

describe('canonical text', () => {
  it('tells two values apart exactly when a reader of the copy can', () => {
    fc.assert(
      fc.property(copyValue, copyValue, (a, b) => {
        assert.equal(canonicalText(a) === canonicalText(b), sameCopyValue(a, b));
        assert.equal(canonicalText(asRead(a)), canonicalText(a));
      }),
      { numRuns: 1_000 },
    );
  });
});
