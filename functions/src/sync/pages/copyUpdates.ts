import type { FieldPath } from 'firebase-admin/firestore';
import type { AssetCollection } from '../../config/defineConfig.ts';
import { type CopyValue, sameCopyValue } from '../../events/copyValue.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import { copyValueFromFirestore, foreignValue } from '../../records/firestoreValue.ts';
import type { Desired } from '../../records/projectRecord.ts';

/** A copy that an asset should hold. */
export interface WantedCopy {
  readonly path: FieldPath;
  readonly value: CopyValue;
}

/** The copies that the assets of a collection should hold, as far as the values are known. */
export function wantedCopies(collection: AssetCollection, desired: Desired): WantedCopy[] {
  return Object.entries(collection.copies).flatMap(([source, target]) => {
    const known = desired.fields[source];
    return known === undefined ? [] : [{ path: fieldPathOf(target), value: known.value }];
  });
}

/** Whether a copy already shows a value. An absent copy shows null. */
export function showsValue(stored: unknown, wanted: CopyValue): boolean {
  const value = copyValueFromFirestore(stored);
  return value !== foreignValue && sameCopyValue(value, wanted);
}

/** About how many bytes of a message a value takes, as Firestore has stored it or is to store it. */
export function bytesOfValue(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + bytesOfValue(item), 0);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return 16;
  return Object.entries(value).reduce((sum, [key, inner]) => sum + key.length + bytesOfValue(inner), 0);
}
