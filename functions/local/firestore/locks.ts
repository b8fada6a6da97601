import type { ReadRange } from './run-query.ts';
import type { SortedIndex } from './sorted-index.ts';
import type { Change, Kind } from './store.ts';
import type { Party } from './waiting.ts';

/** What a transaction has read: documents (present or missing) and stretches of indexes. */
export interface ReadSet {
  readonly paths: readonly string[];
  readonly ranges: readonly ReadRange[];
}

/** What a write touches: documents, and the index entries that it adds or removes. */
export interface Touched {
  readonly paths: ReadonlySet<string>;
  readonly entries: ReadonlyMap<SortedIndex, readonly string[]>;
}

/** Shared locks of the transactions that have read something, and the writes that wait for them. */
export interface Locks {
  /** `party` has read this and relies on it until it ends. */
  share(party: Party, read: ReadSet): void;
  /** Others that rely on something that the write would change. */
  holders(touched: Touched, except: Party): Set<Party>;
  /** The indexes of which anyone but `party` relies on a stretch: only the entries of these that its write touches matter. */
  heldByOthers(party: Party): ReadonlySet<SortedIndex>;
  /** A write of `party` waits: later readers let it go first, so that a stream of readers cannot hold it up for ever. */
  announce(party: Party, touched: Touched): void;
  /** The write no longer waits. */
  withdraw(party: Party): void;
  /** Others whose announced writes would change what is being read. */
  announcedAgainst(read: ReadSet, except: Party): Set<Party>;
  /** Frees all that `party` has locked. */
  release(party: Party): void;
}

export function createLocks(): Locks {
  const byPath = new Map<string, Set<Party>>();
  const byIndex = new Map<SortedIndex, { party: Party; range: ReadRange }[]>();
  const announced = new Map<Party, Touched>();
  const pathsOf = new Map<Party, Set<string>>();

  return {
    heldByOthers(party) {
      const indexes = new Set<SortedIndex>();
      for (const [index, held] of byIndex) if (held.some((lock) => lock.party !== party)) indexes.add(index);
      return indexes;
    },
    share(party, { paths, ranges }) {
      const own = pathsOf.get(party) ?? new Set();
      pathsOf.set(party, own);
      for (const path of paths) {
        own.add(path);
        const holders = byPath.get(path) ?? new Set();
        byPath.set(path, holders.add(party));
      }
      for (const range of ranges) {
        if (range.from >= range.to) continue;
        const held = byIndex.get(range.index) ?? [];
        held.push({ party, range });
        byIndex.set(range.index, held);
      }
    },
    holders({ paths, entries }, except) {
      const found = new Set<Party>();
      for (const path of paths) for (const party of byPath.get(path) ?? []) found.add(party);
      for (const [index, keys] of entries) {
        for (const { party, range } of byIndex.get(index) ?? []) {
          if (keys.some((key) => inRange(key, range))) found.add(party);
        }
      }
      found.delete(except);
      return found;
    },
    announce: (party, touched) => void announced.set(party, touched),
    withdraw: (party) => void announced.delete(party),
    announcedAgainst({ paths, ranges }, except) {
      const found = new Set<Party>();
      for (const [party, touched] of announced) {
        const hit =
          paths.some((path) => touched.paths.has(path)) ||
          ranges.some((range) => (touched.entries.get(range.index) ?? []).some((key) => inRange(key, range)));
        if (hit && party !== except) found.add(party);
      }
      return found;
    },
    release(party) {
      announced.delete(party);
      for (const path of pathsOf.get(party) ?? []) {
        const holders = byPath.get(path);
        holders?.delete(party);
        if (holders?.size === 0) byPath.delete(path);
      }
      pathsOf.delete(party);
      for (const [index, held] of byIndex) {
        const others = held.filter((lock) => lock.party !== party);
        if (others.length === 0) byIndex.delete(index);
        else byIndex.set(index, others);
      }
    },
  };
}

const inRange = (key: string, { from, to }: ReadRange) => key >= from && key < to;

/** The index entries that changes add or remove.
 *  @param everywhere  stands for all documents of all kinds: creations and deletions touch it too
 *  @param only  the indexes to look at; making the keys of an entry costs more than all the rest. Default: all */
export function touchedEntries(
  changes: readonly Change[],
  kindOf: (path: string) => Kind,
  everywhere: SortedIndex,
  only?: ReadonlySet<SortedIndex>,
): Map<SortedIndex, string[]> {
  const entries = new Map<SortedIndex, string[]>();
  const touch = (index: SortedIndex, { before, after }: Change) => {
    if (only !== undefined && !only.has(index)) return;
    const old = before ? index.keysOf(before) : [];
    const now = after ? index.keysOf(after) : [];
    const moved = [...old.filter((key) => !now.includes(key)), ...now.filter((key) => !old.includes(key))];
    if (moved.length === 0) return;
    const keys = entries.get(index) ?? [];
    keys.push(...moved);
    entries.set(index, keys);
  };
  for (const change of changes) {
    for (const index of kindOf(change.path).indexes()) touch(index, change);
    touch(everywhere, change);
  }
  return entries;
}
