import { z } from 'zod';

/** The rows of the smoke test's table, as they travel from the process that looks to the one that prints. */
export const rowsSchema = z.array(
  z.object({
    what: z.string(),
    expected: z.string(),
    mongodb: z.string(),
    firestore: z.string(),
    latencyMs: z.number().optional(),
    billed: z.string().optional(),
    passed: z.boolean(),
  }),
);
