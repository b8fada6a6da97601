import assert from 'node:assert/strict';
import { parseDocumentPattern } from '../../../../local/servers/firestore/triggers/documentPattern.ts';

describe('the document path of a Firestore trigger', () => {
  const cases: readonly (readonly [pattern: string, path: string, matches: boolean])[] = [
    ['boards/one', 'boards/one', true],
    ['boards/one', 'boards/two', false],
    ['boards/{id}', 'boards/two', true],
    ['/boards/{id}/', 'boards/two', true],
    ['boards/{id}', 'boards/two/panels/three', false],
    ['boards/{id}', 'other/two', false],
    ['boards/{id}/panels/{panel}', 'boards/two/panels/three', true],
    ['boards/{id}/panels/{panel}', 'boards/two', false],
    ['boards/{id}/{any}/{panel}', 'boards/two/frames/three', true],
  ];
  for (const [pattern, path, matches] of cases) {
    it(`${pattern} ${matches ? 'is for' : 'is not for'} ${path}`, () => {
      assert.equal(parseDocumentPattern(pattern)(path), matches);
    });
  }

  for (const [pattern, why] of [
    ['boards', /names a collection, not a document/],
    ['boards/{id}/panels', /names a collection, not a document/],
    ['{path=**}/panels/{panel}', /names a collection, not a document/],
    ['boards/{path=**}', /the segment "\{path=\*\*\}"; a wildcard is a whole segment/],
    ['boards/**', /the segment "\*\*"/],
    ['boards/user-{id}', /the segment "user-\{id\}"/],
    ['boards//panels/{id}', /an empty segment/],
    ['', /names a collection/],
  ] as const) {
    it(`refuses "${pattern}"`, () => {
      assert.throws(() => parseDocumentPattern(pattern), why);
    });
  }
});
