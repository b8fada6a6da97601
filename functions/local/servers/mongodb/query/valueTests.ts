import { maxKeyBracket, minKeyBracket, orderKey, typeBracket } from '../bson/orderKey.ts';
import { type Document, isDocument, isNumeric, type TypeName, toNumber, typeNumbers, typeOf } from '../bson/values.ts';
import { badValue } from '../errors.ts';
import { asRegExp, textOf, toRegExp } from './regex.ts';

/** Tells whether one value meets a condition; `undefined` is a field that is missing. */
export type ValueTest = (value: unknown) => boolean;

/** The pattern of a `$regex`, with its `$options`. */
export function regexOperand(operand: unknown, options: unknown): RegExp {
  const flags = typeof options === 'string' ? options : undefined;
  if (typeof operand === 'string') return toRegExp(operand, flags ?? '');
  const pattern = asRegExp(operand);
  if (!pattern) throw badValue('$regex has to be a string');
  return flags === undefined ? pattern : toRegExp(pattern.source, flags);
}

/** Whether a value is text that a pattern finds something in. */
export function matchesPattern(pattern: RegExp, value: unknown): boolean {
  const text = textOf(value);
  if (text === undefined) return false;
  pattern.lastIndex = 0;
  return pattern.test(text);
}

/** Whether a condition is made of operators, and not a value to be equal to. */
export const isOperatorDocument = (condition: unknown): condition is Document =>
  isDocument(condition) && (Object.keys(condition)[0]?.startsWith('$') ?? false) && !('$ref' in condition);

/** Equality; null is equal to a field that is missing. */
export function equalTo(operand: unknown): ValueTest {
  if (operand === undefined) throw badValue('cannot compare to undefined');
  const key = orderKey(operand);
  return (value) => orderKey(value) === key;
}

/** `$in`: equality with one of several values, or a match of one of several patterns. */
export function oneOf(operand: unknown, operator: string): ValueTest {
  if (!Array.isArray(operand)) throw badValue(`${operator} needs an array`);
  if (operand.some(isOperatorDocument)) throw badValue(`cannot nest $ under ${operator}`);
  const keys = new Set(operand.map((item) => orderKey(item)));
  const patterns = operand.flatMap((item) => asRegExp(item) ?? []);
  return (value) => keys.has(orderKey(value)) || patterns.some((pattern) => matchesPattern(pattern, value));
}

/** `$gt` and the like compare what is of the same kind; MinKey and MaxKey compare with everything. */
export function comparison(operator: '$gt' | '$gte' | '$lt' | '$lte', operand: unknown): ValueTest {
  if (asRegExp(operand)) throw badValue(`Can't have RegEx as arg to predicate over field`);
  const key = orderKey(operand);
  const bracket = typeBracket(key);
  const anyType = bracket === minKeyBracket || bracket === maxKeyBracket;
  const [greater, orEqual] = [operator.startsWith('$g'), operator.endsWith('e')];
  const holds = (valueKey: string) => (valueKey === key ? orEqual : valueKey > key === greater);
  const isNaNKey = key === orderKey(Number.NaN);
  return (value) => {
    if (value === undefined && operand !== null) return false;
    const valueKey = orderKey(value);
    if (anyType) return holds(valueKey);
    if (typeBracket(valueKey) !== bracket) return false;
    // NaN is neither less nor greater than any number.
    if (isNaNKey || valueKey === orderKey(Number.NaN)) return orEqual && valueKey === key;
    return holds(valueKey);
  };
}

/** `$mod`: the remainder of a whole number. */
export function modulo(operand: unknown): ValueTest {
  if (!Array.isArray(operand) || operand.length !== 2 || !operand.every(isNumeric)) {
    throw badValue('malformed mod, needs to be an array of two numbers');
  }
  const [divisor, remainder] = operand.map((n) => Math.trunc(toNumber(n)));
  if (divisor === undefined || divisor === 0) throw badValue('divisor cannot be 0');
  return (value) => isNumeric(value) && Math.trunc(toNumber(value)) % divisor === remainder;
}

/** `$type`, by name or number. */
export function ofType(operand: unknown): ValueTest {
  const wanted = (Array.isArray(operand) ? operand : [operand]).map((item): TypeName | 'number' => {
    if (item === 'number') return 'number';
    const names = Object.keys(typeNumbers).filter((name): name is TypeName => name in typeNumbers);
    const found = names.find((name) => name === item || (isNumeric(item) && typeNumbers[name] === toNumber(item)));
    if (!found) throw badValue(`Unknown type name alias: ${String(item)}`);
    return found;
  });
  return (value) =>
    value !== undefined && wanted.some((type) => (type === 'number' ? isNumeric(value) : typeOf(value) === type));
}
