import { type Clock, sleep } from './clock.ts';

/** Stands for "the signal was aborted first". */
export const aborted = Symbol('aborted');

/** Waits for a promise, but no longer than until the signal is aborted. What the promise does after that is nobody's business any more:
 *  callers abandon only what is closed right afterwards. (`Promise.race` with one long-lived promise would keep every waiter in memory.) */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | typeof aborted> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(aborted);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Sleeps; false when the signal was aborted before the time was over. */
export async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return (await untilAborted(sleep(clock, ms), signal)) !== aborted;
}

/** Whether a promise settled within `ms`; rejects if it does. */
export function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(false));
    promise.then(() => resolve(true), reject).finally(cancel);
  });
}
