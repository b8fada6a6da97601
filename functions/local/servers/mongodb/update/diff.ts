import { Int32 } from 'bson';
import { encode } from '../bson/codec.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { isIdentical, type UpdateDescription } from './description.ts';

interface Difference {
  readonly updated: [path: string, value: unknown][];
  readonly removed: string[];
  readonly truncated: { field: string; newSize: number }[];
}

/**
 * The smallest description that turns one document into another: it goes down into subdocuments and arrays as long as
 * that is shorter than the whole new value. For updates by a pipeline, which do not say what they touch. A change of
 * the order of fields alone is not seen.
 */
export function describeDifference(before: Document, after: Document): UpdateDescription {
  const { updated, removed, truncated } = documentDifference(before, after, '');
  return { updatedFields: Object.fromEntries(updated), removedFields: removed, truncatedArrays: truncated };
}

function documentDifference(before: Document, after: Document, prefix: string): Difference {
  const difference: Difference = { updated: [], removed: [], truncated: [] };
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) difference.removed.push(prefix + name);
  for (const name of Object.keys(after)) {
    add(
      difference,
      valueDifference(Object.hasOwn(before, name) ? before[name] : undefined, after[name], prefix + name),
    );
  }
  return difference;
}

function arrayDifference(before: readonly unknown[], after: readonly unknown[], path: string): Difference {
  const difference: Difference = { updated: [], removed: [], truncated: [] };
  if (after.length < before.length) difference.truncated.push({ field: path, newSize: after.length });
  after.forEach((item, index) => {
    add(difference, valueDifference(index < before.length ? before[index] : undefined, item, `${path}.${index}`));
  });
  return difference;
}

function valueDifference(before: unknown, after: unknown, path: string): Difference {
  if (isIdentical(before, after)) return { updated: [], removed: [], truncated: [] };
  const whole: Difference = { updated: [[path, after]], removed: [], truncated: [] };
  const parts =
    Array.isArray(before) && Array.isArray(after)
      ? arrayDifference(before, after, path)
      : isDocument(before) && isDocument(after) && !hasDottedNames(before) && !hasDottedNames(after)
        ? documentDifference(before, after, `${path}.`)
        : undefined;
  return parts && sizeOf(parts) < sizeOf(whole) ? parts : whole;
}

/** A path through a field name with a dot or a dollar in it would be read wrongly. */
const hasDottedNames = (document: Document) =>
  Object.keys(document).some((name) => name.includes('.') || name.startsWith('$') || name === '');

function add(sum: Difference, more: Difference): void {
  sum.updated.push(...more.updated);
  sum.removed.push(...more.removed);
  sum.truncated.push(...more.truncated);
}

function sizeOf({ updated, removed, truncated }: Difference): number {
  const sizes = truncated.map(({ field, newSize }) => ({ field, newSize: new Int32(newSize) }));
  return encode({ updated: Object.fromEntries(updated), removed, sizes }).length;
}
