import { z } from 'zod';
import { moment, pageOf } from './common.ts';

/** A look at assets and projects: a reconciliation or a verification. */
export const reportView = z.object({
  id: z.string(),
  type: z.enum(['reconciliation', 'verification']),
  mode: z.string(),
  status: z.string(),
  startedAt: moment,
  finishedAt: moment.nullable(),
  initiator: z.string(),
  reason: z.string().nullable(),
  /** In MongoDB. */
  projects: z.number().int(),
  collections: z.array(
    z.object({
      name: z.string(),
      /** Null in a run over single projects. */
      assets: z.number().int().nullable(),
      /** The share of its projects whose assets are as they should be, 0 to 1; null when it was not looked at. */
      inStep: z.number().nullable(),
      checksums: z.enum(['equal', 'different', 'not-compared']),
    }),
  ),
  /** Kinds of findings of which there are any. */
  findings: z.record(z.string(), z.number().int()),
  examples: z.array(z.object({ kind: z.string(), projectId: z.string(), path: z.string(), detail: z.string() })),
  /** What else was counted, in words. */
  details: z.array(z.object({ name: z.string(), value: z.union([z.string(), z.number()]) })),
  /** What stopped it, what was seen, and how to go on. */
  brake: z
    .object({
      kind: z.string(),
      saw: z.string(),
      goOn: z.string(),
      /** Input `allow` of the operation reconcile that goes on past it on purpose; null when nothing does. */
      allow: z.record(z.string(), z.union([z.number().int(), z.boolean()])).nullable(),
    })
    .nullable(),
});
export type ReportView = z.infer<typeof reportView>;
export const reportsView = pageOf(reportView);
