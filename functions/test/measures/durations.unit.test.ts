// How long something has been wrong, told from one minute to the next, also where a relay ended in between.
import assert from 'node:assert/strict';
import { minuteMs } from '../../src/clock.ts';
import { durations } from '../../src/measures/durations.ts';
import { emptyMeasure } from '../../src/measures/measure.ts';
import { unusualDeletions } from '../../src/measures/unusual.ts';

const goals = { relayLagMs: 300_000 };
const near = { ...emptyMeasure, relayLagMs: 100 };
const calm = { before: near, silentMs: 0, relayLagMs: 100, backlog: 0, moved: false };

describe('an outage of the relay', () => {
  it('is none while the lag is within its target', () => {
    assert.equal(durations(calm, goals).relayDownMs, 0);
  });

  it('grows by every minute, and the minute in which it ends still has its length', () => {
    const first = durations({ ...calm, relayLagMs: 400_000 }, goals);
    assert.equal(first.relayDownMs, minuteMs);
    const far = { ...near, relayLagMs: 400_000, relayDownMs: minuteMs };
    assert.equal(durations({ ...calm, before: far, relayLagMs: null }, goals).relayDownMs, 2 * minuteMs);
    assert.equal(durations({ ...calm, before: far }, goals).relayDownMs, minuteMs);
    assert.equal(durations({ ...calm, before: { ...near, relayDownMs: minuteMs } }, goals).relayDownMs, 0);
  });

  it('begins when a relay was last seen', () => {
    assert.equal(durations({ ...calm, before: null, silentMs: 20 * minuteMs }, goals).relayDownMs, 20 * minuteMs);
  });
});

describe('work that waits', () => {
  it('stalls while none of it is done', () => {
    const stalled = { ...near, stalledMs: 5 * minuteMs };
    assert.equal(durations({ ...calm, before: stalled, backlog: 2 }, goals).stalledMs, 6 * minuteMs);
    assert.equal(durations({ ...calm, before: stalled, backlog: 2, moved: true }, goals).stalledMs, 0);
    assert.equal(durations({ ...calm, before: stalled, backlog: 0 }, goals).stalledMs, 0);
  });
});

describe('deletions within an hour', () => {
  const day = (deletions: number) => Array.from({ length: 24 }, () => deletions);

  it('are unusual far above the median of the hours before, and never when they are few', () => {
    assert.deepEqual(unusualDeletions(51, day(0)), { deletions: 51, limit: 50, median: 0 });
    assert.equal(unusualDeletions(50, day(0)), null);
    assert.equal(unusualDeletions(1_000, day(100)), null);
    assert.deepEqual(unusualDeletions(1_001, day(100)), { deletions: 1_001, limit: 1_000, median: 100 });
  });

  it('are not judged by less than a day', () => {
    assert.equal(unusualDeletions(10_000, day(0).slice(1)), null);
  });

  it('go by what is usual, not by one such hour before', () => {
    assert.equal(unusualDeletions(600, [...day(10), 100_000])?.limit, 100);
  });
});
