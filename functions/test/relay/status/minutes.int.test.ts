// A relay whose minutes are measured goes on and ends as one whose are not, whatever becomes of the measuring.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { minuteMs, secondMs } from '../../../src/clock.ts';
import type { RelayMinute } from '../../../src/relay/status/minutes.ts';
import { until } from '../../support/until.ts';
import { type RelayFixture, startRelayFixture } from '../fixtures/relay.fixture.ts';

describe('a relay whose minutes are measured', () => {
  let fixture: RelayFixture;
  beforeEach(async () => {
    fixture = await startRelayFixture();
  });
  afterEach(() => fixture.close());

  /** A relay that has been at work in a minute, and one after it that begins just before that minute is looked at. */
  async function afterAHandOver(onMinute: () => Promise<void>) {
    const before = await fixture.reading();
    await fixture.projects.insertOne({ _id: new ObjectId(), name: 'first' });
    await until(() => fixture.events().length === 1);
    await before.stop();
    const seenAt = (await fixture.record()).checkpointAt ?? 0;
    const end = (Math.floor(seenAt / minuteMs) + 1) * minuteMs;
    const seen: RelayMinute[] = [];
    const relay = await fixture.reading({
      aheadMs: end - Date.now() + 2 * secondMs,
      onMinute: (minute) => {
        seen.push(minute);
        return onMinute();
      },
    });
    await until(() => seen.length === 1);
    return { relay, seen, start: end - minuteMs };
  }

  it('hands its state over, and publishes and ends while the measuring hangs', async () => {
    const { relay, seen, start } = await afterAHandOver(() => new Promise(() => undefined));
    assert.equal(seen[0]?.start, start);
    assert.ok((seen[0]?.relay.lagMs ?? -1) >= 0);
    await fixture.projects.insertOne({ _id: new ObjectId(), name: 'second' });
    await until(() => fixture.events().length === 2);
    assert.equal((await relay.stop()).kind, 'stopped');
  });

  it('does not fail with the measuring', async () => {
    const { relay } = await afterAHandOver(() => Promise.reject(new Error('unavailable')));
    await until(() => relay.log.lines.some(({ fields }) => fields.error === 'unavailable'));
    await fixture.projects.insertOne({ _id: new ObjectId(), name: 'second' });
    await until(() => fixture.events().length === 2);
    assert.equal((await relay.stop()).kind, 'stopped');
  });
});
