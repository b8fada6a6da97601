import type { Clock } from '../clock.ts';
import { errorText, type Log, type LogFields } from '../log.ts';
import { slept } from '../waiting.ts';
import { backoffMs } from './backoff.ts';
import type { RelayLimits } from './limits.ts';

/** What became of something that was tried again and again. */
export type Tried<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** No further try can help. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** The signal ended the trying; `error` is the last failure, if there was one. */
  | { readonly kind: 'given-up'; readonly error: unknown };

export interface RetryContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: RelayLimits;
  readonly log: Log;
}

export interface Trial<T> {
  /** For the log: what failed, as the beginning of a sentence. */
  readonly what: string;
  readonly fields?: LogFields;
  readonly run: () => Promise<T>;
  /** Whether an error is worth another try. */
  readonly isPassing: (error: unknown) => boolean;
  /** Whether to run at all just now; while it says no, the pauses go on. Default: always. */
  readonly mayRun?: () => boolean;
}

/** Tries with growing pauses until it is done, refused, or ended by the signal. Never rejects. */
export async function retrying<T>(trial: Trial<T>, context: RetryContext, signal: AbortSignal): Promise<Tried<T>> {
  const { clock, random, limits, log } = context;
  let lastError: unknown;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      if (trial.mayRun === undefined || trial.mayRun()) return { kind: 'done', value: await trial.run() };
    } catch (error) {
      if (!trial.isPassing(error)) return { kind: 'refused', error };
      lastError = error;
      log.warn(`${trial.what}; the next try follows.`, { ...trial.fields, attempt, error: errorText(error) });
    }
    if (!(await slept(clock, backoffMs(attempt, limits, random), signal))) break;
  }
  return { kind: 'given-up', error: lastError };
}
