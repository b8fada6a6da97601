// What webhooks are sent: attacks a text that is cut in the middle of a character, which a receiver may refuse.
import assert from 'node:assert/strict';
import type { AlertRecord } from '../../src/alerts/alertRecord.ts';
import { webhookCall } from '../../src/alerts/webhooks/formats.ts';

const alert: AlertRecord = {
  key: 'hold',
  alarm: 'hold',
  state: 'open',
  message: `x${'🎬'.repeat(2_000)}`,
  hint: 'decide',
  fields: {},
  count: 1,
  firstAt: 0,
  lastAt: 0,
  opening: 1,
  acknowledgedBy: null,
  acknowledgedAt: null,
  closedBy: null,
  closedAt: null,
  escalatedAt: null,
  counted: [],
  sent: [],
  sending: null,
  lookAt: null,
  expireAt: null,
};

describe('the call of a webhook', () => {
  it('is well-formed for PagerDuty, wherever its texts are cut', () => {
    const address = { format: 'pagerduty', url: 'https://events.example/enqueue', routingKey: 'r' } as const;
    for (const key of ['hold', 'holds', `${'🎬'.repeat(200)}`, `x${'🎬'.repeat(200)}`]) {
      const { body } = webhookCall(address, { change: 'opened', alert: { ...alert, key }, source: 'demo' });
      const { dedup_key, payload }: { dedup_key: string; payload: { summary: string } } = JSON.parse(body);
      assert.ok(dedup_key.isWellFormed() && dedup_key.length <= 255, dedup_key);
      assert.ok(payload.summary.isWellFormed() && payload.summary.length <= 1_024, payload.summary);
    }
  });
});
