import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { letterOfChange } from '../../src/relay/deadLetter.ts';

describe('dead letter of a change', () => {
  const buried = { change: { id: new ObjectId(), n: 1 }, reason: 'value' as const, version: null, at: 0 };

  it('carries the change and why, and the same bytes every time', () => {
    const letter = letterOfChange({ ...buried, error: 'name: bad' }, 1_000);
    assert.equal(JSON.parse(letter.data.toString()).n, 1);
    assert.deepEqual(letter.attributes, {
      error: 'name: bad',
      reason: 'value',
      source: 'relay',
      deadLetteredAt: '1970-01-01T00:00:00.000Z',
    });
    assert.deepEqual(letterOfChange({ ...buried, error: '' }, 1_000).data, letter.data);
  });

  it('fits into a message whatever it has to tell', () => {
    const letter = letterOfChange({ ...buried, change: 'x'.repeat(2_000), error: 'é'.repeat(2_000) }, 1_000);
    assert.ok(letter.data.length < 100);
    assert.ok(Buffer.byteLength(letter.attributes.error ?? '') <= 1024);
  });
});
