import { orderKey } from '../bson/orderKey.ts';
import { isTruthy, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { OperatorTable } from './expression.ts';
import { isNullish, withValue, withValues } from './operands.ts';

/** Values without repetition, by MongoDB's equality. */
export function distinctValues(values: Iterable<unknown>): unknown[] {
  const byKey = new Map<string, unknown>();
  for (const value of values) {
    const key = orderKey(value);
    if (!byKey.has(key)) byKey.set(key, value);
  }
  return [...byKey.values()];
}

function set(operator: string, value: unknown): Map<string, unknown> {
  if (!Array.isArray(value))
    throw new CommandError(17048, `All operands of ${operator} must be arrays, not ${typeOf(value)}`);
  return new Map(value.map((item) => [orderKey(item), item]));
}

const sets = (operator: string, values: readonly unknown[]) => values.map((value) => set(operator, value));

export const setOperators: OperatorTable = {
  $setUnion: withValues((values) =>
    values.some(isNullish) ? null : distinctValues(sets('$setUnion', values).flatMap((one) => [...one.values()])),
  ),
  $setIntersection: withValues((values) => {
    if (values.some(isNullish)) return null;
    const [first, ...others] = sets('$setIntersection', values);
    return [...(first ?? [])].filter(([key]) => others.every((other) => other.has(key))).map(([, item]) => item);
  }),
  $setDifference: withValues(([a, b]) => {
    if (isNullish(a) || isNullish(b)) return null;
    const without = set('$setDifference', b);
    return [...set('$setDifference', a)].filter(([key]) => !without.has(key)).map(([, item]) => item);
  }),
  $setEquals: withValues((values) => {
    const [first, ...others] = sets('$setEquals', values);
    return others.every((other) => other.size === first?.size && [...other.keys()].every((key) => first.has(key)));
  }),
  $setIsSubset: withValues(([a, b]) => {
    const whole = set('$setIsSubset', b);
    return [...set('$setIsSubset', a).keys()].every((key) => whole.has(key));
  }),
  $allElementsTrue: withValue((value) => [...set('$allElementsTrue', value).values()].every(isTruthy)),
  $anyElementTrue: withValue((value) => [...set('$anyElementTrue', value).values()].some(isTruthy)),
};
