import { z } from 'zod';

/** A value that a project field may hand down to its copies: what both JSON (with two marked forms) and Firestore can
 *  hold. MongoDB types without a counterpart become strings when they are read (see `source/copyValueFromBson.ts`). */
export type CopyValue = null | boolean | number | string | Date | CopyValue[] | { [key: string]: CopyValue };

// Limits of Firestore: https://firebase.google.com/docs/firestore/quotas

/** How deep a value may nest: Firestore takes 20 levels, of which a record needs three around the value, and a nested
 *  copy one each. */
export const maxDepth = 15;

const maxKeyBytes = 1_500;

/** Bytes of an event. Its values have to fit into a record of 1 MiB, together with those of other fields. */
export const mostEventBytes = 900 * 1024;

/** The first and the last moment that a timestamp can have, in ms since 1970. */
const earliestMs = Date.parse('0001-01-01T00:00:00Z');
const latestMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** The JSON form. Dates are `{"$date": ISO text}` and non-finite numbers `{"$numberDouble": "NaN"}`, as in MongoDB
 *  Extended JSON v2: https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/ */
export type CopyValueJson = null | boolean | number | string | CopyValueJson[] | { [key: string]: CopyValueJson };

const nonFinite: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** Parses the JSON form; refuses what Firestore cannot hold: an array directly inside an array, too deep nesting,
 *  reserved and too long names, times outside of the years 1 to 9999. Text that is not well-formed Unicode is read with
 *  replacement characters. */
export const copyValueSchema: z.ZodType<CopyValue, CopyValueJson> = z
  .custom<CopyValueJson>()
  .transform((json, context) => {
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

/** Why the contract refuses an event of so many bytes, or undefined. */
export function sizeProblem(bytes: number): string | undefined {
  return bytes > mostEventBytes ? `${bytes} bytes; an event has ${mostEventBytes} at most` : undefined;
}

/** What comes of a value in an event, or why the contract refuses it. */
export type Carried =
  | { readonly ok: true; readonly value: CopyValue }
  | { readonly ok: false; readonly problem: string };

/** A value as whoever reads its event gets it: a map that looks like one of the marked forms is what that stands for.
 *  One that is too large for an event is too large for a record as well, and would keep it from every other field. */
export function carried(value: CopyValue): Carried {
  try {
    const json = copyValueToJson(value);
    const tooLarge = sizeProblem(Buffer.byteLength(JSON.stringify(json)));
    if (tooLarge !== undefined) return { ok: false, problem: tooLarge };
    // What is neither a time, a list nor a map is refused for its size only, and most copies are none of these.
    if (value === null || typeof value !== 'object') return { ok: true, value };
    const result = copyValueSchema.safeParse(json);
    if (result.success) return { ok: true, value: result.data };
    return { ok: false, problem: result.error.issues[0]?.message ?? 'not a value that a copy can have' };
  } catch (error) {
    // An invalid date has no JSON form.
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
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
  if (json === null || typeof json === 'boolean' || typeof json === 'number') return json;
  if (typeof json === 'string') return json.toWellFormed();
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
  return Object.fromEntries(entries.map(([key, inner]) => [fieldName(key), copyValueFromJson(inner, depth + 1)]));
}

function fieldName(key: string): string {
  if (key === '') throw new TypeError('an empty name of a field, which Firestore refuses');
  if (!key.isWellFormed()) throw new TypeError('the name of a field that is not well-formed Unicode');
  // Before any message that repeats the name: it goes into records.
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw new RangeError(`the name of a field longer than ${maxKeyBytes} bytes`);
  if (/^__.*__$/s.test(key)) throw new TypeError(`the name "${key}", which Firestore reserves`);
  return key;
}

/** What `Date` takes besides (`0.10`, `March 7`) depends on the engine, and means something else to other readers. */
const isoTime = /^([+-]\d{2})?\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

function dateFrom(text: unknown): Date {
  const date = new Date(typeof text === 'string' && isoTime.test(text) ? text : Number.NaN);
  const time = date.getTime();
  if (Number.isNaN(time)) throw new TypeError('expected an ISO 8601 time in $date');
  if (time < earliestMs || time > latestMs) {
    throw new RangeError(`${date.toISOString()} lies outside of the years 1 to 9999, which Firestore refuses`);
  }
  return date;
}

function nonFiniteFrom(text: unknown): number {
  const value = typeof text === 'string' ? nonFinite[text] : undefined;
  if (value === undefined) throw new TypeError('expected "NaN", "Infinity" or "-Infinity" in $numberDouble');
  return value;
}
