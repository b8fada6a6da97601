import assert from 'node:assert/strict';
import { createRelayHealth, logStatus } from '../../src/relay/health.ts';
import { recordedLog } from '../sync/worker.fixture.ts';

describe('status of the relay in the log', () => {
  it('tells the lag at least once a minute, until it is stopped', () => {
    let now = 1_000_000;
    const timers: { at: number; run: () => void }[] = [];
    const clock = {
      now: () => now,
      after(ms: number, run: () => void) {
        const timer = { at: now + ms, run };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    };
    const advance = (ms: number) => {
      for (const end = now + ms; ; ) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) {
          now = end;
          return;
        }
        now = due.at;
        timers.splice(timers.indexOf(due), 1);
        due.run();
      }
    };
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
    advance(60_000);
    assert.equal(log.lines.length, 2);
    assert.deepEqual(log.lines[1]?.fields, {
      signal: 'relay-status',
      phase: 'standing-by',
      lagMs: 150_000,
      inFlight: 3,
      published: 7,
    });
    stop();
    advance(600_000);
    assert.equal(log.lines.length, 2);
  });
});
