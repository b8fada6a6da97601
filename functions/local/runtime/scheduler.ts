import { type Clock, sleep } from '../../src/clock.ts';
import type { FunctionSpec, Trigger } from './manifest.ts';
import { parseSchedule } from './scheduleTimes.ts';

export type ScheduleTrigger = Extract<Trigger, { kind: 'schedule' }>;

/** Timers beyond about 24 days overflow in Node; longer waits are made of days. */
const longestWaitMs = 24 * 60 * 60 * 1000;

/** `firebase deploy` sets the attempt deadline to the timeout of the function, within these limits in seconds:
 *  https://github.com/firebase/firebase-tools/pull/9544 */
const attemptDeadlineSeconds = { least: 180, most: 1800 };

export interface ScheduleOptions {
  readonly spec: FunctionSpec & { readonly trigger: ScheduleTrigger };
  readonly clock: Clock;
  /** True: the first execution is due at once and not at the first time of the schedule. */
  readonly dueAtStart: boolean;
  /** One attempt: resolves with whether it succeeded. `signal` is aborted at the attempt deadline. */
  readonly attempt: (scheduledAt: number, signal: AbortSignal) => Promise<boolean>;
  /** The schedule has no further time, so that nothing runs any more. */
  readonly ended: (error: unknown) => void;
}

/** Runs a function at the times of its schedule until stopped, as Cloud Scheduler does: an execution whose time comes
 *  while another one runs starts when that one has ended, never beside it, and stands for all times that passed
 *  meanwhile. A failed attempt is repeated as the retry settings say, until the next execution is due.
 *  https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs */
export function startSchedule(options: ScheduleOptions): { stop(): void } {
  const { spec, clock } = options;
  const { retry, schedule, timeZone } = spec.trigger;
  const times = parseSchedule(schedule, timeZone);
  const stopping = new AbortController();

  /** False when the schedule was stopped meanwhile. */
  async function waitUntil(time: number): Promise<boolean> {
    while (time > clock.now() && !stopping.signal.aborted) {
      const wait = Math.min(time - clock.now(), longestWaitMs);
      // Rejects when the schedule is stopped, which the loop sees.
      await sleep(clock, wait, stopping.signal).catch(() => {});
    }
    return !stopping.signal.aborted;
  }

  async function attemptInTime(scheduledAt: number): Promise<boolean> {
    const deadline = new AbortController();
    const { least, most } = attemptDeadlineSeconds;
    const seconds = Math.min(most, Math.max(least, spec.timeoutSeconds));
    const cancel = clock.after(seconds * 1000, () => deadline.abort());
    try {
      return await options.attempt(scheduledAt, deadline.signal);
    } finally {
      cancel();
    }
  }

  /** One execution: its attempts until one succeeds or there may be no more. */
  async function execute(scheduledAt: number, startedAt: number): Promise<void> {
    const nextDue = times.next(startedAt, Number.POSITIVE_INFINITY);
    for (let retries = 0; ; retries += 1) {
      if (await attemptInTime(scheduledAt)) return;
      const wantsMore = retries < retry.count || clock.now() < startedAt + retry.maxRetrySeconds * 1000;
      const again = clock.now() + retryDelayMs(retry, retries);
      if (!wantsMore || again >= nextDue || !(await waitUntil(again))) return;
    }
  }

  async function run(): Promise<void> {
    let due = options.dueAtStart ? clock.now() : times.next(clock.now(), clock.now());
    while (await waitUntil(due)) {
      const startedAt = Math.max(due, clock.now());
      await execute(due, startedAt);
      due = times.next(startedAt, Math.max(startedAt, clock.now()));
    }
  }

  run().catch(options.ended);
  return { stop: () => stopping.abort() };
}

/** Cloud Scheduler doubles the wait `maxDoublings` times and then lets it grow by the last step. */
export function retryDelayMs(retry: ScheduleTrigger['retry'], retries: number): number {
  const doublings = Math.min(retries, retry.maxDoublings);
  const doubled = retry.minBackoffSeconds * 2 ** doublings;
  return 1000 * Math.min(retry.maxBackoffSeconds, doubled * (1 + retries - doublings));
}
