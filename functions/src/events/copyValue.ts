import { z } from 'zod';

/** A value that a project field may hand down to its copies: what both JSON (with two marked forms) and Firestore can hold.
 *  MongoDB types without a counterpart become strings when they are read (see `source/copyValueFromBson.ts`). */
export type CopyValue = null | boolean | number | string | Date | CopyValue[] | { [key: string]: CopyValue };

/** How deep Firestore lets maps and arrays nest: https://firebase.google.com/docs/firestore/quotas */
const maxDepth = 20;

/** The JSON form. Dates are `{"$date": ISO text}` and non-finite numbers `{"$numberDouble": "NaN"}`, as in MongoDB Extended JSON v2:
 *  https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/ */
export type CopyValueJson = null | boolean | number | string | CopyValueJson[] | { [key: string]: CopyValueJson };

const nonFinite: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** Parses the JSON form; refuses what Firestore cannot hold (an array directly inside an array, too deep nesting). */
export const copyValueSchema: z.ZodType<CopyValue, CopyValueJson> = z.json().transform((json, context) => {
  try {
    return copyValueFromJson(json, 1);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

/** The JSON form of a value; the inverse of `copyValueSchema`. */
export function copyValueToJson(value: CopyValue): CopyValueJson {
  if (value instanceof Date) return { $date: value.toISOString() };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $numberDouble: String(value) };
  if (Array.isArray(value)) return value.map(copyValueToJson);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyValueToJson(inner)]));
  }
  return value;
}

/** Whether two values are the same to a reader of the copy. Key order does not count; 1 and 1.0 are the same number. */
export function sameCopyValue(a: CopyValue, b: CopyValue): boolean {
  if (a instanceof Date || b instanceof Date) {
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => sameCopyValue(item, b[index] ?? null))
    );
  }
  if (a !== null && b !== null && typeof a === 'object' && typeof b === 'object') {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && sameCopyValue(a[key] ?? null, b[key] ?? null))
    );
  }
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

function copyValueFromJson(json: unknown, depth: number): CopyValue {
  if (depth > maxDepth) throw new RangeError(`nested more than ${maxDepth} levels deep, which Firestore refuses`);
  if (json === null || typeof json === 'boolean' || typeof json === 'number' || typeof json === 'string') return json;
  if (Array.isArray(json)) {
    return json.map((item) => {
      if (Array.isArray(item)) throw new TypeError('an array directly inside an array, which Firestore refuses');
      return copyValueFromJson(item, depth + 1);
    });
  }
  if (typeof json !== 'object') throw new TypeError(`expected a JSON value, received ${typeof json}`);
  const entries = Object.entries(json);
  const [only] = entries;
  if (entries.length === 1 && only) {
    if (only[0] === '$date') return dateFrom(only[1]);
    if (only[0] === '$numberDouble') return nonFiniteFrom(only[1]);
  }
  return Object.fromEntries(entries.map(([key, inner]) => [key, copyValueFromJson(inner, depth + 1)]));
}

function dateFrom(text: unknown): Date {
  const date = new Date(typeof text === 'string' ? text : Number.NaN);
  if (Number.isNaN(date.getTime())) throw new TypeError('expected an ISO 8601 time in $date');
  return date;
}

function nonFiniteFrom(text: unknown): number {
  const value = typeof text === 'string' ? nonFinite[text] : undefined;
  if (value === undefined) throw new TypeError('expected "NaN", "Infinity" or "-Infinity" in $numberDouble');
  return value;
}
