/** A path as a value: `/databases/(default)/documents/storyboards/s1`. */
export interface PathValue {
  readonly kind: 'path';
  readonly segments: readonly string[];
}

/** What `affectedKeys()` and its like return. */
export interface SetValue {
  readonly kind: 'set';
  readonly items: readonly Value[];
}

/** What `map.diff(other)` returns. */
export interface MapDiffValue {
  readonly kind: 'diff';
  readonly before: MapValue;
  readonly after: MapValue;
}

export type MapValue = ReadonlyMap<string, Value>;

/** A value of the rules language. Whole and fractional numbers are one type here. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | MapValue
  | PathValue
  | SetValue
  | MapDiffValue;

/** Plain data, as the cases write it. */
export type Data = null | boolean | number | string | readonly Data[] | { readonly [key: string]: Data };
export type DocumentData = { readonly [field: string]: Data };

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
export const isMap = (value: Value): value is MapValue => value instanceof Map;
export const isTagged = (value: Value): value is PathValue | SetValue | MapDiffValue =>
  typeof value === 'object' && value !== null && 'kind' in value;

/** Plain data as a value. */
export function valueFrom(data: Data): Value {
  if (data === null || typeof data !== 'object') return data;
  if (Array.isArray(data)) return data.map(valueFrom);
  return mapOf(data as DocumentData);
}

/** The fields of a document as a value. */
export function mapOf(data: DocumentData): MapValue {
  return new Map(Object.entries(data).map(([key, value]) => [key, valueFrom(value)]));
}

/** A map of which only some members are known: what a condition asks of it as a whole cannot be told. */
export class PartialMap extends Map<string, Value> {}

/** The same of plain data, at every level. */
export function partialMapOf(data: DocumentData): PartialMap {
  return new PartialMap(
    Object.entries(data).map(([key, value]) => [key, isDocumentData(value) ? partialMapOf(value) : valueFrom(value)]),
  );
}

function isDocumentData(data: Data): data is DocumentData {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** Equality as `==` has it: values of different types are not equal, lists and maps are compared by what they hold. */
export function areEqual(a: Value, b: Value): boolean {
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, i) => areEqual(item, b[i] ?? null));
  if (isMap(a)) {
    return (
      isMap(b) && a.size === b.size && [...a].every(([key, value]) => b.has(key) && areEqual(value, b.get(key) ?? null))
    );
  }
  if (isTagged(a)) {
    if (!isTagged(b)) return false;
    if (a.kind === 'path') return b.kind === 'path' && a.segments.join('/') === b.segments.join('/');
    if (a.kind === 'set') return b.kind === 'set' && a.items.length === b.items.length && hasAll(a.items, b.items);
    return b.kind === 'diff' && areEqual(a.before, b.before) && areEqual(a.after, b.after);
  }
  return a === b;
}

export const hasItem = (items: readonly Value[], wanted: Value): boolean =>
  items.some((item) => areEqual(item, wanted));
export const hasAll = (items: readonly Value[], wanted: readonly Value[]): boolean =>
  wanted.every((item) => hasItem(items, item));
export const hasAny = (items: readonly Value[], wanted: readonly Value[]): boolean =>
  wanted.some((item) => hasItem(items, item));

/** The name of a value's type, for messages. */
export function typeName(value: Value): string {
  if (value === null) return 'null';
  if (isList(value)) return 'list';
  if (isMap(value)) return 'map';
  if (isTagged(value)) return value.kind;
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
