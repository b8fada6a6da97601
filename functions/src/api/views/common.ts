import { z } from 'zod';

/** A moment, in ms since 1970. */
export const moment = z.number().int();

/** One page of a list, and where the next begins; null when there is none. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable() });

export const roles = ['viewer', 'operator'] as const;
export const roleSchema = z.enum(roles);

/** Whose token this is. */
export const sessionView = z.object({ actor: z.string(), role: roleSchema });
export type SessionView = z.infer<typeof sessionView>;

/** What went wrong, as RFC 9457 has it; `errors` name the fields of a refused input. */
export const problemView = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), problem: z.string() })).optional(),
});
export type ProblemView = z.infer<typeof problemView>;
