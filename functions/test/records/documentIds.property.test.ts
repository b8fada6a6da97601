import assert from 'node:assert/strict';
import fc from 'fast-check';
import { documentIdFrom, textFromDocumentId } from '../../src/records/documentIds.ts';

describe('documentIdFrom (property)', () => {
  it('makes a valid Firestore id of any project id, one to one', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.constantFrom('.', '..', '__x__', '__', 'a.b', '%2E', 'a/b'),
    );
    fc.assert(
      fc.property(text, (original) => {
        const id = documentIdFrom(original);
        assert.ok(!id.includes('/') && id !== '.' && id !== '..' && !/^__.*__$/.test(id), id);
        assert.equal(textFromDocumentId(id), original);
      }),
    );
  });

  it('leaves the hex form of an ObjectId as it is', () => {
    assert.equal(documentIdFrom('66f0a1b2c3d4e5f6a7b8c9d0'), '66f0a1b2c3d4e5f6a7b8c9d0');
  });
});
