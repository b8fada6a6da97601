import assert from 'node:assert/strict';
import type { Figure } from '../../bench/benchmark.ts';
import { standingOf } from '../../bench/results/goals.ts';

describe('the goal of a figure', () => {
  const figure = (name: string, better: Figure['better'], ...samples: number[]): Figure => ({
    name,
    unit: 'ratio',
    better,
    kind: 'timed',
    samples,
  });

  it('is reached by the median, from the side that is better', () => {
    assert.deepEqual(standingOf(figure('delete ours/batches', 'higher', 0.2, 1, 1.1)), { goal: 1, isMet: true });
    assert.deepEqual(standingOf(figure('delete ours/batches', 'higher', 0.99, 0.5, 3)), { goal: 1, isMet: false });
    const time = 'reconcile wall time ours/full-scan at 10';
    assert.deepEqual(standingOf(figure(time, 'lower', 9, 1.2, 1.1)), { goal: 1.2, isMet: true });
    assert.deepEqual(standingOf(figure(time, 'lower', 1.21)), { goal: 1.2, isMet: false });
  });

  it('is none for most', () => {
    assert.equal(standingOf(figure('delete ours assets/s', 'higher', 1)), undefined);
  });
});
