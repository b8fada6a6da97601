import { z } from 'zod';
import { moment, pageOf } from './common.ts';

export const alertStates = ['open', 'acknowledged', 'closed'] as const;

export const alertView = z.object({
  key: z.string(),
  alarm: z.string(),
  state: z.enum(alertStates),
  message: z.string(),
  /** What to do about it. */
  hint: z.string(),
  fields: z.record(z.string(), z.unknown()),
  count: z.number().int(),
  firstAt: moment,
  lastAt: moment,
  acknowledgedBy: z.string().nullable(),
  escalatedAt: moment.nullable(),
});
export type AlertView = z.infer<typeof alertView>;
export const alertsView = pageOf(alertView);
