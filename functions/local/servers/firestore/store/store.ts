import type { StoredDocument } from '../values/document.ts';
import { pathKey } from '../values/pathKey.ts';
import { collectionIdOf } from '../values/resourceName.ts';
import { createSortedIndex, type IndexSpec, placeOf, type SortedIndex, specKey } from './sortedIndex.ts';

/** One document that changes from one state to another; an absent state is undefined. */
export interface Change {
  readonly path: string;
  readonly before: StoredDocument | undefined;
  readonly after: StoredDocument | undefined;
}

/** The entries that a document has in one index before and after a change; those that stay are in both. */
export interface EntryChange {
  readonly index: SortedIndex;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The documents of one collection id, wherever its collections are, and what has been sorted of them so far. */
export interface Kind {
  readonly collectionId: string;
  /** All of them by name. Also the index of every query that orders by name alone. */
  readonly byName: SortedIndex;
  /** The index of that spec, built from the documents when it is first asked for, and kept up to date from then on. */
  index(spec: IndexSpec): SortedIndex;
  /** Every index that there is now, `byName` included. */
  indexes(): Iterable<SortedIndex>;
  /** How often its documents have changed. */
  changes: number;
  snapshot(): Kind;
}

/** The documents of one database, in memory. */
export interface Store {
  readonly size: number;
  get(path: string): StoredDocument | undefined;
  kind(collectionId: string): Kind;
  kinds(): Iterable<Kind>;
  /** Stands for the names of all documents of all kinds where a transaction's reads are noted; it holds no entries
   *  itself. */
  readonly everywhere: SortedIndex;
  /** What a change does in every index. */
  entriesOf(change: Change): readonly EntryChange[];
  /** Makes a change, in every index.
   *  @param entries  what `entriesOf` says of it, for who has asked already: making keys costs more than keeping them
   *  in order */
  apply(change: Change, entries?: readonly EntryChange[]): void;
  /** The store as it is now, unaffected by later changes. */
  snapshot(): Store;
}

/** The spec of `Kind.byName`. */
export const byNameSpec: IndexSpec = { scope: 'group', fields: [], nameDescending: false };

function createKind(
  collectionId: string,
  byName: SortedIndex,
  others = new Map<string, SortedIndex>(),
  takenOf?: { readonly kind: Kind; readonly changes: number },
): Kind {
  function build(spec: IndexSpec): SortedIndex {
    // An index that only snapshots are asked for is built once for all of them, not by each.
    const kept = takenOf?.kind.index(spec);
    if (kept && takenOf?.changes === takenOf?.kind.changes && kind.changes === 0) return kept.snapshot();
    const built = createSortedIndex(spec);
    for (const [, document] of byName.ascending('', topKey)) {
      for (const entry of built.keysOf(document)) built.add(entry, document);
    }
    return built;
  }
  const kind: Kind = {
    collectionId,
    byName,
    changes: 0,
    index(spec) {
      const key = specKey(spec);
      if (key === specKey(byNameSpec)) return byName;
      const existing = others.get(key);
      if (existing) return existing;
      const built = build(spec);
      others.set(key, built);
      return built;
    },
    *indexes() {
      yield byName;
      yield* others.values();
    },
    snapshot() {
      const copies = [...others].map(([key, index]) => [key, index.snapshot()] as const);
      return createKind(collectionId, byName.snapshot(), new Map(copies), { kind, changes: kind.changes });
    },
  };
  return kind;
}

/** Above every key: no key begins with this byte. */
export const topKey = '\xff';

/** A store with these kinds; an empty one by default. */
export function createStore(kinds = new Map<string, Kind>()): Store {
  const kindOf = (collectionId: string) => {
    const existing = kinds.get(collectionId);
    if (existing) return existing;
    const created = createKind(collectionId, createSortedIndex(byNameSpec));
    kinds.set(collectionId, created);
    return created;
  };
  const everywhere = createSortedIndex(byNameSpec);
  const entriesOf = ({ path, before, after }: Change): EntryChange[] => {
    const place = placeOf(path);
    return [...kindOf(collectionIdOf(path)).indexes()].map((index) => ({
      index,
      before: before ? index.keysOf(before, place) : [],
      after: after ? index.keysOf(after, place) : [],
    }));
  };
  return {
    get size() {
      let size = 0;
      for (const kind of kinds.values()) size += kind.byName.size;
      return size;
    },
    get: (path) => kinds.get(collectionIdOf(path))?.byName.get(pathKey(path)),
    kind: kindOf,
    kinds: () => kinds.values(),
    everywhere,
    entriesOf,
    apply(change, entries = entriesOf(change)) {
      const { after: document, path } = change;
      kindOf(collectionIdOf(path)).changes += 1;
      for (const { index, before, after } of entries) {
        for (const key of before) if (!after.includes(key)) index.remove(key);
        if (document) for (const key of after) index.add(key, document);
      }
    },
    snapshot: () => createStore(new Map([...kinds].map(([id, kind]) => [id, kind.snapshot()]))),
  };
}
