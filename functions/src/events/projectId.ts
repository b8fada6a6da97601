import { z } from 'zod';

/** Longest project id, in bytes of UTF-8. A Firestore document id may have 1,500 bytes
 *  (https://firebase.google.com/docs/firestore/quotas), and escaping may triple the length. */
export const maxProjectIdBytes = 256;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what is refused
const controlCharacter = /[\u0000-\u001f\u007f]/;

/** A project id that is safe to be part of a document id, a log line and a message attribute. */
export const projectIdSchema = z
  .string()
  .min(1, 'expected a project id, received an empty string')
  .refine((id) => !id.includes('/'), 'a project id must not contain "/"')
  .refine((id) => !controlCharacter.test(id), 'a project id must not contain control characters')
  .refine((id) => id.isWellFormed(), 'a project id must be well-formed Unicode')
  .refine(
    (id) => Buffer.byteLength(id) <= maxProjectIdBytes,
    `a project id must not be longer than ${maxProjectIdBytes} bytes`,
  );

/** Why a value is not a usable project id, or undefined when it is one. */
export function projectIdProblem(value: unknown): string | undefined {
  const result = projectIdSchema.safeParse(value);
  return result.success ? undefined : (result.error.issues[0]?.message ?? 'not a project id');
}
