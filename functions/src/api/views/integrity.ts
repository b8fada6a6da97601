import { z } from 'zod';
import { moment, pageOf } from './common.ts';

/** A finished look at assets and projects: a reconciliation or a verification. */
export const reportView = z.object({
  id: z.string(),
  type: z.enum(['reconciliation', 'verification']),
  mode: z.string(),
  status: z.string(),
  startedAt: moment,
  finishedAt: moment.nullable(),
  initiator: z.string(),
  reason: z.string().nullable(),
  projects: z.number().int(),
  collections: z.array(
    z.object({
      name: z.string(),
      assets: z.number().int(),
      /** 0 to 1; null when it was not looked at. */
      inStep: z.number().nullable(),
      checksums: z.enum(['equal', 'different', 'not-compared']),
    }),
  ),
  findings: z.record(z.string(), z.number().int()),
  examples: z.array(z.object({ kind: z.string(), projectId: z.string(), path: z.string(), detail: z.string() })),
  /** What stopped it, what was seen, and how to go on. */
  brake: z.object({ kind: z.string(), saw: z.string(), goOn: z.string() }).nullable(),
});
export type ReportView = z.infer<typeof reportView>;
export const reportsView = pageOf(reportView);
