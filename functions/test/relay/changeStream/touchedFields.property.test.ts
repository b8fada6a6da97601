import assert from 'node:assert/strict';
import fc from 'fast-check';
import { touchingPattern, touchOf, withoutCovered } from '../../../src/relay/changeStream/touchedFields.ts';

const segment = fc.constantFrom('a', 'b', 'ab', '0', 'a+', 'a$', '(', 'é', 'x-y', 'n\nl');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'));

describe('touched fields', () => {
  it('knows what a change at a path tells of a field', () => {
    assert.equal(touchOf('name', 'name'), 'whole');
    assert.equal(touchOf('profile', 'profile.title'), 'whole');
    assert.equal(touchOf('profile.title', 'profile'), 'part');
    assert.equal(touchOf('tags.3', 'tags'), 'part');
    assert.equal(touchOf('names', 'name'), 'none');
    assert.equal(touchOf('name', 'names'), 'none');
    assert.equal(touchOf('profile.titles', 'profile.title'), 'none');
    assert.equal(touchingPattern([]), undefined);
  });

  it('gives MongoDB a pattern that lets through exactly what touches a field', () => {
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 4 }), path, (fields, changed) => {
        const touched = fields.some((field) => touchOf(changed, field) !== 'none');
        assert.equal(new RegExp(touchingPattern(fields) ?? '').test(changed), touched);
      }),
    );
  });

  it('leaves no two paths of which one covers the other, and loses none', () => {
    fc.assert(
      fc.property(fc.array(path, { maxLength: 6 }), (paths) => {
        const left = withoutCovered(paths);
        for (const one of left) {
          assert.deepEqual(
            left.filter((other) => touchOf(other, one) !== 'none'),
            [one],
          );
        }
        for (const one of paths) assert.ok(left.some((other) => one === other || one.startsWith(`${other}.`)));
      }),
    );
  });
});
