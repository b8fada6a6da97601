import { type Backoff, type RetryOptions, retry } from '../waiting.ts';
import { isTransient } from './errors.ts';

/** From about ten times a Firestore round trip, up to what lets a contended row or a hot tablet calm down. */
const backoff: Backoff = { firstPauseMs: 50, longestPauseMs: 5_000 };

/** How often one call is tried inside one delivery. That bridges about 20 s; what takes longer is left to Pub/Sub's
 *  redelivery. */
const maxTries = 9;

export type RetryDependencies = Pick<RetryOptions, 'clock' | 'random' | 'signal' | 'onRetry'> & {
  /** No try begins at this time or later, in ms of the clock. */
  readonly deadline: number;
};

/** Runs an idempotent action, again after transient errors.
 *  @throws the last error: when it is not transient, or the tries or the time are used up; the signal's reason. */
export function retryTransient<T>(action: () => Promise<T>, dependencies: RetryDependencies): Promise<T> {
  return retry(action, { ...dependencies, backoff, maxTries, isTransient });
}
