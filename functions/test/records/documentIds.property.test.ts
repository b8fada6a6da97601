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

  it('reads every id that a document can have, whoever made it', () => {
    const id = fc.string({ unit: fc.constantFrom('%', '2', 'F', 'E', 'x', 'ä') });
    fc.assert(
      fc.property(id, (written) => {
        textFromDocumentId(written);
      }),
    );
    assert.equal(textFromDocumentId('50% of it'), '50% of it');
    assert.equal(textFromDocumentId('%E4'), '%E4');
  });

  it('leaves the hex form of an ObjectId as it is', () => {
    assert.equal(documentIdFrom('66f0a1b2c3d4e5f6a7b8c9d0'), '66f0a1b2c3d4e5f6a7b8c9d0');
  });
});
