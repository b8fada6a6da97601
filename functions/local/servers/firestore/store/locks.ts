import type { ReadRange } from '../query/runQuery.ts';
import type { SortedIndex } from './sortedIndex.ts';
import type { EntryChange } from './store.ts';
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
  /** Whether anyone but `party` relies on a stretch of an index: only then the entries that its write touches
   *  matter. */
  othersHoldRanges(party: Party): boolean;
  /** A write of `party` waits: later readers let it go first, so that a stream of readers cannot hold it up for
   *  ever. */
  announce(party: Party, touched: Touched): void;
  /** The write no longer waits. */
  withdraw(party: Party): void;
  /** Others whose announced writes would change what is being read. */
  announcedAgainst(read: ReadSet, except: Party): Set<Party>;
  /** Frees all that `party` has locked. */
  release(party: Party): void;
}

export function createLocks(): Locks {
  // Lists rather than sets: nearly every document has one holder, and there are as many of them as documents in all
  // open transactions.
  const byPath = new Map<string, Party[]>();
  const byIndex = new Map<SortedIndex, { party: Party; range: ReadRange }[]>();
  const announced = new Map<Party, Touched>();
  const pathsOf = new Map<Party, string[]>();

  return {
    othersHoldRanges(party) {
      for (const held of byIndex.values()) if (held.some((lock) => lock.party !== party)) return true;
      return false;
    },
    share(party, { paths, ranges }) {
      const own = pathsOf.get(party) ?? [];
      pathsOf.set(party, own);
      for (const path of paths) {
        const holders = byPath.get(path);
        if (holders?.includes(party)) continue;
        own.push(path);
        if (holders) holders.push(party);
        else byPath.set(path, [party]);
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
      for (const path of paths) {
        for (const party of byPath.get(path) ?? []) if (party !== except) found.add(party);
      }
      for (const [index, touched] of entries) {
        for (const { party, range } of byIndex.get(index) ?? []) {
          if (party !== except && touched.some((key) => inRange(key, range))) found.add(party);
        }
      }
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
        const others = byPath.get(path)?.filter((holder) => holder !== party) ?? [];
        if (others.length === 0) byPath.delete(path);
        else byPath.set(path, others);
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
 *  @param entries  what the changes do in every index
 *  @param everywhere  stands for all documents of all kinds by name: creations and deletions touch it too */
export function touchedEntries(entries: Iterable<EntryChange>, everywhere: SortedIndex): Map<SortedIndex, string[]> {
  const touched = new Map<SortedIndex, string[]>();
  const touch = (index: SortedIndex, keys: readonly string[]) => {
    const known = touched.get(index) ?? [];
    known.push(...keys);
    touched.set(index, known);
  };
  for (const { index, before, after } of entries) {
    const moved = [...before.filter((key) => !after.includes(key)), ...after.filter((key) => !before.includes(key))];
    if (moved.length === 0) continue;
    touch(index, moved);
    if (index.spec === everywhere.spec) touch(everywhere, moved);
  }
  return touched;
}
