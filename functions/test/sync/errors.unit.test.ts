// Which errors are worth another try: attacks I7, where one is retried that no try repairs, or one is not that passes
// by itself.
import assert from 'node:assert/strict';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import { asksForLess, isTooBig } from '../../src/grpc.ts';
import { isTransient } from '../../src/sync/errors.ts';

const grpc = (code: number, message = 'x') => Object.assign(new Error(message), { code });
const mongo = (code: number, errorLabels: string[] = []) => new MongoServerError({ message: 'x', code, errorLabels });

describe('errors of the work on events', () => {
  it('knows which status codes of gRPC pass', async () => {
    for (const code of [1, 2, 4, 8, 10, 13, 14]) assert.ok(await isTransient(grpc(code)), `status ${code}`);
    for (const code of [3, 5, 7, 9, 16]) assert.ok(!(await isTransient(grpc(code))), `status ${code}`);
    assert.ok(await isTransient(grpc(3, 'The referenced transaction has expired or is no longer valid.')));
    for (const other of [new Error('a defect'), undefined, 'text', { code: '14' }])
      assert.ok(!(await isTransient(other)));
  });

  it('does not take a number of MongoDB for one of gRPC', async () => {
    // Unauthorized, TypeMismatch, UnknownError, NoSuchKey: as statuses they would be INTERNAL, UNAVAILABLE,
    // RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED.
    for (const code of [13, 14, 8, 4]) assert.ok(!(await isTransient(mongo(code))), `code ${code}`);
    for (const code of [8, 10]) assert.ok(!asksForLess(mongo(code)) && asksForLess(grpc(code)));
    const tooBig = new MongoServerError({ message: 'too large', code: 3 });
    assert.ok(!isTooBig(tooBig) && isTooBig(grpc(3, 'Transaction too big.')));
  });

  it('knows what of MongoDB passes: elections, interruptions, lost connections, and what the server calls retryable', async () => {
    for (const code of [11600, 11602, 10107, 13435, 189, 91, 50])
      assert.ok(await isTransient(mongo(code)), `code ${code}`);
    assert.ok(await isTransient(mongo(999_999, ['RetryableError'])));
    assert.ok(await isTransient(new MongoNetworkError('connection closed')));
  });
});
