import BTreeModule from 'sorted-btree';
import { fieldOf, type StoredDocument } from '../values/document.ts';
import type { FieldPath } from '../values/fieldPath.ts';
import { compareKeys, invert } from '../values/keyBytes.ts';
import { pathKey } from '../values/pathKey.ts';
import { parentOf } from '../values/resourceName.ts';
import { indexKey } from '../values/sortKey.ts';

// The package is CommonJS and puts its class under `default`, which Node and the type checker see differently.
const BTree = BTreeModule.default;
type Tree = InstanceType<typeof BTree<string, StoredDocument>>;

/** How an index orders by one field; `contains` has an entry for each element of an array. */
export interface IndexField {
  readonly path: FieldPath;
  readonly mode: 'ascending' | 'descending' | 'contains';
}

/** What an index orders, and of which documents. */
export interface IndexSpec {
  /** `collection`: entries of one collection are together, whatever its parent. `group`: those of all collections of
   *  that id are. */
  readonly scope: 'collection' | 'group';
  readonly fields: readonly IndexField[];
  /** Direction of the document's name, which ends every key. */
  readonly nameDescending: boolean;
}

/** What the path of a document adds to its keys. */
export interface Place {
  readonly parent: string;
  readonly name: string;
}

export const placeOf = (path: string): Place => ({ parent: collectionPrefix(parentOf(path)), name: pathKey(path) });

/** The documents of one collection id, sorted by some of their fields and then by name. */
export interface SortedIndex {
  readonly spec: IndexSpec;
  readonly size: number;
  /** The entries that a document has: none if it lacks a field.
   *  @param place  where it lies, for who asks about the same path more than once */
  keysOf(document: StoredDocument, place?: Place): string[];
  add(key: string, document: StoredDocument): void;
  remove(key: string): void;
  get(key: string): StoredDocument | undefined;
  /** Entries from `from` (inclusive) to `to` (exclusive). The pair that is yielded is overwritten by the next one. */
  ascending(from: string, to: string): Generator<readonly [string, StoredDocument]>;
  /** The same entries from the other end. */
  descending(from: string, to: string): Generator<readonly [string, StoredDocument]>;
  /** The first key at or after `from`, if there is any. */
  firstKeyFrom(from: string): string | undefined;
  /** The same index as it is now, unaffected by later changes; costs nothing until one of the two changes. */
  snapshot(): SortedIndex;
}

/** The text that two specs have in common if and only if they are the same index. */
export function specKey(spec: IndexSpec): string {
  const fields = spec.fields.map(({ path, mode }) => `${mode}:${path.canonical}`);
  return JSON.stringify([spec.scope, spec.nameDescending, ...fields]);
}

/** What all keys of a collection begin with in an index of scope `collection`. */
export const collectionPrefix = (parent: string) => pathKey(parent);

/** An index without entries. */
export function createSortedIndex(
  spec: IndexSpec,
  tree: Tree = new BTree<string, StoredDocument>([], compareKeys),
): SortedIndex {
  return {
    spec,
    get size() {
      return tree.size;
    },
    keysOf: (document, place = placeOf(document.path)) => keysOf(spec, document, place),
    add: (key, document) => void tree.set(key, document),
    remove: (key) => void tree.delete(key),
    get: (key) => tree.get(key),
    *ascending(from, to) {
      for (const pair of tree.entries(from, [])) {
        if (pair[0] >= to) return;
        yield pair;
      }
    },
    *descending(from, to) {
      for (const pair of tree.entriesReversed(to, [], true)) {
        if (pair[0] < from) return;
        yield pair;
      }
    },
    firstKeyFrom: (from) => tree.getPairOrNextHigher(from)?.[0],
    snapshot: () => createSortedIndex(spec, tree.clone()),
  };
}

function keysOf(spec: IndexSpec, document: StoredDocument, place: Place): string[] {
  let keys = [spec.scope === 'collection' ? place.parent : ''];
  for (const { path, mode } of spec.fields) {
    const value = fieldOf(document, path);
    if (value === undefined) return [];
    if (mode === 'contains') {
      if (value.type !== 'array') return [];
      const elements = new Set(value.values.map(indexKey));
      keys = keys.flatMap((key) => [...elements].map((element) => key + element));
    } else {
      const part = mode === 'ascending' ? indexKey(value) : invert(indexKey(value));
      keys = keys.map((key) => key + part);
    }
  }
  const last = spec.nameDescending ? invert(place.name) : place.name;
  return keys.map((key) => key + last);
}
