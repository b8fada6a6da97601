// What is done with every minute cannot harm the relay: it neither waits for it nor fails with it.
import assert from 'node:assert/strict';
import { minuteMs, secondMs } from '../../../src/clock.ts';
import { createRelayHealth } from '../../../src/relay/status/health.ts';
import { type MinuteObserver, type RelayMinute, startMinutes } from '../../../src/relay/status/minutes.ts';
import { manualClock } from '../../support/clock.ts';
import { recordedLog } from '../../support/log.ts';
import { settled } from '../../support/until.ts';

const noon = Date.UTC(2026, 10, 27, 12);

function setUp({
  startedAt = noon,
  seenBefore = null as number | null,
  observe = undefined as MinuteObserver | undefined,
} = {}) {
  const clock = manualClock(startedAt);
  const log = recordedLog();
  const seen: RelayMinute[] = [];
  let isLeader = true;
  const stop = startMinutes({
    observe: async (minute, signal) => {
      seen.push(minute);
      await observe?.(minute, signal);
    },
    health: createRelayHealth(clock),
    clock,
    log,
    holdsLease: () => isLeader,
    seenBefore,
  });
  return {
    clock,
    log,
    stop,
    starts: () => seen.map(({ start }) => (start - noon) / minuteMs),
    loseLease() {
      isLeader = false;
    },
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += secondMs) {
        clock.advance(secondMs);
        await settled();
      }
    },
  };
}

describe('the minutes of a relay', () => {
  it('are looked at one by one, a little after each is over', async () => {
    const { pass, starts } = setUp();
    await pass(minuteMs + 4 * secondMs);
    assert.deepEqual(starts(), []);
    await pass(secondMs);
    assert.deepEqual(starts(), [0]);
    await pass(2 * minuteMs);
    assert.deepEqual(starts(), [0, 1, 2]);
  });

  it('in which no relay was at work are left alone: they are gaps', async () => {
    const alone = setUp({ startedAt: noon + 2 * secondMs });
    await alone.pass(10 * secondMs);
    assert.deepEqual(alone.starts(), []);
    const longAgo = setUp({ startedAt: noon + 2 * secondMs, seenBefore: noon - 10 * minuteMs });
    await longAgo.pass(10 * secondMs);
    assert.deepEqual(longAgo.starts(), []);
  });

  it('are measured over a hand-over, also by one that took over after their end', async () => {
    const { pass, starts } = setUp({ startedAt: noon + 2 * secondMs, seenBefore: noon - secondMs });
    await pass(10 * secondMs);
    assert.deepEqual(starts(), [-1]);
  });

  it('go on after one that could not be measured', async () => {
    const { pass, starts, log } = setUp({ observe: () => Promise.reject(new Error('unavailable')) });
    await pass(2 * minuteMs + 6 * secondMs);
    assert.deepEqual(starts(), [0, 1]);
    assert.equal(log.lines.filter(({ level, fields }) => level === 'warn' && fields.error === 'unavailable').length, 2);
  });

  it('go on after one that never ends, which is asked to begin nothing new', async () => {
    const signals: AbortSignal[] = [];
    const { pass, starts, log, clock, stop } = setUp({
      observe: (_, signal) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    await pass(minuteMs + 6 * secondMs);
    assert.equal(signals[0]?.aborted, false);
    await pass(minuteMs);
    assert.deepEqual(starts(), [0, 1]);
    assert.equal(signals[0]?.aborted, true);
    assert.match(log.lines[0]?.message ?? '', /in time/);
    stop();
    await settled();
    assert.equal(clock.timers(), 0);
  });

  it('are left to the relay that has the lease', async () => {
    const { pass, starts, loseLease } = setUp();
    loseLease();
    await pass(2 * minuteMs);
    assert.deepEqual(starts(), []);
  });

  it('end with the relay', async () => {
    const { pass, starts, stop } = setUp();
    stop();
    await pass(2 * minuteMs);
    assert.deepEqual(starts(), []);
  });
});
