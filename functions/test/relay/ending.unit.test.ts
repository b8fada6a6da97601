import assert from 'node:assert/strict';
import { createEnding } from '../../src/relay/ending.ts';
import { manualClock } from '../support/clock.ts';

// I6: a run ends inside its time; only the first answer of MongoDB may take more of it, up to the very most.
describe('end of a run', () => {
  const never = new AbortController().signal;
  const budgets = { budgetMs: 100, latestMs: 300 };

  it('comes with the budget, or with the signal, and the first reason counts', () => {
    const clock = manualClock();
    const spent = createEnding(clock, budgets, never);
    clock.advance(100);
    spent.end({ kind: 'stopped' });
    assert.deepEqual(spent.why(), { kind: 'budget-spent' });
    assert.ok(spent.signal.aborted);
    assert.deepEqual(createEnding(clock, budgets, AbortSignal.abort()).why(), { kind: 'stopped' });
  });

  it('waits for the first answer beyond the budget, and comes after it', async () => {
    const clock = manualClock();
    const ending = createEnding(clock, budgets, never);
    const answer = await ending.awaitingAnswer(async () => {
      clock.advance(150);
      assert.ok(ending.isOverdue() && !ending.signal.aborted);
      return 'answer';
    });
    assert.equal(answer, 'answer');
    assert.equal(ending.why(), undefined, 'what was answered is still read');
  });

  it('waits no longer than the very most, nor for an answer that failed', async () => {
    const clock = manualClock();
    const late = createEnding(clock, budgets, never);
    await late.awaitingAnswer(async () => clock.advance(300));
    assert.deepEqual(late.why(), { kind: 'budget-spent' });
    const failed = createEnding(clock, budgets, never);
    const failing = failed.awaitingAnswer(async () => {
      clock.advance(150);
      throw new Error('broken');
    });
    await assert.rejects(failing, /broken/);
    assert.deepEqual(failed.why(), { kind: 'budget-spent' });
  });

  it('leaves no timer behind', () => {
    const clock = manualClock();
    createEnding(clock, budgets, never).dispose();
    assert.equal(clock.timers(), 0);
  });
});
