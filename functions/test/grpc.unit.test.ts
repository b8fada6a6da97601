// Which answers of Google's services are worth another call: attacks I7, where one is retried that no retry helps, or
// one is not that passes.
import assert from 'node:assert/strict';
import { MongoServerError } from 'mongodb';
import {
  asksForLess,
  isOvertaken,
  isRefusedMessage,
  isRefusedWrite,
  isTooBig,
  isTransientCall,
  statusOf,
} from '../src/grpc.ts';

const failed = (code: unknown, message = 'x') => Object.assign(new Error(message), { code });

describe('status codes of gRPC', () => {
  it('say which calls are worth another try', () => {
    for (const code of [1, 2, 4, 8, 10, 13, 14]) assert.ok(isTransientCall(failed(code)), `status ${code}`);
    for (const code of [3, 5, 6, 7, 9, 16]) assert.ok(!isTransientCall(failed(code)), `status ${code}`);
    assert.ok(isTransientCall(failed(3, 'The referenced transaction has expired or is no longer valid.')));
  });

  it('tell a refused write from a transaction that took too long', () => {
    for (const code of [3, 11]) assert.ok(isRefusedWrite(failed(code)), `status ${code}`);
    assert.ok(isRefusedWrite(failed(8, 'Transaction too big.')));
    assert.ok(!isRefusedWrite(failed(3, 'The referenced transaction has expired or is no longer valid.')));
    for (const code of [8, 10, 14]) assert.ok(!isRefusedWrite(failed(code)), `status ${code}`);
  });

  it('are not all there is: a broken socket passes, a wrong call and a defect do not', () => {
    for (const code of ['ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN']) assert.ok(isTransientCall(failed(code)), code);
    for (const error of [failed('ERR_INVALID_ARG_TYPE'), failed('14'), new Error('a defect'), undefined, 'text'])
      assert.ok(!isTransientCall(error), String(error));
  });

  it('are told from the numbers of MongoDB, which mean something else', () => {
    // Unauthorized, TypeMismatch, UnknownError: as statuses they would be INTERNAL, UNAVAILABLE, RESOURCE_EXHAUSTED.
    for (const code of [13, 14, 8]) {
      const error = new MongoServerError({ message: 'too large', code });
      assert.equal(statusOf(error), undefined);
      assert.ok(!isTransientCall(error) && !asksForLess(error) && !isTooBig(error));
    }
  });

  it('tell a refused message, an overtaken write, a request for less and one that is too big', () => {
    assert.ok(isRefusedMessage(failed(3)) && !isRefusedMessage(failed(14)));
    for (const code of [5, 6, 9]) assert.ok(isOvertaken(failed(code)));
    assert.ok(!isOvertaken(failed(10)));
    for (const code of [8, 10]) assert.ok(asksForLess(failed(code)));
    assert.ok(!asksForLess(failed(14)));
    assert.ok(isTooBig(failed(3, 'Transaction too big.')) && !isTooBig(failed(3, 'no such field')));
  });
});
