import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packNames } from '../../src/files/packNames.ts';

describe('names in records, for any number', () => {
  it('none is lost, none is double, and each part fits a document', () => {
    const name = fc
      .tuple(fc.nat(), fc.nat({ max: 1_000 }))
      .map(([id, length]) => `media/${id}${'ü'.repeat(length / 2)}`);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 3_000 }), fc.integer({ min: 1, max: 8 }), (some, times) => {
        const names = Array.from({ length: times }, () => some).flat();
        const parts = packNames(names);
        assert.deepEqual(parts.flat(), names);
        for (const part of parts) {
          assert.ok(part.length > 0 && part.length <= 4_000);
          assert.ok(Buffer.byteLength(part.join('')) <= 400_000);
        }
      }),
      { numRuns: 30 },
    );
  });
});
