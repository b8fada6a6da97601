import { type SortedIndex, specKey } from '../store/sortedIndex.ts';
import { byNameSpec, type Kind, type Store } from '../store/store.ts';
import type { StoredDocument } from '../values/document.ts';
import { compareKeys } from '../values/keyBytes.ts';
import { pathKey } from '../values/pathKey.ts';
import { parentOf } from '../values/resourceName.ts';
import { matches } from './filters.ts';
import { planScan, type Scan } from './plan.ts';
import type { Query } from './query.ts';

/** A stretch of an index that a query has read: what enters or leaves it would have changed the result. */
export interface ReadRange {
  readonly index: SortedIndex;
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
}

/** What a query found, and what finding it touched. */
export interface QueryResult {
  readonly documents: readonly StoredDocument[];
  /** Documents that the offset passed over; they are billed. */
  readonly skipped: number;
  readonly ranges: readonly ReadRange[];
  /** Every document that was looked at, also those that a residual condition ruled out. */
  readonly examined: readonly StoredDocument[];
}

/** One index stretch being read, with its next result at hand. */
interface Stream {
  readonly scan: Scan;
  readonly index: SortedIndex;
  next: { readonly order: string; readonly document: StoredDocument } | undefined;
  advance(): void;
  range(): ReadRange;
}

/** Runs a query.
 *  @param most  stop after this many results, besides the query's own limit (for counting up to a number) */
export function runQuery(database: string, store: Store, query: Query, most = Number.POSITIVE_INFINITY): QueryResult {
  const examined: StoredDocument[] = [];
  const streams = openStreams(database, store, query, examined);
  const wanted = Math.min(query.limit ?? Number.POSITIVE_INFINITY, most);
  const documents: StoredDocument[] = [];
  let skipped = 0;
  if (wanted > 0) {
    for (const document of merged(streams)) {
      if (skipped < query.offset) {
        skipped += 1;
        continue;
      }
      documents.push(document);
      if (documents.length >= wanted) break;
    }
  }
  const ranges = streams.map((stream) => stream.range());
  if (query.collectionId === undefined)
    ranges.push(everyKind(store, query, documents.length >= wanted ? documents.at(-1) : undefined));
  return { documents, skipped, ranges, examined };
}

/** A query over all kinds also depends on the kinds that do not exist yet: nothing may appear between its first
 *  possible result and the last one it has seen. */
function everyKind(store: Store, query: Query, last: StoredDocument | undefined): ReadRange {
  const scans = query.disjuncts.map((conjunction) => planScan(query, conjunction));
  const from = scans.map((scan) => scan.from).reduce((a, b) => (a < b ? a : b));
  const to = scans.map((scan) => scan.to).reduce((a, b) => (a > b ? a : b));
  if (!last) return { index: store.everywhere, from, to };
  const key = pathKey(last.path);
  const descending = scans.some((scan) => scan.descending);
  return { index: store.everywhere, from: descending ? key : from, to: descending ? to : justAfter(key) };
}

function openStreams(database: string, store: Store, query: Query, examined: StoredDocument[]): Stream[] {
  const kinds: Iterable<Kind> = query.collectionId === undefined ? store.kinds() : [store.kind(query.collectionId)];
  const streams: Stream[] = [];
  for (const kind of kinds) {
    for (const conjunction of query.disjuncts) {
      const scan = planScan(query, conjunction);
      streams.push(openStream(database, kind.index(scan.spec), scan, query, examined));
    }
  }
  return streams;
}

function openStream(
  database: string,
  index: SortedIndex,
  scan: Scan,
  query: Query,
  examined: StoredDocument[],
): Stream {
  const empty = scan.from >= scan.to;
  const entries = scan.descending ? index.descending(scan.from, scan.to) : index.ascending(scan.from, scan.to);
  const inPlace = placeCheck(query, scan);
  let reached: string | undefined;
  let ended = empty;
  const stream: Stream = {
    scan,
    index,
    next: undefined,
    advance() {
      stream.next = undefined;
      while (!ended && stream.next === undefined) {
        const entry = entries.next();
        if (entry.done) {
          ended = true;
          return;
        }
        const [key, document] = entry.value;
        reached = key;
        if (!inPlace(document)) continue;
        examined.push(document);
        if (scan.residual.length === 0 || matches(database, document, scan.residual)) {
          stream.next = { order: key.slice(scan.orderAt), document };
        }
      }
    },
    range() {
      if (empty) return { index, from: scan.from, to: scan.from };
      if (ended) return { index, from: scan.from, to: scan.to };
      // The query stopped at its limit: what lies further on was never seen.
      if (reached === undefined) return { index, from: scan.from, to: scan.from };
      return scan.descending
        ? { index, from: reached, to: scan.to }
        : { index, from: scan.from, to: justAfter(reached) };
    },
  };
  stream.advance();
  return stream;
}

const justAfter = (key: string) => `${key}\0`;

/** Whether a document of the stretch lies where the query looks, for the stretches that hold others too. */
function placeCheck({ parent, allDescendants }: Query, { spec }: Scan): (document: StoredDocument) => boolean {
  if (!allDescendants) {
    // The index by name has the collections of the same id that lie deeper in between.
    if (specKey(spec) === specKey(byNameSpec)) return ({ path }) => parentOf(path) === parent;
    return () => true;
  }
  if (parent === '' || spec.fields.length === 0) return () => true;
  return ({ path }) => path.startsWith(`${parent}/`);
}

/** The results of all streams in the order of the query, each document once. */
function* merged(streams: readonly Stream[]): Generator<StoredDocument> {
  let last: StoredDocument | undefined;
  for (;;) {
    const first = streams.length === 1 ? streams[0] : firstOf(streams);
    if (!first?.next) return;
    const { document } = first.next;
    // A document that meets several alternatives stands at the same place in each of them.
    if (document !== last) yield document;
    last = document;
    first.advance();
  }
}

function firstOf(streams: readonly Stream[]): Stream | undefined {
  let first: Stream | undefined;
  for (const stream of streams) {
    if (!stream.next) continue;
    if (!first?.next) {
      first = stream;
      continue;
    }
    const order = compareKeys(stream.next.order, first.next.order);
    if (stream.scan.descending ? order > 0 : order < 0) first = stream;
  }
  return first;
}
