import { afterAll, invertKey, maxKeyBracket, minKeyBracket, orderKey, typeBracket } from '../bson/orderKey.ts';
import { type Document, isDocument } from '../bson/values.ts';
import type { CollectionIndex } from '../storage/collectionIndex.ts';
import type { KeyRange } from '../storage/orderedKeys.ts';
import { asRegExp } from './regex.ts';
import type { SortField } from './sort.ts';

/** How the documents that may meet a filter are found. Each is still put to the whole filter. */
export type AccessPath =
  | { readonly kind: 'everything'; readonly reverse: boolean }
  | {
      readonly kind: 'index';
      /** `undefined` is the index on `_id`. */
      readonly index: CollectionIndex | undefined;
      readonly ranges: readonly KeyRange[];
      readonly reverse: boolean;
      /** Whether the documents come in the order of the sort. */
      readonly sorted: boolean;
    };

/** What a filter says about one path in every document that meets it. */
interface Bounds {
  /** The keys of the values that it may equal. */
  equal?: readonly string[];
  low?: { readonly key: string; readonly inclusive: boolean };
  high?: { readonly key: string; readonly inclusive: boolean };
}

/** More combinations of `$in` lists than this are not looked up one by one. */
const mostRanges = 100_000;

/** The hinted index, or the one that fixes the most fields of the filter, or one that gives the order of the sort. */
export function chooseAccessPath(
  filter: Document,
  sort: readonly SortField[],
  indexes: Iterable<CollectionIndex>,
  hint?: { readonly index: CollectionIndex | undefined },
): AccessPath {
  const bounds = collectBounds(filter);
  const candidates = [
    { index: undefined, fields: [{ path: '_id', descending: false }], multikey: false },
    ...[...indexes]
      .filter((index) => index.spec.partial === undefined || index === hint?.index)
      .map((index) => ({ index, fields: index.spec.fields, multikey: index.multikey })),
  ].filter(({ index }) => !hint || index === hint.index);
  let best: { path: AccessPath; score: number } | undefined;
  for (const { index, fields, multikey } of candidates) {
    const { ranges, fixed, ranged, single } = rangesFor(fields, bounds, multikey);
    const order = single && !multikey ? orderAfter(fields, fixed, sort) : undefined;
    const useful = fixed > 0 || ranged;
    if (!hint && !useful && (order === undefined || index?.spec.sparse === true)) continue;
    const score = fixed * 4 + (ranged ? 2 : 0) + (order === undefined ? 0 : 1);
    if (best && best.score >= score) continue;
    best = { score, path: { kind: 'index', index, ranges, reverse: order === 'reverse', sorted: order !== undefined } };
  }
  return best?.path ?? { kind: 'everything', reverse: false };
}

/** How an index gives the wanted order, once its first `fixed` fields have one value each. */
function orderAfter(
  fields: readonly SortField[],
  fixed: number,
  sort: readonly SortField[],
): 'forward' | 'reverse' | undefined {
  // A field with one value has no say in the order. That is known only of the fields that the index fixes: of others,
  // an array may hold more values.
  const settled = new Set(fields.slice(0, fixed).map(({ path }) => path));
  const wanted = sort.filter(({ path }) => !settled.has(path));
  if (wanted.length === 0) return undefined;
  const rest = fields.slice(fixed);
  if (wanted.length > rest.length) return undefined;
  const directions = wanted.map((field, i) => {
    const column = rest[i];
    return column?.path === field.path ? (column.descending === field.descending ? 'forward' : 'reverse') : undefined;
  });
  const first = directions[0];
  return directions.every((direction) => direction === first) ? first : undefined;
}

function rangesFor(
  fields: readonly SortField[],
  bounds: ReadonlyMap<string, Bounds>,
  multikey: boolean,
): { ranges: KeyRange[]; fixed: number; ranged: boolean; single: boolean } {
  let prefixes = [''];
  let fixed = 0;
  for (const field of fields) {
    const equal = bounds.get(field.path)?.equal;
    if (!equal || prefixes.length * equal.length > mostRanges) break;
    const components = equal.map((key) => (field.descending ? invertKey(key) : key)).sort();
    prefixes = prefixes.flatMap((prefix) => components.map((component) => prefix + component));
    fixed += 1;
  }
  const next = fields[fixed];
  const limits = next ? bounds.get(next.path) : undefined;
  const ranged = next !== undefined && limits !== undefined && (limits.low !== undefined || limits.high !== undefined);
  const ranges = prefixes.map((prefix) =>
    next && limits && ranged
      ? boundedRange(prefix, limits, next.descending, multikey)
      : { low: prefix, high: prefix + afterAll },
  );
  return { ranges, fixed, ranged, single: prefixes.length === 1 };
}

/** The keys between two bounds. In a multikey index only one counts: two elements may meet one each. */
function boundedRange(prefix: string, bounds: Bounds, descending: boolean, multikey: boolean): KeyRange {
  const bracket = typeBracket(bounds.low?.key ?? bounds.high?.key ?? minKeyBracket);
  const low = bounds.low ?? { key: bracket, inclusive: true };
  const high = (multikey && bounds.low ? undefined : bounds.high) ?? { key: bracket + afterAll, inclusive: true };
  if (!descending) {
    return {
      low: prefix + low.key + (low.inclusive ? '' : afterAll),
      high: prefix + high.key + (high.inclusive ? afterAll : ''),
    };
  }
  return {
    low: prefix + invertBound(high.key) + (high.inclusive ? '' : afterAll),
    high: prefix + invertBound(low.key) + (low.inclusive ? afterAll : ''),
  };
}

const invertBound = (key: string) => invertKey(key.endsWith(afterAll) ? key.slice(0, -afterAll.length) : key);

function collectBounds(filter: Document, into = new Map<string, Bounds>()): Map<string, Bounds> {
  for (const [name, condition] of Object.entries(filter)) {
    if (name === '$and' && Array.isArray(condition)) {
      for (const part of condition) if (isDocument(part)) collectBounds(part, into);
    } else if (!name.startsWith('$')) {
      const bounds = into.get(name) ?? {};
      narrow(bounds, condition);
      into.set(name, bounds);
    }
  }
  return into;
}

function narrow(bounds: Bounds, condition: unknown): void {
  if (!isDocument(condition) || !Object.keys(condition)[0]?.startsWith('$')) {
    setEqual(bounds, [condition]);
    return;
  }
  for (const [operator, operand] of Object.entries(condition)) {
    if (operator === '$eq') setEqual(bounds, [operand]);
    else if (operator === '$in' && Array.isArray(operand)) setEqual(bounds, operand);
    else if (isRangeOperator(operator) && isRangeable(operand)) setRange(bounds, operator, orderKey(operand));
  }
}

const isRangeOperator = (operator: string): operator is '$gt' | '$gte' | '$lt' | '$lte' =>
  operator === '$gt' || operator === '$gte' || operator === '$lt' || operator === '$lte';

/** Values whose comparison is a range of keys. Null also means missing; arrays are indexed by their elements. */
function isRangeable(value: unknown): boolean {
  if (value === null || value === undefined || Array.isArray(value) || asRegExp(value)) return false;
  const bracket = typeBracket(orderKey(value));
  return bracket !== minKeyBracket && bracket !== maxKeyBracket && orderKey(value) !== orderKey(Number.NaN);
}

function setEqual(bounds: Bounds, values: readonly unknown[]): void {
  const direct = values.every(
    (value) => value !== undefined && value !== null && !Array.isArray(value) && !asRegExp(value),
  );
  if (!direct || bounds.equal) return;
  bounds.equal = [...new Set(values.map((value) => orderKey(value)))];
}

function setRange(bounds: Bounds, operator: '$gt' | '$gte' | '$lt' | '$lte', key: string): void {
  const bound = { key, inclusive: operator.endsWith('e') };
  // Bounds of different types exclude each other for a single value; the filter itself sorts that out.
  const other = operator.startsWith('$g') ? bounds.high : bounds.low;
  if (other && typeBracket(other.key) !== typeBracket(key)) return;
  if (operator.startsWith('$g')) bounds.low ??= bound;
  else bounds.high ??= bound;
}
