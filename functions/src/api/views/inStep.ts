import { z } from 'zod';

const shown = { version: z.string().nullable(), revision: z.number().int() };

/** What the wait for a project came to. */
export const inStepView = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('in-step'), ...shown }),
  z.object({ kind: z.literal('deleted'), ...shown }),
  z.object({ kind: z.literal('held'), state: z.enum(['held', 'discarded']) }),
  z.object({ kind: z.literal('parked') }),
  z.object({ kind: z.literal('timed-out'), waitingFor: z.enum(['relay', 'delivery', 'assets']) }),
]);
