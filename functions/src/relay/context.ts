import type { Clock } from '../clock.ts';
import { errorText, type Log, type LogFields } from '../log.ts';
import { type Tried, tryRepeatedly } from '../waiting.ts';
import type { RelayLimits } from './limits.ts';

/** What every part of a relay works with. */
export interface RelayContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: RelayLimits;
  readonly log: Log;
}

export interface Trial<T> {
  /** For the log: what failed. */
  readonly what: string;
  readonly fields?: LogFields;
  readonly run: () => Promise<T>;
  readonly isTransient: (error: unknown) => boolean;
  readonly mayTry?: () => boolean;
}

/** Tries until it is done, refused, or ended by the signal; every failure is logged. Never rejects. */
export function trying<T>(trial: Trial<T>, context: RelayContext, signal: AbortSignal): Promise<Tried<T>> {
  const { clock, random, limits, log } = context;
  return tryRepeatedly(trial.run, {
    clock,
    random,
    backoff: limits.backoff,
    signal,
    isTransient: trial.isTransient,
    mayTry: trial.mayTry,
    onRetry: (error, attempt) =>
      log.warn(`${trial.what}; retrying`, { ...trial.fields, attempt, error: errorText(error) }),
  });
}
