import { createHash } from 'node:crypto';
import { type CopyValue, copyValueToJson } from '../events/copyValue.ts';

/** Characters of JSON up to which a value is kept as it is: names and titles are, and a document of many values stays
 *  far below Firestore's 1 MiB. */
const mostLength = 1_000;

/** A value as the history keeps it: of a long one only its hash and length, which tell it from others. */
export function condensed(value: CopyValue): CopyValue {
  const text = JSON.stringify(sorted(value));
  if (text.length <= mostLength) return value;
  return { sha256: createHash('sha256').update(text).digest('hex'), length: text.length };
}

/** Whether a value of the history stands for a long one, which it does not hold. */
export function isCondensed(value: CopyValue): boolean {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Date) return false;
  const { sha256, length, ...others } = value;
  return typeof sha256 === 'string' && typeof length === 'number' && Object.keys(others).length === 0;
}

/** Several values by name. */
export function condensedAll(values: Readonly<Record<string, CopyValue>>): Record<string, CopyValue> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, condensed(value)]));
}

/** The JSON form with keys in one order, whoever wrote the value. */
function sorted(value: CopyValue): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object' || value instanceof Date) return copyValueToJson(value);
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}
