import type { Clock } from '../../src/clock.ts';
import type { FunctionSpec, Trigger } from './manifest.ts';
import { parseSchedule } from './scheduleTimes.ts';

type ScheduleTrigger = Extract<Trigger, { kind: 'schedule' }>;

/** Timers beyond about 24 days overflow in Node; longer waits are made of days. */
const longestWaitMs = 24 * 60 * 60 * 1000;

/** After the machine slept, times of the last five minutes are made up for, older ones are not: no avalanche of runs on
 *  waking. */
const maxCatchUpMs = 5 * 60 * 1000;

/** Fires a function at the times of its schedule until stopped. A run that takes long does not hold up the next: both
 *  go on side by side. `fire` returns whether the run succeeded; a failed one is repeated as the function's retry
 *  settings say. */
export function startSchedule(
  spec: FunctionSpec & { readonly trigger: ScheduleTrigger },
  clock: Clock,
  fire: (scheduledAt: number) => Promise<boolean>,
): { stop(): void } {
  const { trigger } = spec;
  const times = parseSchedule(trigger.schedule, trigger.timeZone);
  const start = clock.now();
  const cancels = new Set<() => void>();
  let stopped = false;

  function after(ms: number, run: () => void): void {
    if (stopped) return;
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      run();
    });
    cancels.add(cancel);
  }

  function waitFor(due: number): void {
    const wait = due - clock.now();
    if (wait > longestWaitMs) {
      after(longestWaitMs, () => waitFor(due));
      return;
    }
    after(Math.max(0, wait), () => {
      waitFor(times.next(Math.max(due, clock.now() - maxCatchUpMs), start));
      void attempt(due, 0);
    });
  }

  async function attempt(due: number, retries: number): Promise<void> {
    const succeeded = await fire(due);
    if (!succeeded && retries < trigger.retry.count) {
      after(retryDelayMs(trigger.retry, retries), () => void attempt(due, retries + 1));
    }
  }

  waitFor(times.next(start, start));
  return {
    stop() {
      stopped = true;
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
}

/** Cloud Scheduler doubles the wait `maxDoublings` times and then lets it grow by the last step. */
export function retryDelayMs(retry: ScheduleTrigger['retry'], retries: number): number {
  const doublings = Math.min(retries, retry.maxDoublings);
  const doubled = retry.minBackoffSeconds * 2 ** doublings;
  return 1000 * Math.min(retry.maxBackoffSeconds, doubled * (1 + retries - doublings));
}
