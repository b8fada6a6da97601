import { Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp, UUID } from 'bson';
import {
  isInt32Number,
  isNumeric,
  isTruthy,
  type Numeric,
  type TypeName,
  toNumber,
  typeNumbers,
  typeOf,
} from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { OperatorTable } from './expression.ts';
import { isNullish, namedOperands, optional, withValue } from './operands.ts';

const conversionFailure = (message: string) => new CommandError(241, message);

const unsupported = (value: unknown, target: string) =>
  conversionFailure(`Unsupported conversion from ${typeOf(value)} to ${target} in $convert with no onError value`);

/** The text of a scalar, as `$toString` gives it. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ObjectId) return value.toHexString();
  if (isNumeric(value))
    return value instanceof Decimal128 || value instanceof Long ? value.toString() : String(toNumber(value));
  if (value instanceof Binary && value.sub_type === Binary.SUBTYPE_UUID) return new UUID(value.value()).toString();
  if (value instanceof Timestamp) return value.toString();
  throw unsupported(value, 'string');
}

/** A number of a value that has one: numbers, booleans, dates (ms) and, if `parse` allows it, text. */
function toNumeric(value: unknown, target: string): Numeric {
  if (isNumeric(value)) return value;
  if (typeof value === 'boolean') return new Int32(value ? 1 : 0);
  if (value instanceof Date) return Long.fromNumber(value.getTime());
  if (typeof value === 'string') {
    if (value.trim() === '' || value !== value.trim() || Number.isNaN(Number(value))) {
      throw conversionFailure(`Failed to parse number '${value}' in $convert with no onError value`);
    }
    return target === 'decimal' ? Decimal128.fromString(value) : new Double(Number(value));
  }
  throw unsupported(value, target);
}

function toInt(value: unknown): Int32 {
  const number = Math.trunc(toNumber(toNumeric(value, 'int')));
  if (!isInt32Number(number))
    throw conversionFailure('Conversion would overflow target type in $convert with no onError value');
  return new Int32(number);
}

function toLong(value: unknown): Long {
  if (typeof value === 'string' && /^[+-]?\d+$/.test(value)) return Long.fromString(value);
  const number = toNumeric(value, 'long');
  return number instanceof Long ? number : Long.fromBigInt(BigInt(Math.trunc(toNumber(number))));
}

function toDate(value: unknown): Date {
  if (value instanceof Date) return value;
  if (value instanceof ObjectId) return value.getTimestamp();
  if (value instanceof Timestamp) return new Date(value.t * 1000);
  const date = typeof value === 'string' ? new Date(value) : isNumeric(value) ? new Date(toNumber(value)) : undefined;
  if (!date) throw unsupported(value, 'date');
  if (Number.isNaN(date.getTime())) throw conversionFailure(`Error parsing date string '${String(value)}'`);
  return date;
}

function toObjectId(value: unknown): ObjectId {
  if (value instanceof ObjectId) return value;
  if (typeof value !== 'string') throw unsupported(value, 'objectId');
  if (!ObjectId.isValid(value) || value.length !== 24)
    throw conversionFailure(`Failed to parse objectId '${value}' in $convert with no onError value`);
  return new ObjectId(value);
}

const toDecimal = (value: unknown) => Decimal128.fromString(toText(toNumeric(value, 'decimal')));

const targets: Readonly<Partial<Record<TypeName, (value: unknown) => unknown>>> = {
  string: toText,
  int: toInt,
  long: toLong,
  double: (value) => new Double(toNumber(toNumeric(value, 'double'))),
  decimal: toDecimal,
  bool: (value) => isTruthy(value),
  date: toDate,
  objectId: toObjectId,
};

const nullSafe = (run: (value: unknown) => unknown) => withValue((value) => (isNullish(value) ? null : run(value)));

function targetOf(to: unknown): (value: unknown) => unknown {
  const name = isNumeric(to) ? Object.entries(typeNumbers).find(([, number]) => number === toNumber(to))?.[0] : to;
  const found = Object.entries(targets).find(([target]) => target === name)?.[1];
  if (!found) throw new CommandError(2, `Unknown type name: ${String(to)}`);
  return found;
}

export const conversionOperators: OperatorTable = {
  $type: withValue((value) => (value === undefined ? 'missing' : typeOf(value))),
  $isNumber: withValue((value) => isNumeric(value)),
  $toString: nullSafe(toText),
  $toInt: nullSafe(toInt),
  $toLong: nullSafe(toLong),
  $toDouble: nullSafe((value) => new Double(toNumber(toNumeric(value, 'double')))),
  $toDecimal: nullSafe(toDecimal),
  $toBool: nullSafe(isTruthy),
  $toDate: nullSafe(toDate),
  $toObjectId: nullSafe(toObjectId),
  $convert: (operand, compile) => {
    const named = namedOperands('$convert', operand, ['input', 'to', 'onError', 'onNull', 'format']);
    const [input, to] = [compile(named.input), compile(named.to)];
    const [onError, onNull] = [optional(named.onError, compile), optional(named.onNull, compile)];
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return onNull(scope) ?? null;
      try {
        return targetOf(to(scope))(value);
      } catch (error) {
        if (named.onError !== undefined && error instanceof CommandError && error.code === 241) return onError(scope);
        throw error;
      }
    };
  },
};
