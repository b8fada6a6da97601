import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  afterEveryStringWithPrefix,
  compareStrings,
  justAfter,
  splitBetween,
} from '../../../src/reconcile/scan/idOrder.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}') }),
);

describe('string order', () => {
  it('is the order of UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareStrings(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('leaves nothing between a text and the text just after it', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        if (compareStrings(b, a) > 0) assert.ok(compareStrings(b, justAfter(a)) >= 0);
      }),
    );
  });

  it('passes every text with a prefix, and no other', () => {
    fc.assert(
      fc.property(
        text.filter((prefix) => prefix !== ''),
        text,
        (prefix, other) => {
          const next = afterEveryStringWithPrefix(prefix);
          assert.ok(next === null || compareStrings(next, prefix) > 0);
          for (const candidate of [other, prefix + other]) {
            const isPassed =
              compareStrings(candidate, prefix) >= 0 && (next === null || compareStrings(candidate, next) < 0);
            assert.equal(isPassed, candidate.startsWith(prefix), JSON.stringify({ prefix, candidate, next }));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('splits between any two texts', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [a, b] = compareStrings(one, other) < 0 ? [one, other] : [other, one];
        if (a === b) {
          assert.throws(() => splitBetween(a, b), RangeError);
          return;
        }
        const middle = splitBetween(a, b);
        assert.ok(middle.isWellFormed());
        assert.ok(compareStrings(a, middle) < 0 && compareStrings(middle, b) <= 0, JSON.stringify({ a, middle, b }));
      }),
      { numRuns: 2_000 },
    );
  });
});
