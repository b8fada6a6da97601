import { z } from 'zod';

/** The longest cursor that can come from here, in characters: a document id has up to 1,500 bytes. */
const maxCursorLength = 4_096;

/** Where a page of a list ended. Opaque to callers, and checked like any other input: it holds values of the list's
 *  order, never a query. */
export function cursorOf<Position extends z.ZodType>(position: Position) {
  return z
    .string()
    .max(maxCursorLength)
    .transform((text, context): z.output<Position> => {
      const decoded = position.safeParse(decode(text));
      if (decoded.success) return decoded.data;
      context.addIssue({ code: 'custom', message: 'expected the `next` of an earlier page of this list' });
      return z.NEVER;
    });
}

/** The cursor of a position. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    // Not of ours; the schema refuses it with the field's name.
    return undefined;
  }
}
