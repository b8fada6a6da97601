import { BSONRegExp, Decimal128, Double, Int32, Long } from 'bson';
import core from 'mingo/core';
import mingoOperators from 'mingo/operators/expression';
import { fromNumber } from '../bson/arithmetic.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue } from '../errors.ts';
import { asRegExp } from '../query/regex.ts';
import type { OperatorCompiler } from './expression.ts';

/**
 * The long tail of expressions, left to mingo: dates, trigonometry, bits. They neither compare values nor bind
 * variables, so it does not matter that mingo knows JavaScript's types only: numbers are handed over as JavaScript
 * numbers and come back as int or double.
 */
const delegated: ReadonlySet<string> = new Set(
  [
    '$dateAdd $dateSubtract $dateDiff $dateTrunc $dateToString $dateFromString $dateToParts $dateFromParts',
    '$year $month $week $dayOfYear $dayOfMonth $dayOfWeek $hour $minute $second $millisecond',
    '$isoWeek $isoWeekYear $isoDayOfWeek',
    '$sin $cos $tan $asin $acos $atan $atan2 $sinh $cosh $tanh $asinh $acosh $atanh $degreesToRadians $radiansToDegrees',
    '$bitAnd $bitOr $bitXor $bitNot',
  ].flatMap((names) => names.split(' ')),
);

type MingoOperator = (obj: unknown, expr: unknown, options: object) => unknown;

const mingoTable: Readonly<Record<string, unknown>> = { ...mingoOperators };

/** The compiler of an operator that mingo evaluates, or `undefined` if it is none of those. */
export function delegatedOperator(operator: string): OperatorCompiler | undefined {
  const run = delegated.has(operator) ? mingoTable[operator] : undefined;
  if (typeof run !== 'function') return undefined;
  // mingo's operators all have this shape; its types insist on an options class that it does not export.
  const evaluate = run as MingoOperator;
  const options = {
    failOnError: true,
    context: core.Context.init({ expression: { $literal: mingoOperators.$literal } }),
  };
  return (operand, compile) => {
    const value = compile(Array.isArray(operand) && operand.length === 1 ? operand[0] : operand);
    return (scope) => {
      const plain = toPlain(value(scope));
      try {
        return fromPlain(evaluate({}, quote(plain), options));
      } catch (error) {
        throw badValue(`${operator}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
  };
}

/** Text with a `$` in front is quoted, or mingo would take it for the path of a field. */
function quote(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith('$') ? { $literal: value } : value;
  if (Array.isArray(value)) return value.map(quote);
  if (!isDocument(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, quote(content)]));
}

/** A value with JavaScript numbers and regular expressions in place of the BSON classes. */
export function toPlain(value: unknown): unknown {
  if (value instanceof Int32 || value instanceof Double) return value.value;
  if (value instanceof Long || value instanceof Decimal128) return Number(value.toString());
  if (value instanceof BSONRegExp) return asRegExp(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (!isDocument(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, toPlain(content)]));
}

/** The way back: JavaScript numbers become int or double. */
export function fromPlain(value: unknown): unknown {
  if (typeof value === 'number') return fromNumber(value);
  if (Array.isArray(value)) return value.map(fromPlain);
  if (!isDocument(value)) return value;
  const document: Document = {};
  for (const [name, content] of Object.entries(value)) document[name] = fromPlain(content);
  return document;
}
