// What a finding says of a copy: attacks two long lists that are cut before they differ, and so look the same.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalText } from '../../../src/reconcile/scan/canonicalText.ts';
import { differenceText } from '../../../src/reconcile/scan/differenceText.ts';

const members = ['Mara Okafor', 'Kim Joon-ho', 'Aiko Tanabe'].map((name, index) => ({
  name,
  role: 'editor',
  userId: `user-${index}`,
}));

describe('the difference of a copy', () => {
  it('is both values, where they are short', () => {
    assert.equal(differenceText('old', 'new'), '"old", should be "new"');
    assert.equal(differenceText(undefined, 'new'), 'missing, should be "new"');
    assert.equal(differenceText(['a'], null), '["a"], should be null');
  });

  it('shows the entry of a list that differs', () => {
    const wanted = members.map((member, index) => (index === 2 ? { ...member, role: 'viewer' } : member));
    assert.equal(
      differenceText(members, wanted),
      '…iko Tanabe","role":"editor","userId":"user-2"}], should be …iko Tanabe","role":"viewer","userId":"user-2"}]',
    );
    assert.match(differenceText(members, members.slice(0, 2)), /Aiko.*, should be .*\]$/);
  });

  it('never says the same of two that differ in text', () => {
    const long = fc.array(fc.constantFrom('a', 'b', '🎬'.repeat(10)), { maxLength: 40 });
    fc.assert(
      fc.property(long, long, (has, should) => {
        if (canonicalText(has) === canonicalText(should)) return;
        const [left, right] = differenceText(has, should).split(', should be ');
        assert.notEqual(left, right);
      }),
    );
  });
});
