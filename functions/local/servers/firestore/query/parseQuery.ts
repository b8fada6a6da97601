import type { CursorMessage, FilterMessage, StructuredQueryMessage } from '../messages.ts';
import { invalidArgument, unimplemented } from '../status.ts';
import { compareFieldPaths, type FieldPath, fieldPath, nameField, parseFieldPath } from '../values/fieldPath.ts';
import { checkId, parseParent } from '../values/resourceName.ts';
import { isNaNValue } from '../values/sortKey.ts';
import { nullValue, type Value } from '../values/value.ts';
import { decodeValue } from '../values/valueCodec.ts';
import type {
  ConditionOp,
  Conjunction,
  Cursor,
  FieldCondition,
  Filter,
  FilterCondition,
  Order,
  Query,
} from './query.ts';

/** How many conjunctions a where clause may come to once it is written as a disjunction of them (published limit). */
const maxDisjunctions = 30;
/** How many filters (counted once for every conjunction), orders and paths of a parent a query may have (published
 *  limit: https://firebase.google.com/docs/firestore/query-data/queries#query_limitations). */
const maxComponents = 100;
/** How many values `not-in` may list (published limit). */
const maxNotIn = 10;

const nanValue: Value = { type: 'double', value: Number.NaN };
const nameOrder = fieldPath([nameField]);

const fieldOps: Readonly<Record<string, FilterCondition['op']>> = {
  LESS_THAN: 'less',
  LESS_THAN_OR_EQUAL: 'lessOrEqual',
  GREATER_THAN: 'greater',
  GREATER_THAN_OR_EQUAL: 'greaterOrEqual',
  EQUAL: 'equal',
  NOT_EQUAL: 'notEqual',
  ARRAY_CONTAINS: 'arrayContains',
  IN: 'in',
  ARRAY_CONTAINS_ANY: 'arrayContainsAny',
  NOT_IN: 'notIn',
};

/** Operators that pick single values of a field rather than a range of them. */
const equalityOps: readonly FilterCondition['op'][] = ['equal', 'arrayContains', 'in', 'arrayContainsAny'];

const unaryOps: Readonly<Record<string, readonly [ConditionOp, Value]>> = {
  IS_NAN: ['equal', nanValue],
  IS_NULL: ['equal', nullValue],
  IS_NOT_NAN: ['notEqual', nanValue],
  IS_NOT_NULL: ['notEqual', nullValue],
};

/** Checks a query and brings it into normal form. @throws FirestoreError INVALID_ARGUMENT if it is not a valid one */
export function parseQuery(parentName: string, message: StructuredQueryMessage): Query {
  if (message.findNearest) throw unimplemented('StructuredQuery.find_nearest');
  const [from, ...more] = message.from ?? [];
  if (more.length > 0) throw invalidArgument('A query can only have one collection selector.');
  const collectionId = from?.collectionId || undefined;
  if (collectionId !== undefined) checkId(collectionId, 'Collection');
  const allDescendants = from?.allDescendants ?? false;
  if (collectionId === undefined && from !== undefined && !allDescendants) {
    throw invalidArgument('A collection selector needs a collection id, or all descendants.');
  }
  const filter = message.where && parseFilter(message.where);
  const disjuncts = filter ? disjunctiveForm(filter) : [[]];
  checkDisjuncts(disjuncts, filter);
  const others = (message.orderBy?.length ?? 0) + (parseParent(parentName).path === '' ? 0 : 1);
  if (disjuncts.reduce((sum, conjunction) => sum + conjunction.length, others) > maxComponents) {
    throw invalidArgument(
      `The sum of filters, sort orders and parent document path in a query cannot exceed ${maxComponents}.`,
    );
  }
  const { orders, existing } = completeOrders(message.orderBy ?? [], filter);
  const limit = message.limit?.value ?? undefined;
  if (limit !== undefined && limit < 0) throw invalidArgument('limit is negative');
  const offset = message.offset ?? 0;
  if (offset < 0) throw invalidArgument('offset is negative');
  if (collectionId === undefined) checkKindless(filter, orders);
  return {
    parent: parseParent(parentName).path,
    collectionId,
    allDescendants: allDescendants || from === undefined,
    disjuncts: disjuncts.map((conjunction) => [...conjunction, ...existing]),
    orders,
    startAt: parseCursor(message.startAt, orders, message.orderBy?.length ?? 0),
    endAt: parseCursor(message.endAt, orders, message.orderBy?.length ?? 0),
    offset,
    limit,
    select: message.select ? selected(message.select.fields ?? []) : undefined,
  };
}

function selected(fields: readonly { fieldPath?: string }[]): FieldPath[] {
  return fields.map(({ fieldPath: text }) => parseFieldPath(text ?? '')).filter((path) => path.canonical !== nameField);
}

function parseFilter(message: FilterMessage): Filter {
  if (message.compositeFilter) {
    const { op, filters = [] } = message.compositeFilter;
    if (filters.length === 0) throw invalidArgument('A composite filter needs at least one filter.');
    if (op !== 'AND' && op !== 'OR') throw invalidArgument('A composite filter needs the operator AND or OR.');
    return { type: op === 'AND' ? 'and' : 'or', filters: filters.map(parseFilter) };
  }
  if (message.unaryFilter) {
    const { op, field } = message.unaryFilter;
    const known = unaryOps[op ?? ''];
    if (!known) throw invalidArgument('A unary filter needs an operator.');
    return condition(parseFieldPath(field?.fieldPath ?? ''), known[0], known[1]);
  }
  const { field, op, value } = message.fieldFilter ?? {};
  const known = fieldOps[op ?? ''];
  if (!known) throw invalidArgument('A field filter needs an operator.');
  if (!value) throw invalidArgument('A field filter needs a value.');
  return condition(parseFieldPath(field?.fieldPath ?? ''), known, decodeValue(value));
}

function condition(field: FieldPath, op: FilterCondition['op'], value: Value): Filter {
  if (op === 'in' || op === 'notIn' || op === 'arrayContainsAny') checkList(op, value);
  if (field.canonical === nameField) checkNameOperand(value);
  return { type: 'condition', condition: { field, op, value } };
}

function checkList(op: FilterCondition['op'], value: Value): void {
  const name = op === 'in' ? 'IN' : op === 'notIn' ? 'NOT_IN' : 'ARRAY_CONTAINS_ANY';
  if (value.type !== 'array' || value.values.length === 0)
    throw invalidArgument(`'${name}' requires an non-empty ArrayValue.`);
  const most = op === 'notIn' ? maxNotIn : maxDisjunctions;
  if (value.values.length > most) throw invalidArgument(`'${name}' supports up to ${most} comparison values.`);
}

function checkNameOperand(value: Value): void {
  const values = value.type === 'array' ? value.values : [value];
  if (values.every(({ type }) => type === 'reference')) return;
  throw invalidArgument('__key__ filter value must be a Key');
}

/** The where clause as alternatives, each of them conditions that must all hold. */
function disjunctiveForm(filter: Filter): readonly Conjunction[] {
  if (filter.type === 'condition') return alternativesOf(filter.condition).map((each) => [each]);
  const forms = filter.filters.map(disjunctiveForm);
  if (filter.type === 'or') return forms.flat();
  return forms.reduce<readonly Conjunction[]>(
    (sofar, form) => sofar.flatMap((left) => form.map((right) => [...left, ...right])).slice(0, maxDisjunctions + 1),
    [[]],
  );
}

/** Null and NaN are only found by comparisons with them alone: inside a list, and inside an array, nothing equals them.
 */
function alternativesOf({ field, op, value }: FilterCondition): readonly FieldCondition[] {
  if (op === 'arrayContains') return findable([value]).map((each) => ({ field, op, value: each }));
  if (op !== 'in' && op !== 'arrayContainsAny') return [{ field, op, value }];
  const listed = findable(value.type === 'array' ? value.values : []);
  return listed.map((each) => ({ field, op: op === 'in' ? 'equal' : 'arrayContains', value: each }));
}

const findable = (values: readonly Value[]) => values.filter((each) => each.type !== 'null' && !isNaNValue(each));

function checkDisjuncts(disjuncts: readonly Conjunction[], filter: Filter | undefined): void {
  if (disjuncts.length > maxDisjunctions) {
    throw invalidArgument(`The query has more than ${maxDisjunctions} disjunctions after it has been normalized.`);
  }
  const ops = filter ? conditionsOf(filter).map(({ op }) => op) : [];
  const count = (op: FilterCondition['op']) => ops.filter((each) => each === op).length;
  if (count('notEqual') > 0 && count('notIn') > 0)
    throw invalidArgument('NOT_EQUAL and NOT_IN cannot be used in one query.');
  if (count('notIn') > 1) throw invalidArgument('Only one NOT_IN filter is allowed in a query.');
  if (count('notIn') > 0 && (count('in') > 0 || count('arrayContainsAny') > 0 || disjuncts.length > 1)) {
    throw invalidArgument("'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.");
  }
  for (const conjunction of disjuncts) {
    if (conjunction.filter(({ op }) => op === 'arrayContains').length > 1) {
      throw invalidArgument("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.");
    }
  }
}

function conditionsOf(filter: Filter): readonly FilterCondition[] {
  return filter.type === 'condition' ? [filter.condition] : filter.filters.flatMap(conditionsOf);
}

/** Explicit orders, then the fields of the inequalities by name, then the document's name; what is added takes the last
 *  direction. */
function completeOrders(
  explicit: NonNullable<StructuredQueryMessage['orderBy']>,
  filter: Filter | undefined,
): CompleteOrders {
  const orders: Order[] = explicit.map(({ field, direction }) => ({
    field: parseFieldPath(field?.fieldPath ?? ''),
    descending: direction === 'DESCENDING',
  }));
  const descending = orders.at(-1)?.descending ?? false;
  const ordered = new Set(orders.map(({ field }) => field.canonical));
  if (ordered.size < orders.length) throw invalidArgument('A field can be ordered by only once.');
  const ranged = (filter ? conditionsOf(filter) : []).filter(({ op }) => !equalityOps.includes(op));
  const added = new Map(ranged.map(({ field }) => [field.canonical, field]));
  for (const field of [...added.values()].sort(compareFieldPaths)) {
    if (field.canonical !== nameField && !ordered.has(field.canonical)) orders.push({ field, descending });
  }
  const nameAt = orders.findIndex(({ field }) => field.canonical === nameField);
  if (nameAt < 0) return { orders: [...orders, { field: nameOrder, descending }], existing: [] };
  // Names are unique: what is ordered after them orders nothing, but a document still has to have it.
  const existing = orders.slice(nameAt + 1).map(({ field }) => ({ field, op: 'exists' as const, value: nullValue }));
  return { orders: orders.slice(0, nameAt + 1), existing };
}

interface CompleteOrders {
  readonly orders: Order[];
  readonly existing: readonly FieldCondition[];
}

function checkKindless(filter: Filter | undefined, orders: readonly Order[]): void {
  const named = (field: FieldPath) => field.canonical === nameField;
  const fine =
    orders.every(({ field }) => named(field)) && (!filter || conditionsOf(filter).every(({ field }) => named(field)));
  if (!fine) throw invalidArgument('kind is required for filter or sort order on a property other than __name__');
}

/** @param explicit  how many orders the client gave: only they may have values */
function parseCursor(
  message: CursorMessage | undefined,
  orders: readonly Order[],
  explicit: number,
): Cursor | undefined {
  if (!message) return undefined;
  const values = (message.values ?? []).map(decodeValue);
  if (values.length > explicit) throw invalidArgument('Cursor has too many values.');
  for (const [i, value] of values.entries()) {
    if (orders[i]?.field.canonical === nameField && value.type !== 'reference') {
      throw invalidArgument('Cursor value for __name__ must be a reference.');
    }
  }
  return { values: values.slice(0, orders.length), before: message.before ?? false };
}
