import { Binary, BSONRegExp, DBRef, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from 'mongodb';
import { secondMs } from '../clock.ts';
import type { CopyValue } from '../events/copyValue.ts';
import { extendedJson, isPlain } from './extendedJson.ts';
import { isUuid } from './projectIds.ts';

/** A value read from MongoDB as a copy holds it. Missing and null are both null: "no value". Types that Firestore lacks
 *  become text: ObjectId and UUID in their usual form, Decimal128 and whole numbers beyond 2^53 in digits, other binary
 *  data (also what claims to be a UUID and has not 16 bytes) in base64, regular expressions as `/pattern/options`, what
 *  is left (code, min/max keys) in Extended JSON. A DBRef is the document that it is in MongoDB. Never throws. */
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
  if (isUuid(value)) return value.toUUID().toString();
  if (value instanceof Binary) return value.toString('base64');
  if (value instanceof BSONRegExp) return `/${value.pattern}/${value.options}`;
  if (value instanceof DBRef) return copyValueFromBson(value.toJSON());
  if (Array.isArray(value)) return value.map(copyValueFromBson);
  if (isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyValueFromBson(inner)]));
  }
  return extendedJson(value);
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
