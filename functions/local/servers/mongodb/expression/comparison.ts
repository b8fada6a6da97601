import { Int32 } from 'bson';
import { compareValues, orderKey } from '../bson/orderKey.ts';
import { isTruthy } from '../bson/values.ts';
import type { OperatorTable } from './expression.ts';
import { withValue, withValues } from './operands.ts';

/** A missing value sorts before null in expressions, unlike in queries, where the two are the same. */
function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) {
    if (a === b) return 0;
    return a === undefined ? (orderKey(b) === orderKey(null) ? -1 : compareValues(null, b)) : -compare(b, a);
  }
  return compareValues(a, b);
}

const comparing = (name: string, holds: (order: number) => boolean) =>
  withValues(([a, b]) => holds(compare(a, b)), { name, min: 2, max: 2 });

export const comparisonOperators: OperatorTable = {
  $cmp: withValues(([a, b]) => new Int32(compare(a, b)), { name: '$cmp', min: 2, max: 2 }),
  $eq: comparing('$eq', (order) => order === 0),
  $ne: comparing('$ne', (order) => order !== 0),
  $gt: comparing('$gt', (order) => order > 0),
  $gte: comparing('$gte', (order) => order >= 0),
  $lt: comparing('$lt', (order) => order < 0),
  $lte: comparing('$lte', (order) => order <= 0),
  $and: (operand, compile) => {
    const all = (Array.isArray(operand) ? operand : [operand]).map(compile);
    return (scope) => all.every((item) => isTruthy(item(scope)));
  },
  $or: (operand, compile) => {
    const any = (Array.isArray(operand) ? operand : [operand]).map(compile);
    return (scope) => any.some((item) => isTruthy(item(scope)));
  },
  $not: withValue((value) => !isTruthy(value)),
};
