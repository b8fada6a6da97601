import { z } from 'zod';
import { moment, pageOf } from './common.ts';

export const jobStatuses = ['pending', 'running', 'continued', 'done', 'failed', 'held', 'cancelled'] as const;

/** One run of work: an event applied, a reconciliation, a verification. */
export const jobView = z.object({
  id: z.string(),
  type: z.enum(['update', 'delete', 'reconciliation', 'verification', 'restore', 'purge']),
  status: z.enum(jobStatuses),
  /** Null for work on many projects. */
  projectId: z.string().nullable(),
  /** 0 to 100; null when the total is not known. */
  percent: z.number().nullable(),
  processed: z.number().int(),
  total: z.number().int().nullable(),
  startedAt: moment,
  finishedAt: moment.nullable(),
  initiator: z.string(),
  reason: z.string().nullable(),
  errors: z.array(z.string()),
});
export type JobView = z.infer<typeof jobView>;
export const jobsView = pageOf(jobView);
