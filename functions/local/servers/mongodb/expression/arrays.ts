import { Int32 } from 'bson';
import { orderKey } from '../bson/orderKey.ts';
import { setField } from '../bson/paths.ts';
import { type Document, isDocument, isNumeric, isTruthy, toNumber, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
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

export const arrayOperators: OperatorTable = {
  $first: withValue((value) => (isNullish(value) ? null : array('$first', value).at(0))),
  $last: withValue((value) => (isNullish(value) ? null : array('$last', value).at(-1))),
  $isArray: withValue((value) => Array.isArray(value)),
  $size: withValue((value) => {
    if (!Array.isArray(value))
      throw new CommandError(17124, `The argument to $size must be an array, not ${typeOf(value)}`);
    return new Int32(value.length);
  }),
  $in: withValues(
    ([value, list]) => {
      if (!Array.isArray(list))
        throw new CommandError(40081, `$in requires an array as a second argument, not ${typeOf(list)}`);
      const key = orderKey(value);
      return list.some((item) => orderKey(item) === key);
    },
    { name: '$in', min: 2, max: 2 },
  ),
  $arrayToObject: withValue(arrayToObject),
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
};
