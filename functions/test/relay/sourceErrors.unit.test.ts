import assert from 'node:assert/strict';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import { sourceErrorKind } from '../../src/relay/sourceErrors.ts';

describe('errors of the source', () => {
  const server = (code: number, errorLabels: string[] = []) =>
    new MongoServerError({ message: 'x', code, errorLabels });

  it('tells a lost place from a passing failure and from one that needs a person', () => {
    for (const code of [286, 280, 260, 136]) {
      assert.equal(sourceErrorKind(server(code, ['ResumableChangeStreamError'])), 'history-lost');
    }
    for (const code of [189, 11600, 43, 237]) assert.equal(sourceErrorKind(server(code)), 'passing');
    assert.equal(sourceErrorKind(server(999_999, ['ResumableChangeStreamError'])), 'passing');
    assert.equal(sourceErrorKind(new MongoNetworkError('connection closed')), 'passing');
    for (const code of [13, 18, 40415]) assert.equal(sourceErrorKind(server(code)), 'permanent');
    assert.equal(sourceErrorKind(new Error('a defect')), 'permanent');
  });
});
