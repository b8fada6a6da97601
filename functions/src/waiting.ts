import { type Clock, sleep } from './clock.ts';

/** Stands for "the signal was aborted first". */
export const aborted = Symbol('aborted');

/** Waits for a promise, but no longer than until the signal is aborted. What the promise does after that is ignored:
 *  callers abandon only what is closed right afterwards. (`Promise.race` with one long-lived promise would keep every
 *  waiter in memory.) */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | typeof aborted> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(aborted);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** As `untilAborted`.
 *  @throws the signal's reason when it was aborted first. */
export async function orThrow<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const value = await untilAborted(promise, signal);
  if (value === aborted) throw signal.reason;
  return value;
}

/** Stands for "the time was over first". */
export const overdue = Symbol('overdue');

/** As `untilAborted`, but no longer than `ms` either. */
export function atMost<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T | typeof aborted | typeof overdue> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(overdue));
    untilAborted(promise, signal).then(resolve, reject).finally(cancel);
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

/** The pauses between tries, in ms. */
export interface Backoff {
  /** Ceiling of the first pause; doubles with every further one. */
  readonly firstPauseMs: number;
  /** Ceiling of all pauses. */
  readonly longestPauseMs: number;
}

/** The pause after failure number `failures` (from 1), in ms: a random part of a ceiling that doubles, so that callers
 *  that failed together do not return together
 *  (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). */
export function backoffMs(failures: number, { firstPauseMs, longestPauseMs }: Backoff, random: () => number): number {
  return Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs) * random();
}

export interface RetryOptions {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly backoff: Backoff;
  readonly signal: AbortSignal;
  /** Whether an error is worth another try. */
  readonly isTransient: (error: unknown) => boolean | Promise<boolean>;
  /** Notified of every error that is going to be retried, with the number of failures so far. */
  readonly onRetry?: ((error: unknown, failures: number) => void) | undefined;
  /** Default: no limit. */
  readonly maxTries?: number;
  /** No try begins at this time or later, in ms of the clock. Default: no limit. */
  readonly deadline?: number;
  /** Whether to try at all just now; while it says no, the pauses go on. Default: always. */
  readonly mayTry?: (() => boolean) | undefined;
}

/** What became of something that was tried repeatedly. */
export type Tried<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** No further try can help. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** The signal or a limit ended it; `error` is the last failure, if there was one. */
  | { readonly kind: 'given-up'; readonly error: unknown };

/** Tries an idempotent action with growing pauses until it is done, refused, or ended by the signal or a limit. Never
 *  rejects. */
export async function tryRepeatedly<T>(action: () => Promise<T>, options: RetryOptions): Promise<Tried<T>> {
  const { clock, random, backoff, signal, mayTry, maxTries = Infinity, deadline = Infinity } = options;
  let lastError: unknown;
  for (let tries = 1; !signal.aborted; tries += 1) {
    const outcome = mayTry?.() === false ? undefined : await outcomeOf(action);
    if (outcome?.kind === 'done') return outcome;
    if (outcome && !(await options.isTransient(outcome.error))) return { kind: 'refused', error: outcome.error };
    const pause = backoffMs(tries, backoff, random);
    if (outcome) {
      lastError = outcome.error;
      if (tries >= maxTries || clock.now() + pause >= deadline) break;
      options.onRetry?.(outcome.error, tries);
    }
    if (!(await slept(clock, pause, signal))) break;
  }
  return { kind: 'given-up', error: lastError };
}

async function outcomeOf<T>(action: () => Promise<T>) {
  try {
    return { kind: 'done' as const, value: await action() };
  } catch (error) {
    return { kind: 'failed' as const, error };
  }
}

/** As `tryRepeatedly`.
 *  @throws the signal's reason; else the last error. */
export async function retry<T>(action: () => Promise<T>, options: RetryOptions): Promise<T> {
  const tried = await tryRepeatedly(action, options);
  if (tried.kind === 'done') return tried.value;
  if (tried.kind === 'given-up') options.signal.throwIfAborted();
  throw tried.error;
}
