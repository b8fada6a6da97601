// How one call is tried again. Attacks I6 (nothing begins after the deadline) and I7 (what passes is retried, and
// nothing else).
import assert from 'node:assert/strict';
import { type RetryDependencies, retryTransient } from '../../src/sync/retry.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';

/** Pauses without jitter, in ms: doubled from 50, and never more than 5,000. */
const ceilings = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000];

const passing = (text = 'x') => Object.assign(new Error(text), { code: 14 });

/** Lets everything run that needs no time. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A call under test: its action fails with `errors` one after the other, and then succeeds. */
function callWith(errors: Error[], given: Partial<RetryDependencies> = {}) {
  const clock: ManualClock = manualClock();
  const startedAt = clock.now();
  const controller = new AbortController();
  const triedAt: number[] = [];
  const retried: unknown[] = [];
  const outcome = retryTransient(
    async () => {
      triedAt.push(clock.now() - startedAt);
      const error = errors.shift();
      if (error !== undefined) throw error;
      return 'done';
    },
    {
      clock,
      random: () => 1,
      deadline: Number.POSITIVE_INFINITY,
      signal: controller.signal,
      onRetry: (error) => retried.push(error),
      ...given,
    },
  );
  // Each test awaits it when the time has come.
  outcome.catch(() => undefined);
  return {
    outcome,
    controller,
    triedAt,
    retried,
    /** Moves the clock, and lets happen what then is due. */
    async passes(ms: number) {
      await settled();
      clock.advance(ms);
      await settled();
    },
    /** Whether it sleeps. */
    waits: () => clock.timers() > 0,
  };
}

describe('retries of a call', () => {
  for (const random of [1, 0.25, 0]) {
    it(`pause for ${random} of a ceiling that doubles up to its cap (full jitter)`, async () => {
      const errors = ceilings.map(() => passing());
      const { outcome, triedAt, retried, passes } = callWith([...errors], { random: () => random });
      const expected = [0];
      for (const [index, ceiling] of ceilings.entries()) {
        const pause = ceiling * random;
        if (pause > 0) {
          await passes(pause - 1);
          assert.equal(triedAt.length, index + 1, `no try before ${pause} ms are over`);
          await passes(1);
        } else {
          await passes(0);
        }
        expected.push((expected.at(-1) ?? 0) + pause);
        assert.deepEqual(triedAt, expected);
      }
      assert.equal(await outcome, 'done');
      assert.deepEqual(retried, errors);
    });
  }

  it('draw the jitter anew for every pause', async () => {
    const draws = [0.5, 1, 0.1];
    const { outcome, triedAt, passes } = callWith([passing(), passing(), passing()], {
      random: () => draws.shift() ?? assert.fail('more draws than pauses'),
    });
    for (const pause of [25, 100, 20]) await passes(pause);
    assert.equal(await outcome, 'done');
    assert.deepEqual(triedAt, [0, 25, 125, 145]);
  });

  it('end after nine tries, with the last error', async () => {
    const errors = Array.from({ length: 20 }, (_, index) => passing(`error ${index + 1}`));
    const { outcome, triedAt, passes, waits } = callWith(errors);
    for (const ceiling of ceilings) await passes(ceiling);
    await assert.rejects(outcome, /error 9/);
    assert.equal(triedAt.length, 9);
    assert.ok(!waits());
  });

  it('begin nothing at the deadline or after it, and waste no time waiting for it', async () => {
    const { now } = manualClock();
    // The second pause would end right at the deadline.
    const late = callWith([passing('first'), passing('second')], { deadline: now() + 150 });
    await late.passes(50);
    await assert.rejects(late.outcome, /second/);
    assert.ok(!late.waits());
    assert.deepEqual(late.triedAt, [0, 50]);
    assert.equal(late.retried.length, 1);
    const intime = callWith([passing(), passing()], { deadline: now() + 151 });
    await intime.passes(50);
    await intime.passes(100);
    assert.equal(await intime.outcome, 'done');
  });

  it('end with the signal, in a pause and before the first try', async () => {
    const { outcome, controller, triedAt, passes, waits } = callWith([passing(), passing()]);
    await passes(50);
    assert.ok(waits());
    controller.abort(new Error('asked to stop'));
    await assert.rejects(outcome, /asked to stop/);
    assert.equal(triedAt.length, 2);
    const never = callWith([], { signal: AbortSignal.abort(new Error('stopped before')) });
    await assert.rejects(never.outcome, /stopped before/);
    assert.deepEqual(never.triedAt, []);
  });

  it('are for transient errors only', async () => {
    const denied = Object.assign(new Error('denied'), { code: 7 });
    const { outcome, triedAt, retried, passes } = callWith([passing(), denied]);
    await passes(50);
    await assert.rejects(outcome, /denied/);
    assert.deepEqual(triedAt, [0, 50]);
    assert.equal(retried.length, 1);
    await assert.rejects(callWith([new Error('a defect')]).outcome, /a defect/);
  });
});
