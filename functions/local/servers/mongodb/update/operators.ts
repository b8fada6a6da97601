import { Int32, type Timestamp } from 'bson';
import { addition, type BinaryOperation, compute, multiplication } from '../bson/arithmetic.ts';
import { compareValues, orderKey } from '../bson/orderKey.ts';
import { type Document, isDocument, isNumeric, isTruthy, toNumber, typeOf } from '../bson/values.ts';
import { badValue, CommandError, typeMismatch } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { compileFilter } from '../query/matcher.ts';
import { parseSort, sortKey } from '../query/sort.ts';
import type { Target } from './target.ts';

/** What an operator may need besides the field that it changes. */
export interface OperatorContext {
  readonly evaluation: Evaluation;
  /** Whether the update is making a new document. */
  readonly inserting: boolean;
  /** The time for `$currentDate`, in ms since the epoch. */
  readonly now: number;
  readonly clusterTime: Timestamp;
}

/** Applies one operator to one field. */
export type UpdateOperator = (target: Target, operand: unknown, context: OperatorContext) => void;

const arithmetic =
  (name: string, operation: BinaryOperation, start: 'operand' | 'zero'): UpdateOperator =>
  (target, operand) => {
    if (!isNumeric(operand))
      throw typeMismatch(`Cannot apply ${name} with non-numeric argument: {${target.path}: ${String(operand)}}`);
    const value = target.value();
    if (value === undefined) {
      target.set(start === 'operand' ? operand : (compute(operation, new Int32(0), operand) ?? operand));
      return;
    }
    if (!isNumeric(value)) {
      throw typeMismatch(`Cannot apply ${name} to '${target.path}' of non-numeric type ${typeOf(value)}`);
    }
    const result = compute(operation, value, operand, 'refuse');
    if (result === undefined)
      throw badValue(`Failed to apply ${name} operations to current value (${String(value)}) for '${target.path}'`);
    target.set(result);
  };

const extreme =
  (better: (order: number) => boolean): UpdateOperator =>
  (target, operand) => {
    const value = target.value();
    if (value === undefined || better(compareValues(operand, value))) target.set(operand);
  };

function arrayOf(name: string, target: Target): unknown[] | undefined {
  const value = target.value();
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    throw badValue(`The field '${target.path}' must be an array but is of type ${typeOf(value)} (${name})`);
  }
  return value;
}

const currentDate: UpdateOperator = (target, operand, context) => {
  const type = isDocument(operand) ? operand.$type : isTruthy(operand) ? 'date' : undefined;
  if (type === 'date') target.set(new Date(context.now));
  else if (type === 'timestamp') target.set(context.clusterTime);
  else throw badValue(`$currentDate needs true, { $type: 'date' } or { $type: 'timestamp' } for '${target.path}'`);
};

const isModified = (operand: unknown): operand is Document => isDocument(operand) && '$each' in operand;

function eachOf(operand: Document): unknown[] {
  if (!Array.isArray(operand.$each))
    throw typeMismatch(`The argument to $each must be an array but it was of type: ${typeOf(operand.$each)}`);
  return operand.$each;
}

const push: UpdateOperator = (target, operand) => {
  const array = arrayOf('$push', target);
  if (!isModified(operand)) {
    if (array) target.append([operand]);
    else target.set([operand]);
    return;
  }
  const unknown = Object.keys(operand).find((name) => !['$each', '$position', '$slice', '$sort'].includes(name));
  if (unknown !== undefined) throw badValue(`Unrecognized clause in $push: ${unknown}`);
  const items = eachOf(operand);
  const { $position: position, $slice: slice, $sort: sort } = operand;
  if (array && position === undefined && slice === undefined && sort === undefined) {
    target.append(items);
    return;
  }
  const next = [...(array ?? [])];
  next.splice(isNumeric(position) ? toNumber(position) : next.length, 0, ...items);
  target.set(sliced(sort === undefined ? next : sorted(next, sort), slice));
};

function sorted(items: unknown[], sort: unknown): unknown[] {
  if (isDocument(sort)) {
    const fields = parseSort(sort);
    const keyed = items.map((item) => ({ item, key: sortKey(item, fields) }));
    return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ item }) => item);
  }
  if (!isNumeric(sort) || Math.abs(toNumber(sort)) !== 1)
    throw badValue('The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields');
  return items.toSorted((a, b) => toNumber(sort) * compareValues(a, b));
}

function sliced(items: unknown[], slice: unknown): unknown[] {
  if (slice === undefined) return items;
  if (!isNumeric(slice))
    throw badValue(`The value for $slice must be an integer value but was given type: ${typeOf(slice)}`);
  const size = toNumber(slice);
  if (size === 0) return [];
  return size > 0 ? items.slice(0, size) : items.slice(size);
}

const addToSet: UpdateOperator = (target, operand) => {
  const array = arrayOf('$addToSet', target);
  const items = isModified(operand) ? eachOf(operand) : [operand];
  const known = new Set((array ?? []).map((item) => orderKey(item)));
  const fresh = items.filter((item) => {
    const key = orderKey(item);
    if (known.has(key)) return false;
    known.add(key);
    return true;
  });
  if (!array || fresh.length > 0) target.set([...(array ?? []), ...fresh]);
};

const pop: UpdateOperator = (target, operand) => {
  if (!isNumeric(operand) || Math.abs(toNumber(operand)) !== 1)
    throw new CommandError(9, `$pop expects 1 or -1, found: ${String(operand)}`);
  const array = arrayOf('$pop', target);
  if (array && array.length > 0) target.set(toNumber(operand) === 1 ? array.slice(0, -1) : array.slice(1));
};

const pull: UpdateOperator = (target, operand, { evaluation }) => {
  const array = arrayOf('$pull', target);
  if (!array) return;
  const isCondition = isDocument(operand) && Object.keys(operand)[0]?.startsWith('$');
  // A plain document describes elements by some of their fields; operators, patterns and scalars apply to the element
  // itself.
  const byFields = isDocument(operand) && !isCondition ? compileFilter(operand, evaluation) : undefined;
  const byValue = byFields ? undefined : compileFilter({ element: operand }, evaluation);
  const kept = array.filter((item) => {
    if (byFields) return !(isDocument(item) && byFields(item));
    return !byValue?.({ element: item });
  });
  if (kept.length < array.length) target.set(kept);
};

const pullAll: UpdateOperator = (target, operand) => {
  if (!Array.isArray(operand)) throw badValue(`$pullAll requires an array argument but was given a ${typeOf(operand)}`);
  const array = arrayOf('$pullAll', target);
  if (!array) return;
  const unwanted = new Set(operand.map((item) => orderKey(item)));
  const kept = array.filter((item) => !unwanted.has(orderKey(item)));
  if (kept.length < array.length) target.set(kept);
};

export const updateOperators: Readonly<Record<string, UpdateOperator>> = {
  $set: (target, operand) => target.set(operand),
  $setOnInsert: (target, operand, { inserting }) => {
    if (inserting) target.set(operand);
  },
  $unset: (target) => target.remove(),
  $inc: arithmetic('$inc', addition, 'operand'),
  $mul: arithmetic('$mul', multiplication, 'zero'),
  $min: extreme((order) => order < 0),
  $max: extreme((order) => order > 0),
  $currentDate: currentDate,
  $push: push,
  $addToSet: addToSet,
  $pop: pop,
  $pull: pull,
  $pullAll: pullAll,
};
