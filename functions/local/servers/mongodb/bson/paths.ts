import { type Document, fieldsOf, isDocument } from './values.ts';

/** Whether a path component can be the index of an array element. */
export const isIndex = (part: string) => /^(0|[1-9]\d*)$/.test(part);

/** A field of a document that the document has itself; never one that JavaScript's objects inherit. */
export function ownField(document: Document, name: string): unknown {
  return Object.hasOwn(document, name) ? document[name] : undefined;
}

/** Sets a field, also one with the name `__proto__`. */
export function setField(document: Document, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(document, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    document[name] = value;
  }
}

/** The value at a dotted path, with numbers as array indexes; arrays are not descended into by name. */
export function valueAt(root: unknown, parts: readonly string[]): unknown {
  let value = root;
  for (const part of parts) {
    if (Array.isArray(value)) {
      value = isIndex(part) ? value[Number(part)] : undefined;
    } else {
      const fields = fieldsOf(value);
      value = fields ? ownField(fields, part) : undefined;
    }
    if (value === undefined) return undefined;
  }
  return value;
}

/** Every value that an index or `distinct` finds at a path: of arrays, the elements. */
export function valuesAt(root: unknown, parts: readonly string[], unwindLast = true): unknown[] {
  const found: unknown[] = [];
  collect(root, parts, 0, unwindLast, found);
  return found;
}

function collect(value: unknown, parts: readonly string[], at: number, unwindLast: boolean, found: unknown[]): void {
  const part = parts[at];
  if (part === undefined) {
    if (unwindLast && Array.isArray(value)) found.push(...value);
    else if (value !== undefined) found.push(value);
    return;
  }
  if (Array.isArray(value)) {
    if (isIndex(part) && value[Number(part)] !== undefined) {
      collect(value[Number(part)], parts, at + 1, unwindLast, found);
    }
    for (const item of value) if (isDocument(item)) collect(item, parts, at, unwindLast, found);
    return;
  }
  const fields = fieldsOf(value);
  if (fields && Object.hasOwn(fields, part)) collect(fields[part], parts, at + 1, unwindLast, found);
}
