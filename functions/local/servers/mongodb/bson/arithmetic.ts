import { Decimal128, Double, Int32, Long } from 'bson';
import { notImplemented } from '../errors.ts';
import { isInt32Number, type Numeric, toNumber, typeOf } from './values.ts';

/** An operation on two numbers: in whole numbers where both are, otherwise in doubles. */
export interface BinaryOperation {
  whole(a: bigint, b: bigint): bigint;
  double(a: number, b: number): number;
}

export const addition: BinaryOperation = { whole: (a, b) => a + b, double: (a, b) => a + b };
export const subtraction: BinaryOperation = { whole: (a, b) => a - b, double: (a, b) => a - b };
export const multiplication: BinaryOperation = { whole: (a, b) => a * b, double: (a, b) => a * b };

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

const isWhole = (value: Numeric) => typeOf(value) === 'int' || typeOf(value) === 'long';

function toBigInt(value: Numeric): bigint {
  return value instanceof Long ? value.toBigInt() : BigInt(toNumber(value));
}

/**
 * Computes in the wider of the two types, as MongoDB does: double, long, int. An int that overflows becomes a
 * long; a long that overflows becomes a double, or `undefined` where `overflow` says that it is an error (updates).
 */
export function compute(
  operation: BinaryOperation,
  a: Numeric,
  b: Numeric,
  overflow: 'double' | 'refuse' = 'double',
): Numeric | undefined {
  if (a instanceof Decimal128 || b instanceof Decimal128) throw notImplemented('arithmetic with Decimal128');
  if (!isWhole(a) || !isWhole(b)) return new Double(operation.double(toNumber(a), toNumber(b)));
  const result = operation.whole(toBigInt(a), toBigInt(b));
  if (typeOf(a) === 'int' && typeOf(b) === 'int' && isInt32Number(Number(result))) return new Int32(Number(result));
  if (result >= int64Min && result <= int64Max) return Long.fromBigInt(result);
  return overflow === 'refuse' ? undefined : new Double(operation.double(toNumber(a), toNumber(b)));
}

/** A decimal without its fraction; NaN and the infinities stay. */
export function truncateDecimal(value: Decimal128): Decimal128 {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)\.?(\d*)(?:E([+-]?\d+))?$/.exec(value.toString()) ?? [];
  const cut = fraction.length - Number(exponent);
  if (whole === '' || cut <= 0) return value;
  return Decimal128.fromString(`${sign}${(whole + fraction).slice(0, -cut) || '0'}`);
}

/** A number of the same kind as a JavaScript engine would send it: int where it fits, double otherwise. */
export const fromNumber = (n: number): Numeric => (isInt32Number(n) ? new Int32(n) : new Double(n));
