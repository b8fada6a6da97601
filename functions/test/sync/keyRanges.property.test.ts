// Attacks I1: cutting a range must neither lose a key nor give it to two workers.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KeyRange } from '../../src/records/projectRecord.ts';
import { splitRange } from '../../src/sync/pages/keyRanges.ts';

/** Firestore orders paths segment by segment, and each by its UTF-8 bytes. */
function comparePaths(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const order = Buffer.compare(Buffer.from(left[index] ?? ''), Buffer.from(right[index] ?? ''));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const contains = (range: KeyRange, key: string) =>
  (range.after === null || comparePaths(key, range.after) > 0) &&
  (range.before === null || comparePaths(key, range.before) < 0);

const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abcXYZ019-_~ ') }),
  fc.nat({ max: 99_999 }).map((number) => `asset-${String(number).padStart(6, '0')}`),
  fc.string({
    minLength: 20,
    maxLength: 20,
    unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'),
  }),
  fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme' }).filter((text) => !text.includes('/')),
);
const path = fc.oneof(
  id.map((name) => `media/${name}`),
  fc.tuple(id, id).map(([board, scene]) => `boards/${board}/scenes/${scene}`),
);

describe('splitRange (property)', () => {
  it('puts every key of the range into exactly one part, and no other key into any', () => {
    fc.assert(
      fc.property(
        path,
        path,
        fc.option(path, { nil: null }),
        fc.array(path, { maxLength: 30 }),
        (after, last, before, keys) => {
          const range: KeyRange = { collection: 'c', after, before };
          if (before !== null && comparePaths(after, before) >= 0) return;
          const parts = splitRange(range, last);
          if (parts === undefined) return;
          for (const key of [...keys, last]) {
            const holders: number = parts.filter((part) => contains(part, key)).length;
            assert.equal(
              holders,
              contains(range, key) ? 1 : 0,
              `${key} is in ${holders} parts of ${JSON.stringify(parts)}`,
            );
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('cuts usual ids near the middle, and leaves the end open', () => {
    const [low, high] =
      splitRange({ collection: 'c', after: 'media/asset-000100', before: null }, 'media/asset-000900') ?? [];
    assert.ok(low && high);
    assert.equal(high.before, null);
    const keys = Array.from({ length: 800 }, (_, index) => `media/asset-${String(index + 101).padStart(6, '0')}`);
    const inLow = keys.filter((key) => contains(low, key)).length;
    assert.ok(inLow > 100 && inLow < 700, `${inLow} of 800 keys in the lower part`);
  });

  it('does not cut what it cannot', () => {
    assert.equal(splitRange({ collection: 'c', after: null, before: null }, 'media/z'), undefined);
    assert.equal(splitRange({ collection: 'c', after: 'media/a', before: null }, null), undefined);
    assert.equal(splitRange({ collection: 'c', after: 'media/a', before: 'media/a' }, null), undefined);
  });
});
