// What goes over the topic of alerts: whatever a log line holds becomes plain fields, and what is no alert is refused.
import assert from 'node:assert/strict';
import { alertKey } from '../../src/alerts/alertKey.ts';
import { decodeAlertMessage, encodeAlertMessage, raisedMessage } from '../../src/alerts/alertMessage.ts';

describe('messages of alerts', () => {
  const once = { id: 'm1', count: 1, at: 5 };

  it('are one alert for what is decided together, however many projects it is about', () => {
    assert.equal(alertKey('hold', { projectId: 'p1' }), 'hold');
    assert.equal(alertKey('dead-letter', { projectId: 'p1', reason: 'attempts' }), 'dead-letter:attempts');
    assert.equal(alertKey('dead-letter', { projectId: 'p1' }), 'dead-letter');
    assert.equal(alertKey('dead-letter', { reason: 'invented <7>' }), 'dead-letter');
    assert.equal(alertKey('target-missed', { target: 'relay-lag' }), 'target-missed:relay-lag');
  });

  it('come out as they went in', () => {
    for (const message of [
      raisedMessage('hold', 'held', { projectId: 'p1', assets: 3, stale: false, actor: null }, once),
      { kind: 'ended', key: 'hold', at: 7 },
      { kind: 'look', key: 'hold' },
    ] as const) {
      assert.deepEqual(decodeAlertMessage(encodeAlertMessage(message).data), { ok: true, message });
    }
  });

  it('hold any field of a log line, cut where it is long', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const { fields } = raisedMessage(
      'hold',
      'held',
      {
        error: new Error('outer', { cause: new Error('inner') }),
        list: [1, { a: 2 }],
        circle,
        nothing: undefined,
        endless: Number.POSITIVE_INFINITY,
        long: 'x'.repeat(5_000),
        half: '\ud83c',
        __reserved__: 1,
      },
      once,
    );
    assert.deepEqual(
      { ...fields, long: String(fields.long).length },
      {
        error: 'outer (because: inner)',
        list: '[1,{"a":2}]',
        circle: '[object Object]',
        endless: 'null',
        long: 1_000,
        half: '\ufffd',
      },
    );
  });

  it('that are none are refused with the reason', () => {
    for (const text of ['{', '{}', '{"kind":"look"}', '{"kind":"raised","id":"x"}']) {
      const decoded = decodeAlertMessage(Buffer.from(text));
      assert.ok(!decoded.ok && decoded.reason.length > 0, text);
    }
  });
});
