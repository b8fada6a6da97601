import { type Clock, sleep } from '../clock.ts';
import { isTransient } from './errors.ts';

/** First pause after a transient error, in ms; doubles with every further one. About ten times a Firestore round trip. */
const firstPauseMs = 50;

/** Longest pause, in ms: long enough for a contended row or a hot tablet to calm down, short against the budget of an invocation. */
const longestPauseMs = 5_000;

/** How often one call is tried inside one delivery. With the pauses above that bridges about 20 s; what takes longer is left to Pub/Sub's redelivery. */
const maxTries = 9;

export interface RetryDependencies {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** No try begins after this time, in ms of the clock. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** Told of every error that is going to be retried. */
  readonly onRetry?: (error: unknown) => void;
}

/** Runs an idempotent action, again after transient errors, with exponential backoff and full jitter
 *  (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *  @throws the last error: when it is not transient, or the tries or the time are used up. */
export async function retryTransient<T>(action: () => Promise<T>, dependencies: RetryDependencies): Promise<T> {
  const { clock, random, deadline, signal, onRetry } = dependencies;
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      const pause = Math.min(firstPauseMs * 2 ** (tries - 1), longestPauseMs) * random();
      if (!(await isTransient(error)) || tries >= maxTries || clock.now() + pause >= deadline) throw error;
      onRetry?.(error);
      await sleep(clock, pause, signal);
    }
  }
}
