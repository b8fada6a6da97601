import { encode } from '../bson/codec.ts';
import { isIndex, valueAt } from '../bson/paths.ts';
import type { Document } from '../bson/values.ts';

/** What an update did to a document, in the form that change events show it. */
export interface UpdateDescription {
  /** New values by dotted path. */
  readonly updatedFields: Document;
  readonly removedFields: readonly string[];
  readonly truncatedArrays: readonly { readonly field: string; readonly newSize: number }[];
  /** The parts of each path above that could be read in more than one way. */
  readonly disambiguatedPaths: Readonly<Record<string, Path>>;
}

/** Names of fields, and indexes of array elements as numbers. */
export type Path = readonly (string | number)[];

/** One field with its new value (`undefined` if it is gone), or an array with its new size. */
export type PathChange =
  | { readonly path: Path; readonly value: unknown }
  | { readonly path: Path; readonly newSize: number };

/** Whether two values are the same to the byte: 5 and 5.0 are equal to a query, but not the same. */
export function isIdentical(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return Buffer.compare(encode({ v: a }), encode({ v: b })) === 0;
}

export function updateDescription(changes: readonly PathChange[]): UpdateDescription {
  const updatedFields: Document = {};
  const removedFields: string[] = [];
  const truncatedArrays: { field: string; newSize: number }[] = [];
  const disambiguatedPaths: Record<string, Path> = {};
  for (const change of changes) {
    const field = change.path.join('.');
    if ('newSize' in change) truncatedArrays.push({ field, newSize: change.newSize });
    else if (change.value === undefined) removedFields.push(field);
    else updatedFields[field] = change.value;
    if (isAmbiguous(change.path)) disambiguatedPaths[field] = change.path;
  }
  return { updatedFields, removedFields, truncatedArrays, disambiguatedPaths };
}

/** A name with a dot in it, or a name below the first that could be an index. */
const isAmbiguous = (path: Path) =>
  path.some((part, depth) => typeof part === 'string' && (part.includes('.') || (depth > 0 && isIndex(part))));

/** Describes an update by operators: the outermost of the paths that it touched, as they stand afterwards. */
export function describeTouched(after: Document, touched: ReadonlySet<string>): UpdateDescription {
  const outermost = [...touched].filter((path) => !hasAncestor(path, touched));
  return updateDescription(
    outermost.map((path) => {
      const parts = path.split('.');
      const typed = parts.map((part, i) => (Array.isArray(valueAt(after, parts.slice(0, i))) ? Number(part) : part));
      return { path: typed, value: valueAt(after, parts) };
    }),
  );
}

function hasAncestor(path: string, touched: ReadonlySet<string>): boolean {
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    if (touched.has(path.slice(0, dot))) return true;
  }
  return false;
}
