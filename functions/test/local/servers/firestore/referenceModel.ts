// A second opinion on what a query returns: plain JavaScript values, filtered one by one and sorted. It shares no code
// with the server.
import { DocumentReference, GeoPoint, Timestamp } from 'firebase-admin/firestore';

/** A document of the model. */
export interface ModelDocument {
  readonly path: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ModelFilter {
  readonly field: string;
  readonly op: '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not-in' | 'array-contains' | 'array-contains-any';
  readonly value: unknown;
}

export interface ModelOrder {
  readonly field: string;
  readonly direction: 'asc' | 'desc';
}

export interface ModelQuery {
  readonly inside: (path: string) => boolean;
  /** All of these must hold, and one of each of the alternatives. */
  readonly filters: readonly ModelFilter[];
  readonly alternatives: readonly (readonly ModelFilter[])[];
  readonly orders: readonly ModelOrder[];
  readonly start?: { readonly values: readonly unknown[]; readonly inclusive: boolean };
  readonly end?: { readonly values: readonly unknown[]; readonly inclusive: boolean };
  readonly offset: number;
  readonly limit: number | undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Place of a value's type in Firestore's order. */
function rank(value: unknown): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'number' || typeof value === 'bigint') return 2;
  if (value instanceof Timestamp) return 3;
  if (typeof value === 'string') return 4;
  if (value instanceof Uint8Array) return 5;
  if (value instanceof DocumentReference) return 6;
  if (value instanceof GeoPoint) return 7;
  if (Array.isArray(value)) return 8;
  return 9;
}

/** Firestore's order of two values, as its documentation states it. */
export function referenceOrder(a: unknown, b: unknown): number {
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if ((typeof a === 'number' || typeof a === 'bigint') && (typeof b === 'number' || typeof b === 'bigint')) {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (a instanceof Timestamp && b instanceof Timestamp) return a.seconds - b.seconds || a.nanoseconds - b.nanoseconds;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof DocumentReference && b instanceof DocumentReference) return pathOrder(a.path, b.path);
  if (a instanceof GeoPoint && b instanceof GeoPoint) return a.latitude - b.latitude || a.longitude - b.longitude;
  if (Array.isArray(a) && Array.isArray(b)) return listOrder(a, b);
  if (isRecord(a) && isRecord(b)) return listOrder(flattened(a), flattened(b));
  return 0;
}

function listOrder(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const order = referenceOrder(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** A map compares as its keys and values one after the other, by key. */
function flattened(map: Record<string, unknown>): unknown[] {
  return Object.keys(map)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap((key) => [key, map[key]]);
}

const numericId = (segment: string) => /^__id(0|-?[1-9]\d*)__$/.exec(segment)?.[1];

/** Order of two paths: by segment; numeric ids first, by number. */
export function pathOrder(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const [x = '', y = ''] = [left[i], right[i]];
    const [m, n] = [numericId(x), numericId(y)];
    if (m !== undefined && n !== undefined && m !== n) return BigInt(m) < BigInt(n) ? -1 : 1;
    if ((m === undefined) !== (n === undefined)) return m === undefined ? 1 : -1;
    const order = Buffer.compare(Buffer.from(x), Buffer.from(y));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function holds({ data }: ModelDocument, { field, op, value }: ModelFilter): boolean {
  if (!(field in data)) return false;
  const actual = data[field];
  const same = (a: unknown, b: unknown) => referenceOrder(a, b) === 0;
  // Null and NaN are found by == alone, not inside lists.
  const findable = (each: unknown) => each !== null && !Number.isNaN(each);
  const list = Array.isArray(value) ? value : [];
  const elements = Array.isArray(actual) ? actual : [];
  switch (op) {
    case '==':
      return same(actual, value);
    case '!=':
      return actual !== null && !same(actual, value);
    case 'in':
      return list.filter(findable).some((each) => same(actual, each));
    case 'not-in':
      return actual !== null && !list.includes(null) && !list.some((each) => same(actual, each));
    case 'array-contains':
      return elements.some((each) => same(each, value));
    case 'array-contains-any':
      return elements.some((each) => list.filter(findable).some((wanted) => same(each, wanted)));
    default: {
      if (rank(actual) !== rank(value) || Number.isNaN(actual)) return false;
      const order = referenceOrder(actual, value);
      if (op === '<') return order < 0;
      if (op === '<=') return order <= 0;
      return op === '>' ? order > 0 : order >= 0;
    }
  }
}

const rangeOps: readonly string[] = ['<', '<=', '>', '>=', '!=', 'not-in'];

/** The paths of the results of a query, in order. */
export function modelResults(documents: readonly ModelDocument[], query: ModelQuery): string[] {
  const direction = query.orders.at(-1)?.direction ?? 'asc';
  const ranged = [...query.filters, ...query.alternatives.flat()].filter(({ op }) => rangeOps.includes(op));
  const implied = [...new Set(ranged.map(({ field }) => field))]
    .filter((field) => !query.orders.some((order) => order.field === field))
    .sort()
    .map((field): ModelOrder => ({ field, direction }));
  const orders = [...query.orders, ...implied];

  const signed = (each: ModelOrder | undefined, order: number) => (each?.direction === 'desc' ? -order : order);
  const compareTo = (document: ModelDocument, values: readonly unknown[]) => {
    for (const [i, value] of values.entries()) {
      const order = orders[i];
      const difference = signed(order, referenceOrder(document.data[order?.field ?? ''], value));
      if (difference !== 0) return difference;
    }
    return 0;
  };
  const compare = (a: ModelDocument, b: ModelDocument) =>
    compareTo(
      a,
      orders.map(({ field }) => b.data[field]),
    ) || (direction === 'desc' ? -pathOrder(a.path, b.path) : pathOrder(a.path, b.path));

  const { start, end } = query;
  const found = documents
    .filter(({ path }) => query.inside(path))
    .filter((document) => query.filters.every((filter) => holds(document, filter)))
    .filter(
      (document) =>
        query.alternatives.length === 0 ||
        query.alternatives.some((all) => all.every((filter) => holds(document, filter))),
    )
    .filter(({ data }) => orders.every(({ field }) => field in data))
    .sort(compare)
    .filter(
      (document) =>
        !start || (start.inclusive ? compareTo(document, start.values) >= 0 : compareTo(document, start.values) > 0),
    )
    .filter(
      (document) =>
        !end || (end.inclusive ? compareTo(document, end.values) <= 0 : compareTo(document, end.values) < 0),
    );
  const limited =
    query.limit === undefined ? found.slice(query.offset) : found.slice(query.offset, query.offset + query.limit);
  return limited.map(({ path }) => path);
}
