import { decode } from '../bson/codec.ts';
import { type Document, isDocument, typeOf } from '../bson/values.ts';
import { typeMismatch } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import type { Collection } from '../storage/collection.ts';
import type { CollectionView } from '../storage/view.ts';
import { parseHint } from './hint.ts';
import { compileFilter, type MatchTrace } from './matcher.ts';
import { type AccessPath, chooseAccessPath } from './plan.ts';
import { parseSort, sortBy } from './sort.ts';

/** A document that a query found. */
export interface Found {
  readonly idKey: string;
  readonly bytes: Uint8Array;
  readonly document: Document;
  readonly trace: MatchTrace;
}

export interface Query {
  readonly filter: Document;
  readonly sort?: Document | undefined;
  readonly skip?: number | undefined;
  /** 0 or nothing: no limit. */
  readonly limit?: number | undefined;
  /** The name or the key of the index to use, or `{ $natural: 1 }`. */
  readonly hint?: unknown;
}

/** How many index keys and documents were looked at. */
export interface Examined {
  keys: number;
  documents: number;
}

/** How a query will find its documents. */
export function planOf(collection: Collection, query: Query): AccessPath {
  const indexes = [...collection.indexes.values()];
  const hint = parseHint(query.hint, indexes);
  const natural = query.sort?.$natural ?? (hint?.kind === 'natural' ? hint.direction : undefined);
  return natural === undefined
    ? chooseAccessPath(query.filter, sortOf(query), indexes, hint?.kind === 'index' ? hint : undefined)
    : { kind: 'everything', reverse: Number(natural) < 0 };
}

/** The fields of a sort, but for `$natural`, which is none. */
const sortOf = ({ sort }: Query) => parseSort(sort?.$natural === undefined ? (sort ?? {}) : {});

/** Finds documents, lazily where the order allows it, and by an index if one helps. */
export function* readDocuments(
  view: CollectionView,
  query: Query,
  evaluation: Evaluation,
  examined: Examined = { keys: 0, documents: 0 },
): Generator<Found> {
  const sorted = sortOf(query).length > 0;
  const matches = compileFilter(query.filter, evaluation);
  const plan = planOf(view.collection, query);
  const skip = query.skip ?? 0;
  const limit = query.limit ? query.limit : Number.POSITIVE_INFINITY;

  let found: Iterable<Found> = matching(view, plan, matches, examined);
  const inOrder = plan.kind === 'index' && plan.sorted && view.differing.size === 0;
  if (sorted && !inOrder) found = sortBy(found, query.sort ?? {}, ({ document }) => document, skip + limit);
  let position = 0;
  if (limit + skip <= 0) return;
  for (const item of found) {
    position += 1;
    if (position > skip) yield item;
    if (position >= skip + limit) return;
  }
}

function* matching(
  view: CollectionView,
  plan: AccessPath,
  matches: (document: Document, trace: MatchTrace) => boolean,
  examined: Examined,
): Generator<Found> {
  const test = (idKey: string, bytes: Uint8Array | undefined): Found | undefined => {
    if (!bytes) return undefined;
    examined.documents += 1;
    const document = decode(bytes);
    const trace: MatchTrace = {};
    return matches(document, trace) ? { idKey, bytes, document, trace } : undefined;
  };
  for (const idKey of candidates(view, plan)) {
    if (plan.kind === 'index') examined.keys += 1;
    if (view.differing.has(idKey)) continue;
    const found = test(idKey, view.collection.get(idKey));
    if (found) yield found;
  }
  for (const [idKey, bytes] of view.differing) {
    const found = test(idKey, bytes);
    if (found) yield found;
  }
}

function* candidates({ collection }: CollectionView, plan: AccessPath): Generator<string> {
  if (plan.kind === 'everything') {
    yield* plan.reverse ? [...collection.ids()].reverse() : collection.ids();
    return;
  }
  const { index, ranges, reverse } = plan;
  const seen = index?.multikey ? new Set<string>() : undefined;
  for (const range of ranges) {
    // A whole _id needs no search in the order.
    if (!index && isWholeId(range)) {
      yield range.low;
      continue;
    }
    for (const { idKey } of index ? index.scan(range, reverse) : collection.scanIds(range, reverse)) {
      if (seen?.has(idKey)) continue;
      seen?.add(idKey);
      yield idKey;
    }
  }
}

const isWholeId = ({ low, high }: { low: string; high: string }) =>
  low !== '' && high.length === low.length + 1 && high.startsWith(low) && low.length > 1;

/** The filter of a command, which may be left out. Throws 14 (TypeMismatch). */
export function filterOf(value: unknown): Document {
  if (value === undefined || value === null) return {};
  if (!isDocument(value)) throw typeMismatch(`a filter must be an object, but got ${typeOf(value)}`);
  return value;
}
