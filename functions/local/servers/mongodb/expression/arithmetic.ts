import { Decimal128, Double, Int32, Long } from 'bson';
import { addition, compute, fromNumber, multiplication, subtraction, truncateDecimal } from '../bson/arithmetic.ts';
import { isNumeric, type Numeric, toNumber, typeOf } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import type { OperatorTable } from './expression.ts';
import { isNullish, withValue, withValues } from './operands.ts';

const wrongType = (operator: string, value: unknown) =>
  new CommandError(14, `${operator} only supports numeric types, not ${typeOf(value)}`);

function numeric(operator: string, value: unknown): Numeric {
  if (!isNumeric(value)) throw wrongType(operator, value);
  if (value instanceof Decimal128) throw notImplemented(`${operator} of Decimal128`);
  return value;
}

function add(values: readonly unknown[]): unknown {
  let date: Date | undefined;
  let sum: Numeric = new Int32(0);
  for (const value of values) {
    if (isNullish(value)) return null;
    if (value instanceof Date) {
      if (date) throw new CommandError(16612, 'only one date allowed in an $add expression');
      date = value;
    } else {
      sum = compute(addition, sum, numeric('$add', value)) ?? sum;
    }
  }
  return date ? new Date(date.getTime() + Math.round(toNumber(sum))) : sum;
}

function subtract([a, b]: readonly unknown[]): unknown {
  if (isNullish(a) || isNullish(b)) return null;
  if (a instanceof Date) {
    return b instanceof Date
      ? Long.fromNumber(a.getTime() - b.getTime())
      : new Date(a.getTime() - Math.round(toNumber(numeric('$subtract', b))));
  }
  return compute(subtraction, numeric('$subtract', a), numeric('$subtract', b));
}

function multiply(values: readonly unknown[]): unknown {
  let product: Numeric = new Int32(1);
  for (const value of values) {
    if (isNullish(value)) return null;
    product = compute(multiplication, product, numeric('$multiply', value)) ?? product;
  }
  return product;
}

function divide([a, b]: readonly unknown[]): unknown {
  if (isNullish(a) || isNullish(b)) return null;
  const divisor = toNumber(numeric('$divide', b));
  if (divisor === 0) throw new CommandError(2, "can't $divide by zero");
  return new Double(toNumber(numeric('$divide', a)) / divisor);
}

function modulo([a, b]: readonly unknown[]): unknown {
  if (isNullish(a) || isNullish(b)) return null;
  const divisor = toNumber(numeric('$mod', b));
  if (divisor === 0) throw new CommandError(16610, "can't $mod by zero");
  return likeInput(a, toNumber(numeric('$mod', a)) % divisor);
}

/** A whole result keeps the type of the number it was made of. */
function likeInput(input: unknown, result: number): Numeric {
  switch (typeOf(input)) {
    case 'int':
      return fromNumber(result);
    case 'long':
      return Long.fromNumber(result);
    default:
      return new Double(result);
  }
}

/** An operator on one number, null for null. */
const onNumber = (operator: string, run: (n: number, input: Numeric) => unknown) =>
  withValue((value) => (isNullish(value) ? null : run(toNumber(numeric(operator, value)), numeric(operator, value))));

/** Rounds to `place` decimals; a tie goes to the even neighbour, as in MongoDB. */
function roundToEven(n: number, place: number): number {
  const shifted = Number(`${n}e${place}`);
  if (!Number.isFinite(shifted)) return n;
  const floor = Math.floor(shifted);
  const rest = shifted - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Number(`${rounded}e${-place}`);
}

/** Cuts or rounds; whole numbers have nothing behind the point, whatever their size. */
const onPlace = (
  operator: string,
  run: (n: number, place: number) => number,
  ofDecimal?: (value: Decimal128) => Decimal128,
) =>
  withValues(([value, place]) => {
    if (isNullish(value)) return null;
    if (ofDecimal && value instanceof Decimal128 && isNullish(place)) return ofDecimal(value);
    const number = numeric(operator, value);
    const digits = isNumeric(place) ? toNumber(place) : 0;
    const isWhole = typeOf(number) === 'int' || typeOf(number) === 'long';
    return isWhole && digits >= 0 ? number : likeInput(number, run(toNumber(number), digits));
  });

const truncate = (n: number, place: number) => {
  const shifted = Number(`${n}e${place}`);
  return Number.isFinite(shifted) ? Number(`${Math.trunc(shifted)}e${-place}`) : n;
};

export const arithmeticOperators: OperatorTable = {
  $add: withValues(add),
  $subtract: withValues(subtract, { name: '$subtract', min: 2, max: 2 }),
  $multiply: withValues(multiply),
  $divide: withValues(divide, { name: '$divide', min: 2, max: 2 }),
  $mod: withValues(modulo, { name: '$mod', min: 2, max: 2 }),
  $abs: onNumber('$abs', (n, input) => likeInput(input, Math.abs(n))),
  $ceil: onPlace('$ceil', Math.ceil),
  $floor: onPlace('$floor', Math.floor),
  $round: onPlace('$round', roundToEven),
  $trunc: onPlace('$trunc', truncate, truncateDecimal),
  $rand: () => (scope) => new Double(scope.random()),
};
