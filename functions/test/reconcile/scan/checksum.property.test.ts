import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addToChecksum, emptyChecksum } from '../../../src/reconcile/scan/checksum.ts';

const sumOf = (entries: readonly (readonly unknown[])[]) => entries.reduce<string>(addToChecksum, emptyChecksum);
const entry = fc.tuple(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null)));

describe('checksum of a bag of entries', () => {
  it('is the same in any order', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.infiniteStream(fc.nat()), (entries, keys) => {
        const shuffled = entries
          .map((value) => ({ value, key: keys.next().value ?? 0 }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ value }) => value);
        assert.equal(sumOf(shuffled), sumOf(entries));
      }),
    );
  });

  it('is another one when an entry is missing, is there twice, or differs', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1 }), fc.nat(), (entries, at) => {
        const index = at % entries.length;
        const one = entries[index] ?? ['', null];
        const without = entries.toSpliced(index, 1);
        const sum = sumOf(entries);
        assert.notEqual(sumOf(without), sum);
        assert.notEqual(sumOf([...entries, one]), sum);
        assert.notEqual(sumOf([...without, [one[0], `${one[1]}!`]]), sum);
      }),
    );
  });
});
