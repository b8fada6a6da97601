// Red or green: what was promised against what was measured. A time that nobody measured is never green by itself.
import assert from 'node:assert/strict';
import { minuteMs } from '../../src/clock.ts';
import { histogramOf } from '../../src/measures/histogram.ts';
import { emptyMeasure, type Measure } from '../../src/measures/measure.ts';
import { judgeTargets, type Target } from '../../src/measures/targets.ts';

const goals = { shownMs: 120_000, relayLagMs: 300_000, recoveryMs: 900_000, progressMs: 900_000 };
const calm: Measure = { ...emptyMeasure, relayLagMs: 100 };
const hour = (minute: (index: number) => Measure | null) => Array.from({ length: 60 }, (_, index) => minute(index));

function judged(minutes: readonly (Measure | null)[]): Record<Target['name'], [number | null, boolean]> {
  const [shown, lag, recovery, progress] = judgeTargets(minutes, goals);
  const of = (target: Target | undefined): [number | null, boolean] => [target?.measured ?? null, target?.met ?? false];
  return { 'commit-to-shown': of(shown), 'relay-lag': of(lag), recovery: of(recovery), progress: of(progress) };
}

describe('targets', () => {
  it('are met by a quiet hour', () => {
    assert.deepEqual(judged(hour(() => calm)), {
      'commit-to-shown': [null, true],
      'relay-lag': [100, true],
      recovery: [0, true],
      progress: [0, true],
    });
  });

  it('are not met by an hour that nobody measured', () => {
    for (const [measured, met] of Object.values(judged(hour(() => null)))) {
      assert.deepEqual([measured, met], [null, false]);
    }
  });

  it('count the time of nineteen in twenty events', () => {
    const slow = { ...calm, shown: histogramOf([300_000]) };
    const fast = { ...calm, shown: histogramOf(Array.from({ length: 19 }, () => 1_000)) };
    assert.equal(judged(hour((index) => (index === 9 ? slow : index === 8 ? fast : calm)))['commit-to-shown'][1], true);
    assert.deepEqual(judged(hour((index) => (index === 9 ? slow : calm)))['commit-to-shown'], [300_000, false]);
  });

  it('go by the newest lag, and by the longest outage', () => {
    const late = { ...calm, relayLagMs: 400_000, relayDownMs: 1_000_000 };
    assert.deepEqual(judged(hour((index) => (index === 30 ? late : calm)))['relay-lag'], [100, true]);
    assert.deepEqual(judged(hour((index) => (index === 59 ? late : calm)))['relay-lag'], [400_000, false]);
    assert.deepEqual(judged(hour((index) => (index === 30 ? late : calm))).recovery, [1_000_000, false]);
  });

  it('allow for a hand-over, and take longer silence for the outage that it is', () => {
    assert.equal(judged(hour((index) => (index < 58 ? calm : null)))['relay-lag'][1], true);
    const silent = judged(hour((index) => (index < 40 ? calm : null)));
    assert.deepEqual(silent['relay-lag'], [null, false]);
    assert.deepEqual(silent.recovery, [20 * minuteMs, false]);
  });

  it('are missed while work waits and none is done', () => {
    const stuck = { ...calm, backlog: 3, stalledMs: 1_000_000 };
    assert.deepEqual(judged(hour((index) => (index === 59 ? stuck : calm))).progress, [1_000_000, false]);
  });
});
