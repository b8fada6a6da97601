import assert from 'node:assert/strict';

import { createRelayHealth, logStatus } from '../../../src/relay/status/health.ts';
import { manualClock } from '../../support/clock.ts';
import { recordedLog } from '../../support/log.ts';

describe('status of the relay in the log', () => {
  it('tells the lag at least once a minute, until it is stopped', () => {
    const clock = manualClock(1_000_000);
    const health = createRelayHealth(clock);
    health.watch({
      lease: () => null,
      lastCheckpointAt: () => null,
      inFlight: () => 3,
      published: () => 7,
      deadLettered: () => 0,
      oldestUnpublishedAt: () => 1_000_000 - 90_000,
    });
    const log = recordedLog();
    const stop = logStatus(health, clock, log);
    clock.advance(60_000);
    assert.equal(log.lines.length, 2);
    assert.deepEqual(log.lines[1]?.fields, {
      signal: 'relay-status',
      phase: 'standing-by',
      lagMs: 150_000,
      inFlight: 3,
      published: 7,
    });
    stop();
    clock.advance(600_000);
    assert.equal(log.lines.length, 2);
  });
});
