import type { AssetCollection } from '../../config/defineConfig.ts';
import type { CopyValue } from '../../events/copyValue.ts';
import type { IdRange } from './idOrder.ts';

/** Where a query begins. `after` hops over everything that equals the given first fields of the order. */
export type StartAt =
  | { readonly kind: 'from'; readonly id: string }
  | { readonly kind: 'after'; readonly values: readonly unknown[] };

/** What is read of an asset: its keys, never its content. */
export interface AssetEntry {
  readonly path: string;
  readonly projectId: unknown;
  /** In the order of the collection's `copies`; undefined where the asset lacks the field. */
  readonly copies: readonly unknown[];
  /** When the asset was created, ms since 1970. */
  readonly createdAt: number;
}

/** How many index entries a range has. */
export interface EntryCounts {
  /** Assets that have the project id. */
  readonly ids: number;
  /** Assets that have the project id and every copy. */
  readonly tuples: number;
}

/** What all assets of a project show that is in step. */
export interface ExpectedTuple {
  readonly projectId: string;
  /** In the order of the collection's `copies`. */
  readonly copies: readonly CopyValue[];
}

/** What `count()` says of a whole collection. */
export interface CollectionCounts {
  readonly assets: number;
  /** Assets that have the field of the project id, whatever is in it. */
  readonly withProjectId: number;
  /** Assets whose project id is a string, and not the empty one. */
  readonly withText: EntryCounts;
}

/** The queries of reconciliation on one collection (or collection group) of assets, all served from indexes.
 *  Every method adds what Firestore bills for it to the meter that the index was made with. */
export interface AssetIndex {
  readonly collection: AssetCollection;
  /** The next entries in the order of (project id, copies …), or of the project id alone, before `to`. */
  page(order: 'tuples' | 'ids', start: StartAt, to: string | null, limit: number): Promise<readonly AssetEntry[]>;
  /** The assets of a range one after another, in the order of (project id, path), after `after`. */
  every(range: IdRange, after: AssetEntry | null, limit: number): Promise<readonly AssetEntry[]>;
  /** The entry with the largest project id of a range. */
  last(range: IdRange): Promise<AssetEntry | undefined>;
  /** Both counts of a range, taken at one time. */
  count(range: IdRange): Promise<EntryCounts>;
  /** How many assets a range has, and how many there are of some tuples, at most `tuplesPerCount`: both counts taken at
   *  one time, so that they are equal only if the range has no other assets. */
  countEqual(
    range: IdRange,
    tuples: readonly ExpectedTuple[],
  ): Promise<{ readonly ids: number; readonly equal: number }>;
  /** The counts of the whole collection, taken at one time. */
  countAll(): Promise<CollectionCounts>;
  /** Some assets whose project id is not text, or is the empty text. */
  unusable(limit: number): Promise<readonly AssetEntry[]>;
}

/** Firestore bills one read per thousand index entries that it counts, and at least one:
 *  https://firebase.google.com/docs/firestore/pricing#aggregation_queries */
export function readsToCount(entries: number): number {
  return Math.max(1, Math.ceil(entries / 1_000));
}

/** Alternatives that one query may have, and conditions in all of them together with its path and its order:
 *  https://firebase.google.com/docs/firestore/query-data/queries#query_limitations */
const maxAlternatives = 30;
const maxConditions = 98;

/** How many tuples one query can count. */
export function tuplesPerCount({ copies }: Pick<AssetCollection, 'copies'>): number {
  return Math.min(maxAlternatives, Math.floor(maxConditions / (1 + Object.keys(copies).length)));
}

/** What Firestore bills, in reads. */
export interface ReadMeter {
  /** Documents of the hop scan. */
  hops: number;
  /** Index entries counted: one read per thousand. */
  counts: number;
  /** Documents read to find assets that lack a copy, or as examples. */
  closer: number;
}

export function emptyMeter(): ReadMeter {
  return { hops: 0, counts: 0, closer: 0 };
}
