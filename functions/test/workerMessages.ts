import { z } from 'zod';

/** What the parent asks for. */
export const orderSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), file: z.string(), grep: z.string().optional() }),
  z.object({ kind: z.literal('end') }),
]);
export type Order = z.infer<typeof orderSchema>;

/** What became of a file. */
export const resultSchema = z.object({
  passed: z.number(),
  skipped: z.number(),
  /** The titles of the tests that failed; the errors stand on standard output. */
  failed: z.array(z.string()),
});
export type Result = z.infer<typeof resultSchema>;
