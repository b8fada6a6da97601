import { z } from 'zod';

/** Body of `POST /api/operations/{name}/preview` and of `POST /api/operations/{name}`. */
export const operationRequest = z.strictObject({
  /** As the operation's own schema has it. */
  input: z.unknown(),
  /** Why; kept in the audit. */
  reason: z.string().trim().min(1).max(500),
  /** How many projects or items the caller expects to touch: asked for when there are more than ten. */
  confirm: z.number().int().optional(),
});
export type OperationRequest = z.infer<typeof operationRequest>;

/** What an operation would do. Nothing was changed. */
export const previewView = z.object({
  /** Projects, dead letters, holds or alerts that it would touch. */
  count: z.number().int(),
  /** What they are, in words. */
  what: z.string(),
  details: z.array(z.object({ name: z.string(), value: z.union([z.string(), z.number()]) })),
  /** Whether `confirm` must repeat the count. */
  needsConfirmation: z.boolean(),
});
export type PreviewView = z.infer<typeof previewView>;

/** What an operation did. `sequence` is that of its audit entry; null when nothing was left to do. */
export const outcomeView = z.object({
  result: z.string(),
  count: z.number().int(),
  sequence: z.number().int().nullable(),
  /** Where its work can be followed. */
  jobId: z.string().nullable(),
});
export type OutcomeView = z.infer<typeof outcomeView>;
