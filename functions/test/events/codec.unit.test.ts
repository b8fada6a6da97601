// Attacks I7: what a bad message gets is a reason, never an exception and never silence.
import assert from 'node:assert/strict';
import { decodeEvent } from '../../src/events/codec.ts';
import { eventJsonSchema } from '../../src/events/contract.ts';

const good = {
  specversion: 1,
  id: '66f0:6740a1b2000000030000',
  type: 'ProjectUpdated',
  projectId: '66f0',
  version: '6740a1b2000000030000',
  occurredAt: '2026-11-22T12:00:00.000Z',
  changes: { name: 'New title' },
  origin: { service: 'collaboration-service', actor: 'user-17', channel: 'change-stream' },
};

function reasonOf(change: Record<string, unknown>): string {
  const decoded = decodeEvent(Buffer.from(JSON.stringify({ ...good, ...change })));
  assert.equal(decoded.ok, false);
  return decoded.ok ? '' : decoded.reason;
}

describe('decodeEvent', () => {
  it('reads the example of the contract', () => {
    const decoded = decodeEvent(Buffer.from(JSON.stringify(good)));
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.event.changes, { name: 'New title' });
  });

  it('says what is wrong with each kind of bad message', () => {
    assert.match(reasonOf({ type: 'ProjectArchived' }), /^type: /);
    assert.match(reasonOf({ specversion: 2 }), /specversion: this version reads 1, the message has 2/);
    assert.match(reasonOf({ projectId: 'a/b', id: `a/b:${good.version}` }), /projectId: .*"\/"/);
    assert.match(
      reasonOf({ projectId: 'x'.repeat(2048), id: `${'x'.repeat(2048)}:${good.version}` }),
      /longer than 256 bytes/,
    );
    assert.match(reasonOf({ projectId: '', id: `:${good.version}` }), /empty/);
    assert.match(reasonOf({ version: 'ABC', id: '66f0:ABC' }), /version: expected 20 hex digits/);
    assert.match(reasonOf({ id: 'other' }), /id: expected the project id/);
    assert.match(reasonOf({ changes: { grid: [[1]] } }), /array directly inside an array/);
    assert.match(reasonOf({ occurredAt: 'yesterday' }), /occurredAt: /);
    const notJson = decodeEvent(Buffer.from('{"specversion": 1'));
    assert.ok(!notJson.ok && notJson.reason.startsWith('not JSON'));
    const notText = decodeEvent(Buffer.from([0xff, 0xfe, 0x00]));
    assert.ok(!notText.ok && notText.reason.startsWith('not JSON'));
  });

  it('takes a date in ISO 8601, and no other text that an engine may read as one', () => {
    const decoded = ($date: unknown) =>
      decodeEvent(Buffer.from(JSON.stringify({ ...good, changes: { due: { $date } } })));
    for (const text of ['2026-01-02', '2026-01-02T03:04Z', '2026-01-02T03:04:05.678901+01:00']) {
      assert.equal(decoded(text).ok, true, text);
    }
    for (const text of ['0.10', '1', 'March 7', '2026', '2026-1-2', '2026-01-02 03:04', '2026-13-01', '', 1, null]) {
      const result = decoded(text);
      assert.match(result.ok ? 'taken' : result.reason, /ISO 8601/, String(text));
    }
    for (const text of ['+010000-01-01T00:00:00.000Z', '-000001-01-01T00:00:00.000Z', '0000-01-01']) {
      const result = decoded(text);
      assert.match(result.ok ? 'taken' : result.reason, /years 1 to 9999/, text);
    }
  });

  it('takes values of 15 levels, and none of more', () => {
    const nested = (levels: number): unknown => (levels === 1 ? 'x' : { a: nested(levels - 1) });
    const decoded = (levels: number) =>
      decodeEvent(Buffer.from(JSON.stringify({ ...good, changes: { due: nested(levels) } })));
    assert.equal(decoded(15).ok, true);
    const result = decoded(16);
    assert.match(result.ok ? 'taken' : result.reason, /more than 15 levels/);
  });

  it('carries dates and numbers that JSON cannot hold', () => {
    const changes = { due: { $date: '2026-01-02T03:04:05.678Z' }, ratio: { $numberDouble: 'NaN' } };
    const decoded = decodeEvent(Buffer.from(JSON.stringify({ ...good, changes })));
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.event.changes.due, new Date('2026-01-02T03:04:05.678Z'));
    assert.ok(Number.isNaN(decoded.event.changes.ratio));
  });

  it('publishes its contract as JSON Schema', () => {
    const schema = JSON.stringify(eventJsonSchema());
    for (const field of ['specversion', 'projectId', 'version', 'occurredAt', 'changes', 'origin']) {
      assert.ok(schema.includes(`"${field}"`), field);
    }
  });
});
