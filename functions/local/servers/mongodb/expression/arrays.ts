import { Int32 } from 'bson';
import { orderKey } from '../bson/orderKey.ts';
import { setField } from '../bson/paths.ts';
import { type Document, isDocument, isNumeric, isTruthy, toNumber, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { sortComparator } from '../query/sort.ts';
import type { Expression, OperatorTable } from './expression.ts';
import { isNullish, namedOperands, optional, withValue, withValues } from './operands.ts';
import { withVariables } from './scope.ts';

function array(operator: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value))
    throw new CommandError(28689, `The argument to ${operator} must be an array, but was of type: ${typeOf(value)}`);
  return value;
}

function integer(operator: string, value: unknown): number {
  if (!isNumeric(value) || !Number.isInteger(toNumber(value))) {
    throw new CommandError(28690, `${operator} needs a whole number, but got ${typeOf(value)}`);
  }
  return toNumber(value);
}

const elementAt = (items: readonly unknown[], index: number) => items.at(index);

function slice(values: readonly unknown[]): unknown {
  const [value, first, second] = values;
  if (isNullish(value) || isNullish(first)) return null;
  const items = array('$slice', value);
  const a = integer('$slice', first);
  if (values.length < 3) return a >= 0 ? items.slice(0, a) : items.slice(a);
  const start = a >= 0 ? a : Math.max(0, items.length + a);
  return items.slice(start, start + integer('$slice', second));
}

function range([from, to, by]: readonly unknown[]): unknown {
  const [start, end, step] = [
    integer('$range', from),
    integer('$range', to),
    by === undefined ? 1 : integer('$range', by),
  ];
  if (step === 0) throw new CommandError(34449, '$range requires a non-zero step value');
  const items: Int32[] = [];
  for (let n = start; step > 0 ? n < end : n > end; n += step) items.push(new Int32(n));
  return items;
}

function indexOf([value, wanted, from, to]: readonly unknown[]): unknown {
  if (isNullish(value)) return null;
  const key = orderKey(wanted);
  const start = from === undefined ? 0 : integer('$indexOfArray', from);
  const end = to === undefined ? Number.POSITIVE_INFINITY : integer('$indexOfArray', to);
  return new Int32(
    array('$indexOfArray', value).findIndex((item, i) => i >= start && i < end && orderKey(item) === key),
  );
}

function arrayToObject(value: unknown): unknown {
  if (isNullish(value)) return null;
  const result: Document = {};
  for (const pair of array('$arrayToObject', value)) {
    const [name, content] = Array.isArray(pair) ? pair : isDocument(pair) ? [pair.k, pair.v] : [];
    if (typeof name !== 'string') throw new CommandError(40386, '$arrayToObject needs pairs of a string and a value');
    setField(result, name, content);
  }
  return result;
}

function zip(inputs: readonly unknown[], longest: boolean, defaults: readonly unknown[]): unknown {
  if (inputs.some(isNullish)) return null;
  const columns = inputs.map((input) => array('$zip', input));
  const lengths = columns.map((column) => column.length);
  const length = longest ? Math.max(0, ...lengths) : Math.min(...lengths);
  return Array.from({ length }, (_, row) =>
    columns.map((column, i) => (row < column.length ? column[row] : (defaults[i] ?? null))),
  );
}

/** `$map` and `$filter` have the same parts: an input, a variable for each element, and an expression. */
function overElements(
  operator: string,
  operand: unknown,
  names: readonly string[],
  body: string,
  compile: (spec: unknown) => Expression,
): { input: Expression; body: Expression; variable: string; limit: Expression } {
  const named = namedOperands(operator, operand, names);
  return {
    input: compile(named.input),
    body: compile(named[body]),
    variable: typeof named.as === 'string' ? named.as : 'this',
    limit: optional(named.limit, compile),
  };
}

const firstOrLastN =
  (operator: string, pick: (items: readonly unknown[], n: number) => unknown) =>
  (operand: unknown, compile: (spec: unknown) => Expression): Expression => {
    const named = namedOperands(operator, operand, ['n', 'input']);
    const [n, input] = [compile(named.n), compile(named.input)];
    return (scope) => pick(array(operator, input(scope)), integer(operator, n(scope)));
  };

const sorted = (items: readonly unknown[]) =>
  items
    .filter((item) => !isNullish(item))
    .map((item) => ({ item, key: orderKey(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item);

export const arrayOperators: OperatorTable = {
  $arrayElemAt: withValues(
    ([value, index]) =>
      isNullish(value) || isNullish(index)
        ? null
        : elementAt(array('$arrayElemAt', value), integer('$arrayElemAt', index)),
    { name: '$arrayElemAt', min: 2, max: 2 },
  ),
  $first: withValue((value) => (isNullish(value) ? null : elementAt(array('$first', value), 0))),
  $last: withValue((value) => (isNullish(value) ? null : elementAt(array('$last', value), -1))),
  $firstN: firstOrLastN('$firstN', (items, n) => items.slice(0, n)),
  $lastN: firstOrLastN('$lastN', (items, n) => items.slice(-n)),
  $minN: firstOrLastN('$minN', (items, n) => sorted(items).slice(0, n)),
  $maxN: firstOrLastN('$maxN', (items, n) => sorted(items).reverse().slice(0, n)),
  $concatArrays: withValues((values) =>
    values.some(isNullish) ? null : values.flatMap((value) => array('$concatArrays', value)),
  ),
  $isArray: withValue((value) => Array.isArray(value)),
  $size: withValue((value) => {
    if (!Array.isArray(value))
      throw new CommandError(
        17124,
        `The argument to $size must be an array, but was of type: ${value === undefined ? 'missing' : typeOf(value)}`,
      );
    return new Int32(value.length);
  }),
  $slice: withValues(slice),
  $range: withValues(range),
  $reverseArray: withValue((value) => (isNullish(value) ? null : array('$reverseArray', value).toReversed())),
  $indexOfArray: withValues(indexOf),
  $in: withValues(
    ([value, list]) => {
      if (!Array.isArray(list))
        throw new CommandError(
          40081,
          `$in requires an array as a second argument, found: ${list === undefined ? 'missing' : typeOf(list)}`,
        );
      const key = orderKey(value);
      return list.some((item) => orderKey(item) === key);
    },
    { name: '$in', min: 2, max: 2 },
  ),
  $arrayToObject: withValue(arrayToObject),
  $zip: (operand, compile) => {
    const named = namedOperands('$zip', operand, ['inputs', 'useLongestLength', 'defaults']);
    const inputs = (Array.isArray(named.inputs) ? named.inputs : []).map(compile);
    const defaults = optional(named.defaults, compile);
    return (scope) => {
      const fill = defaults(scope);
      return zip(
        inputs.map((input) => input(scope)),
        named.useLongestLength === true,
        Array.isArray(fill) ? fill : [],
      );
    };
  },
  $map: (operand, compile) => {
    const { input, body, variable } = overElements('$map', operand, ['input', 'as', 'in'], 'in', compile);
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return null;
      return array('$map', value).map((item) => body(withVariables(scope, { [variable]: item })) ?? null);
    };
  },
  $filter: (operand, compile) => {
    const { input, body, variable, limit } = overElements(
      '$filter',
      operand,
      ['input', 'as', 'cond', 'limit'],
      'cond',
      compile,
    );
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return null;
      const kept = array('$filter', value).filter((item) => isTruthy(body(withVariables(scope, { [variable]: item }))));
      const most = limit(scope);
      return isNullish(most) ? kept : kept.slice(0, integer('$filter', most));
    };
  },
  $reduce: (operand, compile) => {
    const named = namedOperands('$reduce', operand, ['input', 'initialValue', 'in']);
    const [input, initial, body] = [compile(named.input), compile(named.initialValue), compile(named.in)];
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return null;
      return array('$reduce', value).reduce(
        (sum, item) => body(withVariables(scope, { value: sum, this: item })),
        initial(scope),
      );
    };
  },
  $sortArray: (operand, compile) => {
    const named = namedOperands('$sortArray', operand, ['input', 'sortBy']);
    const input = compile(named.input);
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return null;
      const items = array('$sortArray', value);
      if (isDocument(named.sortBy)) return items.toSorted(sortComparator(named.sortBy));
      const ascending = sorted(items);
      const nulls = items.filter(isNullish);
      return isNumeric(named.sortBy) && toNumber(named.sortBy) < 0
        ? [...ascending.reverse(), ...nulls]
        : [...nulls, ...ascending];
    };
  },
};
