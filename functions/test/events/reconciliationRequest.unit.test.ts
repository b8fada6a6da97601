import assert from 'node:assert/strict';
import { decodeReconciliationRequest, encodeReconciliationRequest } from '../../src/events/reconciliationRequest.ts';

const decoded = (data: string) => decodeReconciliationRequest(Buffer.from(data), () => 'report');

// I7: a request says what it wants in one contract, whoever wrote it; what does not fit is an outcome, never an
// exception.
describe('requests for a reconciliation', () => {
  it('come back as they were written, with what they leave out', () => {
    const { data, attributes } = encodeReconciliationRequest(
      { reason: 'history-lost', mode: 'clean', projectIds: ['p1'] },
      { reason: 'history-lost' },
    );
    assert.deepEqual(attributes, { reason: 'history-lost' });
    assert.deepEqual(decoded(data.toString()), {
      ok: true,
      request: { mode: 'clean', reason: 'history-lost', projectIds: ['p1'] },
    });
    assert.deepEqual(decoded(''), { ok: true, request: { mode: 'report', reason: 'request' } });
  });

  it('say whether files that no asset names are looked for, and from what age they are removed', () => {
    assert.deepEqual(decoded('{"mode":"clean","files":true,"filesOlderThanDays":30}'), {
      ok: true,
      request: { mode: 'clean', reason: 'request', files: true, filesOlderThanDays: 30 },
    });
    for (const days of ['0', '-1', '1.5', '"all"']) {
      assert.equal(decoded(`{"files":true,"filesOlderThanDays":${days}}`).ok, false, days);
    }
  });

  it('carry fields of a later version, and take off no brake', () => {
    assert.deepEqual(decoded('{"reason":"relay","requestedAt":"today","allow":{"shrink":true}}'), {
      ok: true,
      request: { mode: 'report', reason: 'relay' },
    });
  });

  it('that do not fit say why', () => {
    const tooMany = JSON.stringify({ projectIds: Array.from({ length: 501 }, String) });
    for (const [data, problem] of [
      ['{', /not JSON/],
      ['[]', /expected object/],
      ['{"mode":"destroy"}', /mode/],
      [tooMany, /projectIds/],
    ] as const) {
      const answer = decoded(data);
      assert.ok(!answer.ok);
      assert.match(answer.reason, problem);
    }
  });
});
