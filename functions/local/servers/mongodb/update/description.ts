import { encode } from '../bson/codec.ts';
import { valueAt } from '../bson/paths.ts';
import type { Document } from '../bson/values.ts';

/** What an update did to a document, in the form that change events show it. */
export interface UpdateDescription {
  /** New values by dotted path. */
  readonly updatedFields: Document;
  readonly removedFields: readonly string[];
  readonly truncatedArrays: readonly { readonly field: string; readonly newSize: number }[];
}

/** Whether two values are the same to the byte: 5 and 5.0 are equal to a query, but not the same. */
export function isIdentical(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return Buffer.compare(encode({ v: a }), encode({ v: b })) === 0;
}

/**
 * Describes an update by operators: the paths that it touched, as they stand afterwards. A path below another one is
 * part of that one.
 */
export function describeTouched(after: Document, touched: ReadonlySet<string>): UpdateDescription {
  const updatedFields: Document = {};
  const removedFields: string[] = [];
  for (const path of touched) {
    if (hasAncestor(path, touched)) continue;
    const value = valueAt(after, path.split('.'));
    if (value === undefined) removedFields.push(path);
    else updatedFields[path] = value;
  }
  return { updatedFields, removedFields, truncatedArrays: [] };
}

function hasAncestor(path: string, touched: ReadonlySet<string>): boolean {
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    if (touched.has(path.slice(0, dot))) return true;
  }
  return false;
}
