import { collectionPrefix, type IndexField, type IndexSpec } from '../store/sortedIndex.ts';
import { byNameSpec, topKey } from '../store/store.ts';
import { type FieldPath, nameField } from '../values/fieldPath.ts';
import { invert, invertPosition, type Position, positionKey } from '../values/keyBytes.ts';
import { descendantRange, pathKey } from '../values/pathKey.ts';
import { databaseAndPath } from '../values/resourceName.ts';
import { indexKey, typeRange } from '../values/sortKey.ts';
import type { Value } from '../values/value.ts';
import type { Conjunction, Cursor, FieldCondition, Order, Query } from './query.ts';

/** One stretch of one index that holds all results of a conjunction, in the order that the query wants. */
export interface Scan {
  readonly spec: IndexSpec;
  /** Lowest key, inclusive. */
  readonly from: string;
  /** Highest key, exclusive. */
  readonly to: string;
  /** Whether the index is read from the high end. */
  readonly descending: boolean;
  /** How much of a key is the same for the whole stretch; what follows is comparable between the scans of one query. */
  readonly orderAt: number;
  /** What the stretch does not decide and has to be looked up in the document. */
  readonly residual: Conjunction;
}

/** Finds the index that serves a conjunction of a query and the stretch of it to read.
 *
 *  The index is always the ideal one: the fields that are compared by equality first, then the orders. It is built
 *  from the documents when it is first needed; whether production would have a suitable one is for the index check to
 *  say. */
export function planScan(query: Query, conjunction: Conjunction): Scan {
  const equalities = prefixEqualities(query, conjunction);
  const flipped = query.orders[0]?.descending ?? false;
  const directions = query.orders.map(({ field, descending }) => ({ field, descending: descending !== flipped }));
  const spec = specFor(query, equalities, directions);
  const scope = scopeOf(query, spec);
  const base = scope.prefix + equalities.map(({ value }) => indexKey(value)).join('');
  const fixed = fixedOrders(conjunction, equalities, directions);
  const range = rangeOf(conjunction, directions[fixed.conditions.length]);
  const start = { prefix: base + fixed.prefix, side: 'before' } as const;
  const bounds = [
    { lower: [start], upper: [{ ...start, side: 'after' } as const] },
    { lower: range.lower.map(under(start.prefix)), upper: range.upper.map(under(start.prefix)) },
    cursorBounds(query, directions, flipped, base),
  ];
  const decided = new Set<FieldCondition>([...equalities, ...fixed.conditions, ...range.conditions]);
  return {
    spec,
    from: highest([scope.from, ...bounds.flatMap(({ lower }) => lower.map(positionKey))]),
    to: lowest([scope.to, ...bounds.flatMap(({ upper }) => upper.map(positionKey))]),
    descending: flipped,
    orderAt: base.length,
    residual: conjunction.filter((condition) => !decided.has(condition)),
  };
}

const isName = (field: FieldPath) => field.canonical === nameField;

/** The conditions that become the first fields of the index: one for each field that is not ordered by, by name of the
 *  field. */
function prefixEqualities(query: Query, conjunction: Conjunction): FieldCondition[] {
  const ordered = new Set(query.orders.map(({ field }) => field.canonical));
  const chosen = new Map<string, FieldCondition>();
  for (const condition of conjunction) {
    const { field, op } = condition;
    const usable = op === 'arrayContains' || (op === 'equal' && !ordered.has(field.canonical) && !isName(field));
    const key = `${field.canonical} ${op}`;
    if (usable && !chosen.has(key)) chosen.set(key, condition);
  }
  return [...chosen.keys()].sort().flatMap((key) => chosen.get(key) ?? []);
}

function specFor(query: Query, equalities: readonly FieldCondition[], directions: readonly Order[]): IndexSpec {
  const fields: IndexField[] = equalities.map(({ field, op }) => ({
    path: field,
    mode: op === 'arrayContains' ? 'contains' : 'ascending',
  }));
  for (const { field, descending } of directions) {
    if (!isName(field)) fields.push({ path: field, mode: descending ? 'descending' : 'ascending' });
  }
  if (fields.length === 0) return byNameSpec;
  return {
    scope: query.allDescendants ? 'group' : 'collection',
    fields,
    nameDescending: directions.at(-1)?.descending ?? false,
  };
}

/** What the place that a query looks in means for the keys. */
function scopeOf(query: Query, spec: IndexSpec): { prefix: string; from: string; to: string } {
  if (spec.scope === 'collection') return { prefix: collectionPrefix(query.parent), from: '', to: topKey };
  // Only an index that is sorted by name keeps what lies below one document together.
  if (spec.fields.length > 0) return { prefix: '', from: '', to: topKey };
  const below = query.allDescendants ? query.parent : collectionPath(query);
  return { prefix: '', ...descendantRange(below) };
}

/** The path of the one collection that a query reads. */
export function collectionPath({ parent, collectionId = '' }: Query): string {
  return parent === '' ? collectionId : `${parent}/${collectionId}`;
}

/** Leading orders whose field is compared by equality: they only lengthen the prefix. */
function fixedOrders(conjunction: Conjunction, equalities: readonly FieldCondition[], directions: readonly Order[]) {
  const conditions: FieldCondition[] = [];
  let prefix = '';
  for (const direction of directions) {
    const condition = conjunction.find(
      (each) => each.op === 'equal' && each.field.canonical === direction.field.canonical && !equalities.includes(each),
    );
    if (!condition) break;
    conditions.push(condition);
    prefix += partKey(direction, condition.value);
  }
  return { conditions, prefix };
}

/** The key part of a value under an order. */
function partKey({ field, descending }: Order, value: Value): string {
  const key =
    isName(field) && value.type === 'reference' ? pathKey(databaseAndPath(value.value).path) : indexKey(value);
  return descending ? invert(key) : key;
}

/** The stretch that the inequalities on one ordered field leave. */
function rangeOf(conjunction: Conjunction, direction: Order | undefined) {
  const lower: Position[] = [];
  const upper: Position[] = [];
  const conditions: FieldCondition[] = [];
  if (!direction) return { lower, upper, conditions };
  const ascending = { ...direction, descending: false };
  for (const condition of conjunction) {
    const { op, value } = condition;
    if (condition.field.canonical !== direction.field.canonical) continue;
    const prefix = partKey(ascending, value);
    if (op === 'greater') lower.push({ prefix, side: 'after' });
    else if (op === 'greaterOrEqual') lower.push({ prefix, side: 'before' });
    else if (op === 'less') upper.push({ prefix, side: 'before' });
    else if (op === 'lessOrEqual') upper.push({ prefix, side: 'after' });
    else continue;
    conditions.push(condition);
    if (isName(direction.field)) continue;
    const type = typeRange(value);
    lower.push(type.from);
    upper.push(type.to);
  }
  if (!direction.descending) return { lower, upper, conditions };
  return { lower: upper.map(invertPosition), upper: lower.map(invertPosition), conditions };
}

const under =
  (base: string) =>
  ({ prefix, side }: Position): Position => ({ prefix: base + prefix, side });

/** The stretch that the cursors leave. Where the index is read backwards, they change places and sides. */
function cursorBounds(query: Query, directions: readonly Order[], flipped: boolean, base: string) {
  const positionOf = (cursor: Cursor | undefined): Position[] => {
    if (!cursor) return [];
    const parts = cursor.values.map((value, i) => (directions[i] ? partKey(directions[i], value) : ''));
    return [{ prefix: base + parts.join(''), side: cursor.before === flipped ? 'after' : 'before' }];
  };
  const start = positionOf(query.startAt);
  const end = positionOf(query.endAt);
  return flipped ? { lower: end, upper: start } : { lower: start, upper: end };
}

const highest = (keys: readonly string[]) => keys.reduce((a, b) => (a > b ? a : b));
const lowest = (keys: readonly string[]) => keys.reduce((a, b) => (a < b ? a : b));
