import { minuteMs } from '../clock.ts';

/** Limits of what looks for late writes. */
export interface LateWriteLimits {
  /** For how long after a deletion that a process has published other late writes of the same project are left to the
   *  visit that follows it, in ms. No longer than the first visit waits: a write that is left must come before it. */
  readonly foldMs: number;
  /** Projects that a process remembers for that. One that is forgotten costs a deletion more. */
  readonly mostRemembered: number;
}

export const defaultLateWriteLimits: LateWriteLimits = { foldMs: minuteMs, mostRemembered: 1_000 };
