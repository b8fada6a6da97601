import { Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from 'mongodb';
import { secondMs } from '../clock.ts';
import type { CopyValue } from '../events/copyValue.ts';

/** A value read from MongoDB as a copy holds it. Missing and null are both null: "no value". Types that Firestore lacks
 *  become text: ObjectId and UUID in their usual form, Decimal128 and whole numbers beyond 2^53 in digits, other binary
 *  data in base64. Anything else (regular expressions, code, min/max keys) becomes its text as well. */
export function copyValueFromBson(value: unknown): CopyValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return fromBigInt(value);
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Timestamp) return new Date(value.getHighBitsUnsigned() * secondMs);
  if (value instanceof Long) return fromBigInt(value.toBigInt());
  if (value instanceof Double || value instanceof Int32) return Number(value.valueOf());
  if (value instanceof ObjectId) return value.toHexString();
  if (value instanceof Decimal128) return value.toString();
  if (value instanceof Binary) {
    return value.sub_type === Binary.SUBTYPE_UUID ? value.toUUID().toString() : value.toString('base64');
  }
  if (Array.isArray(value)) return value.map(copyValueFromBson);
  if (typeof value === 'object' && isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyValueFromBson(inner)]));
  }
  return String(value);
}

/** The value at a dotted field path of a document; null where there is none. Arrays are not descended into. */
export function copyValueAt(document: unknown, path: string): CopyValue {
  let current: unknown = document;
  for (const segment of path.split('.')) {
    if (typeof current !== 'object' || current === null || Array.isArray(current)) return null;
    current = Object.hasOwn(current, segment) ? Object.entries(current).find(([key]) => key === segment)?.[1] : null;
  }
  return copyValueFromBson(current);
}

function fromBigInt(value: bigint): CopyValue {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value.toString();
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
