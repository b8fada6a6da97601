import { z } from 'zod';
import { minuteMs } from '../clock.ts';

const goal = (defaultMs: number) => z.number().int().min(1_000, 'expected at least 1,000 ms').default(defaultMs);

/** What this installation promises, in ms. The page shows each red or green, and a missed one raises an alert. */
export const targetsSchema = z.strictObject({
  /** From MongoDB's commit to the assets, for 95 of 100 events. */
  shownMs: goal(2 * minuteMs),
  /** How far what is published may be behind MongoDB. */
  relayLagMs: goal(5 * minuteMs),
  /** How long an outage of the relay may last, from its beginning until the lag is within `relayLagMs` again. */
  recoveryMs: goal(15 * minuteMs),
  /** How long work may wait while none is finished. */
  progressMs: goal(15 * minuteMs),
});

export type TargetsConfig = z.output<typeof targetsSchema>;
