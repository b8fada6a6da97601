import { invertKey, orderKey } from '../bson/orderKey.ts';
import { isIndex, ownField, valueAt } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument } from '../bson/values.ts';
import type { Matcher } from '../query/matcher.ts';
import type { SortField } from '../query/sort.ts';
import { createOrderedKeys, type KeyRange } from './orderedKeys.ts';

/** What an index was created with. */
export interface IndexSpec {
  readonly name: string;
  readonly key: Document;
  readonly fields: readonly SortField[];
  readonly unique: boolean;
  readonly sparse: boolean;
  /** Only documents that meet this are in the index. */
  readonly partial?: Matcher;
  /** The specification as `listIndexes` shows it. */
  readonly shown: Document;
}

export interface CollectionIndex {
  readonly spec: IndexSpec;
  /** Whether an indexed path holds an array: then there is no order, and a document may be met twice. */
  readonly multikey: boolean;
  /** The keys of a document, without its id; none if it does not belong into the index. */
  keysOf(document: Document): string[];
  add(document: Document, idKey: string): void;
  remove(document: Document, idKey: string): void;
  /** The ids of the documents that have this very key. */
  holders(key: string): Iterable<string>;
  scan(range: KeyRange, reverse: boolean): Iterable<{ key: string; idKey: string }>;
}

/** The key of one value in an index; in a descending index the order of keys is turned round. */
const indexComponent = (value: unknown, field: SortField) =>
  field.descending ? invertKey(orderKey(value)) : orderKey(value);

export function createCollectionIndex(spec: IndexSpec): CollectionIndex {
  const entries = createOrderedKeys();
  let multikey = false;
  const keysOf = (document: Document): string[] => {
    if (spec.partial && !spec.partial(document)) return [];
    const columns = spec.fields.map((field) => {
      const values = indexedValues(document, field.path.split('.'));
      return {
        keys: [...new Set(values.map((value) => indexComponent(value, field)))],
        missing: values.every((value) => value === undefined),
      };
    });
    if (spec.sparse && columns.every(({ missing }) => missing)) return [];
    let keys = [''];
    for (const column of columns) keys = keys.flatMap((key) => column.keys.map((component) => key + component));
    return keys;
  };
  return {
    spec,
    get multikey() {
      return multikey;
    },
    keysOf,
    add(document, idKey) {
      const keys = keysOf(document);
      if (keys.length > 1) multikey = true;
      for (const key of keys) entries.add(key + idKey, idKey);
    },
    remove(document, idKey) {
      for (const key of keysOf(document)) entries.remove(key + idKey);
    },
    *holders(key) {
      for (const { idKey } of entries.scan({ low: key, high: `${key}\uffff` })) yield idKey;
    },
    scan: (range, reverse) => entries.scan(range, reverse),
  };
}

/** What an index stores of a document: every element of an array, `undefined` for what is missing. */
function indexedValues(value: unknown, parts: readonly string[]): unknown[] {
  const [part, ...rest] = parts;
  if (part === undefined) {
    if (!Array.isArray(value)) return [value];
    return value.length === 0 ? [undefined] : value;
  }
  if (Array.isArray(value)) {
    const byIndex = isIndex(part) ? valueAt(value, [part]) : undefined;
    if (byIndex !== undefined) return indexedValues(byIndex, rest);
    const found = value.filter(isDocument).flatMap((item) => indexedValues(item, parts));
    return found.length === 0 ? [undefined] : found;
  }
  const fields = fieldsOf(value);
  return fields ? indexedValues(ownField(fields, part), rest) : [undefined];
}
