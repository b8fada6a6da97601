// What webhooks are sent: attacks a text that is cut in the middle of a character, which a receiver may refuse.
import assert from 'node:assert/strict';
import { webhookCall } from '../../src/alerts/webhooks/formats.ts';
import { openAlert } from '../api/records.fixture.ts';

describe('the call of a webhook', () => {
  it('is well-formed for PagerDuty, wherever its texts are cut', () => {
    const address = { format: 'pagerduty', url: 'https://events.example/enqueue', routingKey: 'r' } as const;
    const message = `x${'🎬'.repeat(2_000)}`;
    for (const key of ['hold', 'holds', `${'🎬'.repeat(200)}`, `x${'🎬'.repeat(200)}`]) {
      const { body } = webhookCall(address, {
        change: 'opened',
        alert: openAlert(1, { key, message }),
        source: 'demo',
      });
      const { dedup_key, payload }: { dedup_key: string; payload: { summary: string } } = JSON.parse(body);
      assert.ok(dedup_key.isWellFormed() && dedup_key.length <= 255, dedup_key);
      assert.ok(payload.summary.isWellFormed() && payload.summary.length <= 1_024, payload.summary);
    }
  });
});
