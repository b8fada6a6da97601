import { z } from 'zod';
import { moment, pageOf } from './common.ts';

/** One action of a person or of a schedule. */
export const auditEntryView = z.object({
  sequence: z.number().int(),
  at: moment,
  actor: z.string(),
  role: z.string(),
  via: z.enum(['api', 'terminal', 'schedule']),
  action: z.string(),
  target: z.string(),
  reason: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  result: z.string(),
  previous: z.string(),
  hash: z.string(),
});
export type AuditEntryView = z.infer<typeof auditEntryView>;
export const auditView = pageOf(auditEntryView).extend({
  /** Up to which sequence the chain was verified with this answer; null when it is broken, and where. */
  verifiedTo: z.number().int().nullable(),
  problem: z.string().nullable(),
});
export type AuditView = z.infer<typeof auditView>;
