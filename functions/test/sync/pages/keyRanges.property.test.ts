// Attacks I1: cutting a range must neither lose a key nor give it to two workers.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KeyRange } from '../../../src/records/projectRecord.ts';
import { expectedBehind, splitRange } from '../../../src/sync/pages/keyRanges.ts';

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

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abcXYZ019-_~ ') }),
  fc.nat({ max: 99_999 }).map((number) => `asset-${String(number).padStart(6, '0')}`),
  fc.string({
    minLength: 20,
    maxLength: 20,
    unit: fc.constantFrom(...alphanumeric),
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
        fc.integer({ min: 1, max: 9 }),
        (after, last, before, keys, count) => {
          const range: KeyRange = { collection: 'c', after, before };
          if (before !== null && comparePaths(after, before) >= 0) return;
          const parts = splitRange(range, last, count);
          assert.ok(parts.length >= 1 && parts.length <= count, `${parts.length} parts instead of ${count}`);
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

  it('cuts usual ids evenly, and leaves the end open', () => {
    const autoId = fc.string({ minLength: 20, maxLength: 20, unit: fc.constantFrom(...alphanumeric) });
    const numbered = fc.nat({ max: 999_999 }).map((number) => `asset-${String(number).padStart(6, '0')}`);
    const uuid = fc.uuid();
    for (const ids of [autoId, numbered, uuid]) {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.noBias(ids), { minLength: 2_000, maxLength: 2_000 }),
          fc.integer({ min: 2, max: 8 }),
          (names, count) => {
            const [first = '', ...keys] = names.map((name) => `media/${name}`).sort();
            const range: KeyRange = { collection: 'c', after: first, before: null };
            const parts = splitRange(range, keys.at(-1) ?? null, count);
            assert.equal(parts.length, count);
            assert.equal(parts.at(-1)?.before, null);
            for (const part of parts) {
              const share = keys.filter((key) => contains(part, key)).length / keys.length;
              assert.ok(Math.abs(share - 1 / count) < 0.06, `${share} of the keys are in one of ${count} parts`);
            }
          },
        ),
        { numRuns: 5, endOnFailure: true },
      );
    }
  });

  it('tells from the keys of a page how many lie behind it', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `media/asset-${String(index * 7).padStart(6, '0')}`);
    const [first = '', from = '', to = ''] = [keys[0], keys[1_999], keys.at(-1)];
    const expected = expectedBehind(first, from, to, 2_000) ?? Number.NaN;
    assert.ok(Math.abs(expected - 8_000) < 80, `${expected} expected instead of 8,000`);
    assert.equal(expectedBehind(from, from, to, 2_000), undefined);
    assert.equal(expectedBehind('media/ä', 'media/ö', 'media/ü', 2_000), undefined);
  });

  it('does not cut what it cannot', () => {
    for (const [after, before, last] of [
      [null, null, 'media/z'],
      ['media/a', null, null],
      ['media/a', 'media/a', null],
      ['media/a', null, 'other/b'],
    ] as const) {
      const range: KeyRange = { collection: 'c', after, before };
      assert.deepEqual(splitRange(range, last, 4), [range]);
    }
  });
});
