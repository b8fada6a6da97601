import { z } from 'zod';
import { moment, pageOf } from './common.ts';

/** An event that was given up. */
export const deadLetterView = z.object({
  id: z.string(),
  projectId: z.string().nullable(),
  asset: z.string().nullable(),
  status: z.enum(['failing', 'open', 'redriven', 'resolved', 'dropped']),
  reason: z.string(),
  error: z.string(),
  attempts: z.number().int(),
  firstAt: moment,
  lastAt: moment,
  /** The message as it came, cut where it is long. */
  message: z.string(),
  attributes: z.record(z.string(), z.string()),
});
export type DeadLetterView = z.infer<typeof deadLetterView>;
export const deadLettersView = pageOf(deadLetterView);

/** A deletion that waits for a person. */
export const holdView = z.object({
  eventId: z.string(),
  projectId: z.string(),
  status: z.enum(['held', 'releasing', 'released', 'discarded', 'superseded', 'unreadable']),
  since: moment.nullable(),
  assets: z.number().int().nullable(),
  actor: z.string().nullable(),
  problem: z.string().nullable(),
});
export type HoldView = z.infer<typeof holdView>;
export const holdsView = pageOf(holdView);
