import { DocumentReference, GeoPoint, Timestamp } from 'firebase-admin/firestore';
import { secondMs } from '../../clock.ts';

const nanosecondsPerMillisecond = 1_000_000;

/** One text per value: two values have the same text exactly when a reader of the copy cannot tell them apart, whether
 *  they come from MongoDB (`Date`) or from Firestore (`Timestamp`). A missing field reads as null. */
export function canonicalText(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return `n${Object.is(value, -0) ? 0 : value}`;
  if (typeof value === 'bigint') return `n${value}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Timestamp) return `t${value.seconds}.${value.nanoseconds}`;
  if (value instanceof Date) return textOfDate(value);
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`;
  if (value instanceof DocumentReference) return `r${JSON.stringify(value.path)}`;
  if (value instanceof GeoPoint) return `g${value.latitude},${value.longitude}`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  return textOfMap(value);
}

function textOfDate(date: Date): string {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / secondMs);
  return `t${seconds}.${(milliseconds - seconds * secondMs) * nanosecondsPerMillisecond}`;
}

/** Maps by sorted keys; other classes of the SDK (vectors) are told apart from maps by the name of their class. */
function textOfMap(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  const name = prototype === Object.prototype || prototype === null ? '' : value.constructor.name;
  const entries = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner)}`);
  return `${name}{${entries.join(',')}}`;
}
