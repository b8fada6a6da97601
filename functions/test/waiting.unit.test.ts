// How things are waited for and tried again: attacks I6, where something outlives its signal or its time, and I7.
import assert from 'node:assert/strict';
import {
  aborted,
  atMost,
  orThrow,
  overdue,
  type RetryOptions,
  slept,
  tryRepeatedly,
  untilAborted,
} from '../src/waiting.ts';
import { manualClock } from './support/clock.ts';
import { settled } from './support/until.ts';

const forever = new Promise<never>(() => {});
const never = new AbortController().signal;

describe('waiting', () => {
  it('ends with the promise, with the signal, or with the time, whichever is first', async () => {
    const clock = manualClock();
    const stop = new AbortController();
    assert.equal(await untilAborted(Promise.resolve(1), never), 1);
    assert.equal(await untilAborted(forever, AbortSignal.abort()), aborted);
    const stopped = atMost(clock, 100, forever, stop.signal);
    stop.abort(new Error('asked to stop'));
    assert.equal(await stopped, aborted);
    const late = atMost(clock, 100, forever, never);
    clock.advance(100);
    assert.equal(await late, overdue);
    await assert.rejects(atMost(clock, 100, Promise.reject(new Error('refused')), never), /refused/);
    await assert.rejects(orThrow(forever, stop.signal), /asked to stop/);
    assert.equal(await slept(clock, 100, stop.signal), false);
  });

  it('leaves no timer behind when the promise was first', async () => {
    const clock = manualClock();
    assert.equal(await atMost(clock, 100, Promise.resolve('done'), never), 'done');
    await settled();
    assert.equal(clock.timers(), 0);
  });
});

describe('trying repeatedly', () => {
  const passing = new Error('passing');

  function trying(outcomes: unknown[], given: Partial<RetryOptions> = {}) {
    const clock = manualClock();
    let tries = 0;
    const tried = tryRepeatedly(
      async () => {
        tries += 1;
        const outcome = outcomes.shift();
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
      {
        clock,
        random: () => 1,
        backoff: { firstPauseMs: 10, longestPauseMs: 20 },
        signal: never,
        isTransient: (error) => error === passing,
        ...given,
      },
    );
    const passes = async (ms: number) => {
      await settled();
      clock.advance(ms);
      await settled();
    };
    return { tried, passes, tries: () => tries };
  }

  it('ends done or refused, with pauses that grow up to the longest', async () => {
    const { tried, passes, tries } = trying([passing, passing, passing, 'value']);
    for (const pause of [10, 20, 20]) await passes(pause);
    assert.deepEqual(await tried, { kind: 'done', value: 'value' });
    assert.equal(tries(), 4);
    const error = new Error('denied');
    assert.deepEqual(await trying([error]).tried, { kind: 'refused', error });
  });

  it('is given up by the signal, a number of tries and a time, with the last error', async () => {
    const stop = new AbortController();
    const stopped = trying([passing, passing], { signal: stop.signal });
    await settled();
    stop.abort();
    assert.deepEqual(await stopped.tried, { kind: 'given-up', error: passing });
    const twice = trying([passing, passing, 'never'], { maxTries: 2 });
    await twice.passes(10);
    assert.deepEqual(await twice.tried, { kind: 'given-up', error: passing });
    const clock = manualClock();
    assert.deepEqual(await trying([passing], { clock, deadline: clock.now() + 10 }).tried, {
      kind: 'given-up',
      error: passing,
    });
  });

  it('waits while it may not try', async () => {
    let may = false;
    const { tried, passes, tries } = trying(['value'], { mayTry: () => may });
    await passes(10);
    assert.equal(tries(), 0);
    may = true;
    await passes(20);
    assert.deepEqual(await tried, { kind: 'done', value: 'value' });
  });
});
