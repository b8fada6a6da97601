import { isDeepStrictEqual } from 'node:util';
import type { AssetCollection } from '../../../src/config/defineConfig.ts';
import type { AssetEntry, AssetIndex, ExpectedTuple, StartAt } from '../../../src/reconcile/scan/assetIndex.ts';
import { compareStrings, type IdRange, justAfter } from '../../../src/reconcile/scan/idOrder.ts';

/** Firestore cuts index entries here. */
const indexedBytes = 1_500;

export interface ModelAsset {
  readonly path: string;
  readonly projectId: string;
  /** null is a value; undefined is a missing field. */
  readonly copies: readonly (string | null | undefined)[];
  readonly createdAt?: number;
}

export interface ModelIndex extends AssetIndex {
  readonly reads: { pages: number; every: number; counts: number; queries: number };
}

type ModelEntry = AssetEntry & { readonly projectId: string };

/** An index in memory that behaves like Firestore's: sorted by UTF-8 bytes, entries cut at 1,500 bytes, cursors on the
 *  first fields of the order. */
export function createModelIndex(collection: AssetCollection, assets: readonly ModelAsset[]): ModelIndex {
  const entries = assets.map(
    (asset): ModelEntry => ({
      ...asset,
      createdAt: asset.createdAt ?? 0,
    }),
  );
  const byTuple = entries
    .filter((entry) => entry.copies.every((copy) => copy !== undefined))
    .toSorted((a, b) => compareKeys(keysOf(a, true), keysOf(b, true)) || compareStrings(a.path, b.path));
  const byId = entries.toSorted(
    (a, b) => compareKeys(keysOf(a, false), keysOf(b, false)) || compareStrings(a.path, b.path),
  );
  const reads = { pages: 0, every: 0, counts: 0, queries: 0 };
  const within = (sorted: readonly ModelEntry[], { from, to }: IdRange): readonly ModelEntry[] =>
    sorted.slice(
      firstWhere(sorted, ({ projectId }) => compareStrings(projectId, from) >= 0),
      to === null ? undefined : firstWhere(sorted, ({ projectId }) => compareStrings(projectId, to) >= 0),
    );
  return {
    collection,
    reads,
    async page(order, start, to, limit) {
      const sorted = order === 'tuples' ? byTuple : byId;
      const begin = firstWhere(sorted, (entry) => startsAt(entry, start, order === 'tuples'));
      const found = sorted
        .slice(begin, begin + limit)
        .filter(({ projectId }) => to === null || compareStrings(projectId, to) < 0);
      reads.queries += 1;
      reads.pages += Math.max(1, found.length);
      return found;
    },
    async every(range, after, limit) {
      const all = within(byId, range);
      const begin = after === null ? 0 : all.findIndex(({ path }) => path === after.path) + 1;
      const found = all.slice(begin, begin + limit);
      reads.every += Math.max(1, found.length);
      return found;
    },
    async last(range) {
      reads.every += 1;
      return within(byId, range).at(-1);
    },
    async count(range) {
      const counts = { ids: within(byId, range).length, tuples: within(byTuple, range).length };
      reads.counts += Math.max(1, Math.ceil(counts.ids / 1000)) + Math.max(1, Math.ceil(counts.tuples / 1000));
      return counts;
    },
    async countEqual(range, tuples) {
      const ids = within(byId, range).length;
      // Of what the index holds cut, the worst that Firestore could say: all that begins alike is equal.
      const isOf = (entry: ModelEntry) => (tuple: ExpectedTuple) =>
        tuple.projectId === entry.projectId && isDeepStrictEqual(tuple.copies.map(cut), entry.copies.map(cut));
      const equal = byTuple.filter((entry) => tuples.some(isOf(entry))).length;
      reads.counts += Math.max(1, Math.ceil(ids / 1000)) + Math.max(1, Math.ceil(equal / 1000));
      return { ids, equal };
    },
    async countAll() {
      const withText = { ids: byId.length, tuples: byTuple.length };
      return { assets: byId.length, withProjectId: byId.length, withText };
    },
    unusable: async () => [],
  };
}

function keysOf(entry: AssetEntry, withCopies: boolean): unknown[] {
  return withCopies ? [entry.projectId, ...entry.copies] : [entry.projectId];
}

/** What the index holds of a value. A cursor holds the value itself, so behind a cut entry it stands still: the worst
 *  that Firestore could do. */
function cut(value: unknown): string | null {
  return typeof value === 'string' ? Buffer.from(value).subarray(0, indexedBytes).toString('latin1') : null;
}

function compareValues(a: string | null, b: string | null): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareKeys(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, value] of a.entries()) {
    const order = compareValues(cut(value), cut(b[index]));
    if (order !== 0) return order;
  }
  return 0;
}

function startsAt(entry: AssetEntry, start: StartAt, withCopies: boolean): boolean {
  if (start.kind === 'from') return compareStrings(String(entry.projectId), start.id) >= 0;
  const tooLong = start.values.some((value) => typeof value === 'string' && Buffer.byteLength(value) > indexedBytes);
  const order = compareKeys(keysOf(entry, withCopies).slice(0, start.values.length), start.values);
  return tooLong ? order >= 0 : order > 0;
}

/** Where the entries begin of which `holds` is true: none before them, and all behind. */
function firstWhere<E>(sorted: readonly E[], holds: (entry: E) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const entry = sorted[middle];
    if (entry !== undefined && holds(entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Every project id but the empty one. */
export const allIds: IdRange = { from: justAfter(''), to: null };

/** A collection whose assets have so many copies. */
export function collectionWith(copies: number): AssetCollection {
  const fields = Array.from({ length: copies }, (_, index) => [`field${index}`, `copy${index}`] as const);
  return {
    name: 'media',
    kind: 'path',
    projectId: 'projectId',
    copies: Object.fromEntries(fields),
    recursive: false,
    retentionMs: null,
    files: [],
    guard: false,
    hideDeleted: false,
  };
}
