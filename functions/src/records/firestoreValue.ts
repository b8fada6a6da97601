import { Timestamp } from 'firebase-admin/firestore';
import type { CopyValue } from '../events/copyValue.ts';

/** Stands for a Firestore value that no copy can have (a reference, a point, bytes, a time finer than a millisecond …).
 */
export const foreignValue = Symbol('a value that no copy can have');

const nanosecondsPerMillisecond = 1_000_000;

/** What the SDK read from a field, or would write to it, as a copy value; `foreignValue` when no project field could
 *  have produced it. A missing field reads as null. */
export function copyValueFromFirestore(value: unknown): CopyValue | typeof foreignValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value;
  if (value instanceof Date) return value;
  if (value instanceof Timestamp) {
    return value.nanoseconds % nanosecondsPerMillisecond === 0 ? value.toDate() : foreignValue;
  }
  if (Array.isArray(value)) {
    const items: CopyValue[] = [];
    for (const item of value) {
      const converted = copyValueFromFirestore(item);
      if (converted === foreignValue) return foreignValue;
      items.push(converted);
    }
    return items;
  }
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const map: { [key: string]: CopyValue } = {};
    for (const [key, inner] of Object.entries(value)) {
      const converted = copyValueFromFirestore(inner);
      if (converted === foreignValue) return foreignValue;
      map[key] = converted;
    }
    return map;
  }
  return foreignValue;
}
