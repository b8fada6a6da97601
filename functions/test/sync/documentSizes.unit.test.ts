import assert from 'node:assert/strict';
import { createDocumentSizes, wholeDocuments } from '../../src/sync/pages/documentSizes.ts';

const kibibyte = 1_024;

describe('the sizes of documents that are read whole', () => {
  it('are unknown at first: a page reads few', () => {
    const sizes = createDocumentSizes(wholeDocuments);
    assert.deepEqual([sizes.limit('media'), sizes.expected('media')], [32, undefined]);
  });

  it('let pages grow in steps where documents are small, up to a most', () => {
    const sizes = createDocumentSizes(wholeDocuments);
    const limits = Array.from({ length: 4 }, () => {
      sizes.observe('media', 10, 10 * 200);
      return sizes.limit('media');
    });
    assert.deepEqual(limits, [128, 128, 128, 128]);
  });

  it('make pages small at once where documents are large, and let them grow in steps after it', () => {
    const sizes = createDocumentSizes(wholeDocuments);
    for (let page = 0; page < 9; page += 1) sizes.observe('media', 100, 100 * 200);
    sizes.observe('media', 3, 3 * 1_024 * kibibyte);
    assert.equal(sizes.limit('media'), 2);
    sizes.observe('media', 2, 2 * kibibyte);
    assert.equal(sizes.limit('media'), 8);
    sizes.observe('media', 8, 8 * 8_192 * kibibyte);
    assert.equal(sizes.limit('media'), 1);
  });

  it('are those of each collection', () => {
    const sizes = createDocumentSizes(wholeDocuments);
    sizes.observe('media', 1, 1_024 * kibibyte);
    sizes.observe('analyses', 0, 0);
    assert.deepEqual([sizes.limit('analyses'), sizes.expected('analyses')], [32, undefined]);
  });
});
