import { Double, Int32 } from 'bson';
import { addition, compute } from '../bson/arithmetic.ts';
import { orderKey } from '../bson/orderKey.ts';
import { isNumeric, type Numeric, toNumber } from '../bson/values.ts';
import type { OperatorTable } from './expression.ts';
import { withValues } from './operands.ts';

/** The values that are neither missing nor null. */
export const present = (values: readonly unknown[]) => values.filter((value) => value !== undefined && value !== null);

/** The sum of the numbers among the values. */
export function sum(values: readonly unknown[]): Numeric {
  let total: Numeric = new Int32(0);
  for (const value of values) if (isNumeric(value)) total = compute(addition, total, value) ?? total;
  return total;
}

/** The mean of the numbers among the values, or null if there are none. */
export function average(values: readonly unknown[]): Double | null {
  const numbers = values.filter(isNumeric);
  return numbers.length === 0 ? null : new Double(toNumber(sum(numbers)) / numbers.length);
}

/** The least (or greatest) of the values that are there, or null. */
export function extreme(values: readonly unknown[], sign: 1 | -1): unknown {
  let best: { value: unknown; key: string } | undefined;
  for (const value of present(values)) {
    const key = orderKey(value);
    if (!best || (sign === 1 ? key < best.key : key > best.key)) best = { value, key };
  }
  return best ? best.value : null;
}

/** Over the elements of an array, if that is the only operand, or else over the operands. */
const overOperands = (reduce: (values: readonly unknown[]) => unknown) =>
  withValues((values) => reduce(values.length === 1 && Array.isArray(values[0]) ? values[0] : values));

export const statisticsOperators: OperatorTable = {
  $sum: overOperands(sum),
  $avg: overOperands(average),
  $min: overOperands((values) => extreme(values, 1)),
  $max: overOperands((values) => extreme(values, -1)),
};
