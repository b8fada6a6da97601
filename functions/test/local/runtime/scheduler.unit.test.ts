import assert from 'node:assert/strict';
import {
  retryDelayMs,
  type ScheduleOptions,
  type ScheduleTrigger,
  startSchedule,
} from '../../../local/runtime/scheduler.ts';
import { manualClock } from '../../support/clock.ts';
import { settled } from '../../support/until.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const noRetry = { count: 0, minBackoffSeconds: 5, maxBackoffSeconds: 3600, maxDoublings: 5, maxRetrySeconds: 0 };

interface Attempt {
  /** Clock times of the schedule and of the call. */
  readonly of: string;
  readonly at: string;
  readonly signal: AbortSignal;
  end(succeeded: boolean): Promise<void>;
}

/** A job on a virtual clock that begins at midnight; attempts stay open until the test ends them. */
function startJob(
  trigger: Partial<ScheduleTrigger> = {},
  options: Partial<ScheduleOptions> & { timeout?: number } = {},
) {
  const clock = manualClock();
  const attempts: Attempt[] = [];
  const errors: unknown[] = [];
  let open = 0;
  let mostOpen = 0;
  const text = (time: number) => new Date(time).toISOString().slice(11, 19);
  const schedule = startSchedule({
    spec: {
      name: 'job',
      timeoutSeconds: options.timeout ?? 60,
      memoryMiB: 256,
      concurrency: 1,
      secrets: [],
      trigger: { kind: 'schedule', schedule: '* * * * *', retry: noRetry, ...trigger },
    },
    clock,
    dueAtStart: options.dueAtStart === true,
    ended: (error) => errors.push(error),
    attempt: (scheduledAt, signal) => {
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      return new Promise((resolve) => {
        attempts.push({
          of: text(scheduledAt),
          at: text(clock.now()),
          signal,
          async end(succeeded) {
            open -= 1;
            resolve(succeeded);
            await settled();
          },
        });
      });
    },
  });
  return {
    schedule,
    clock,
    attempts,
    errors,
    mostOpen: () => mostOpen,
    async advance(ms: number) {
      clock.advance(ms);
      await settled();
    },
    async endLast(succeeded: boolean) {
      await attempts.at(-1)?.end(succeeded);
    },
    times: () => attempts.map(({ of, at }) => `${of} at ${at}`),
  };
}

describe('the local scheduler, as Cloud Scheduler', () => {
  it('runs at the times of the schedule', async () => {
    const job = startJob();
    for (let minute = 0; minute < 3; minute += 1) {
      await job.advance(minuteMs);
      await job.endLast(true);
    }
    assert.deepEqual(job.times(), ['00:01:00 at 00:01:00', '00:02:00 at 00:02:00', '00:03:00 at 00:03:00']);
  });

  it('starts execution n+1 when n has ended, never beside it, once for all times that passed', async () => {
    const job = startJob();
    await job.advance(minuteMs);
    await job.advance(14 * minuteMs + 30 * secondMs);
    assert.equal(job.attempts.length, 1);
    await job.endLast(true);
    assert.deepEqual(job.times(), ['00:01:00 at 00:01:00', '00:02:00 at 00:15:30']);
    await job.endLast(true);
    await job.advance(29 * secondMs);
    assert.equal(job.attempts.length, 2);
    await job.advance(secondMs);
    assert.deepEqual(job.times().at(-1), '00:16:00 at 00:16:00');
    assert.equal(job.mostOpen(), 1);
  });

  it('counts an interval from the end of an execution', async () => {
    const job = startJob({ schedule: 'every 1 minutes' });
    await job.advance(minuteMs);
    await job.advance(100 * secondMs);
    await job.endLast(true);
    await job.advance(minuteMs - 1);
    assert.equal(job.attempts.length, 1);
    await job.advance(1);
    assert.deepEqual(job.times(), ['00:01:00 at 00:01:00', '00:03:40 at 00:03:40']);
  });

  it('may be due at its start', async () => {
    const job = startJob({}, { dueAtStart: true });
    await settled();
    await job.endLast(true);
    await job.advance(minuteMs);
    assert.deepEqual(job.times(), ['00:00:00 at 00:00:00', '00:01:00 at 00:01:00']);
  });

  it('repeats a failed attempt with its backoff, up to retryCount times', async () => {
    const retry = { ...noRetry, count: 2, minBackoffSeconds: 10 };
    const job = startJob({ schedule: '0 * * * *', retry });
    await job.advance(60 * minuteMs);
    await job.endLast(false);
    await job.advance(10 * secondMs);
    await job.endLast(false);
    await job.advance(20 * secondMs);
    await job.endLast(false);
    await job.advance(59 * minuteMs);
    assert.deepEqual(job.times(), ['01:00:00 at 01:00:00', '01:00:00 at 01:00:10', '01:00:00 at 01:00:30']);
  });

  it('gives up on retries when the next execution is due before', async () => {
    const retry = { ...noRetry, count: 5, minBackoffSeconds: 25, maxDoublings: 0 };
    const job = startJob({ retry });
    await job.advance(minuteMs);
    await job.endLast(false);
    await job.advance(25 * secondMs);
    await job.endLast(false);
    await job.advance(35 * secondMs);
    assert.deepEqual(job.times(), ['00:01:00 at 00:01:00', '00:01:00 at 00:01:25', '00:02:00 at 00:02:00']);
  });

  it('repeats for as long as maxRetrySeconds says, beyond retryCount', async () => {
    const retry = { ...noRetry, minBackoffSeconds: 10, maxDoublings: 0, maxBackoffSeconds: 10, maxRetrySeconds: 25 };
    const job = startJob({ schedule: '0 * * * *', retry });
    await job.advance(60 * minuteMs);
    for (let retried = 0; retried < 5; retried += 1) {
      await job.endLast(false);
      await job.advance(10 * secondMs);
    }
    assert.equal(job.attempts.length, 4, 'at 0, 10, 20 and 30 seconds');
  });

  for (const [timeout, deadline] of [
    [60, 180],
    [540, 540],
    [3600, 1800],
  ] as const) {
    it(`cancels an attempt after ${deadline} s under a function timeout of ${timeout} s`, async () => {
      const job = startJob({ schedule: '0 0 * * *' }, { timeout, dueAtStart: true });
      await settled();
      await job.advance(deadline * secondMs - 1);
      assert.equal(job.attempts[0]?.signal.aborted, false);
      await job.advance(1);
      assert.equal(job.attempts[0]?.signal.aborted, true);
    });
  }

  it('does nothing more when it is stopped, and leaves no timer', async () => {
    const job = startJob({ retry: { ...noRetry, count: 5 } });
    await job.advance(minuteMs);
    job.schedule.stop();
    await job.endLast(false);
    await job.advance(10 * minuteMs);
    assert.equal(job.attempts.length, 1);
    assert.equal(job.clock.timers(), 0);
  });

  it('reports a schedule that has no further time', async () => {
    const job = startJob({ schedule: '0 0 30 2 *' });
    await settled();
    assert.match(String(job.errors[0]), /has no time after/);
  });

  it('doubles the backoff, then adds the last step, up to the longest', () => {
    const retry = { ...noRetry, minBackoffSeconds: 10, maxBackoffSeconds: 300, maxDoublings: 3 };
    const seconds = Array.from({ length: 8 }, (_none, retries) => retryDelayMs(retry, retries) / secondMs);
    assert.deepEqual(seconds, [10, 20, 40, 80, 160, 240, 300, 300]);
  });
});
