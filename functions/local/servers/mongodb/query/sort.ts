import { invertKey, orderKey } from '../bson/orderKey.ts';
import { valuesAt } from '../bson/paths.ts';
import { type Document, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError } from '../errors.ts';

export interface SortField {
  readonly path: string;
  readonly descending: boolean;
}

/** Parses `{ a: 1, 'b.c': -1 }`. */
export function parseSort(spec: Document): SortField[] {
  return Object.entries(spec).map(([path, direction]) => {
    if (!isNumeric(direction) || Math.abs(toNumber(direction)) !== 1) {
      throw new CommandError(15975, `$sort key ordering must be 1 or -1, not ${String(direction)} for ${path}`);
    }
    return { path, descending: toNumber(direction) === -1 };
  });
}

/** The string by which a document is sorted: an array counts by its least element, or its greatest when descending. */
export function sortKey(document: unknown, sort: readonly SortField[]): string {
  let key = '';
  for (const { path, descending } of sort) {
    const values = valuesAt(document, path.split('.'));
    const keys = (values.length === 0 ? [null] : values).map((value) => orderKey(value)).sort();
    key += descending ? invertKey(keys.at(-1) ?? '') : (keys[0] ?? '');
  }
  return key;
}

/** Sorts items stably by their documents; with a `limit`, only so many are kept on the way. */
export function sortBy<T>(
  items: Iterable<T>,
  spec: Document,
  documentOf: (item: T) => unknown,
  limit = Number.POSITIVE_INFINITY,
): T[] {
  const sort = parseSort(spec);
  let keyed: { item: T; key: string }[] = [];
  const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const full = limit * 2 + minimumBuffer;
  for (const item of items) {
    keyed.push({ item, key: sortKey(documentOf(item), sort) });
    if (keyed.length >= full) keyed = keyed.sort(byKey).slice(0, limit);
  }
  return keyed
    .sort(byKey)
    .slice(0, limit)
    .map(({ item }) => item);
}

/** Small limits are not worth sorting again and again for. */
const minimumBuffer = 1000;
