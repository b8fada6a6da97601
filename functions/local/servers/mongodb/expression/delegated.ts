import { BSONRegExp } from 'bson';
import core from 'mingo/core';
import mingoOperators from 'mingo/operators/expression';
import { fromNumber } from '../bson/arithmetic.ts';
import { setField } from '../bson/paths.ts';
import { type Document, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { badValue } from '../errors.ts';
import { asRegExp } from '../query/regex.ts';
import type { Expression, OperatorCompiler } from './expression.ts';

/**
 * Expressions left to mingo: they neither compare values nor bind variables, so that it does not matter that mingo
 * knows JavaScript's types only. Numbers come back as int or double; what arrays and documents hold stays as it is.
 */
const delegated: ReadonlySet<string> = new Set(
  [
    '$dateAdd $dateSubtract $dateDiff $dateTrunc $dateToString $dateFromString $dateToParts $dateFromParts',
    '$year $month $week $dayOfYear $dayOfMonth $dayOfWeek $hour $minute $second $millisecond',
    '$isoWeek $isoWeekYear $isoDayOfWeek',
    '$sin $cos $tan $asin $acos $atan $atan2 $sinh $cosh $tanh $asinh $acosh $atanh $degreesToRadians $radiansToDegrees',
    '$bitAnd $bitOr $bitXor $bitNot $exp $ln $log $log10 $pow $sqrt',
    '$concat $substr $substrBytes $substrCP $strLenBytes $strLenCP $strcasecmp $split $trim $ltrim $rtrim',
    '$replaceOne $replaceAll $arrayElemAt $concatArrays $range $reverseArray $slice',
  ].flatMap((names) => names.split(' ')),
);

type MingoOperator = (obj: unknown, expr: unknown, options: object) => unknown;

const mingoTable: Readonly<Record<string, unknown>> = { ...mingoOperators };

const options = {
  failOnError: true,
  context: core.Context.init({ expression: { $literal: mingoOperators.$literal } }),
};

/** The compiler of an operator that mingo evaluates, or `undefined` if it is none of those. */
export function delegatedOperator(operator: string): OperatorCompiler | undefined {
  const run = delegated.has(operator) ? mingoTable[operator] : undefined;
  if (typeof run !== 'function') return undefined;
  // mingo's operators all have this shape; its types insist on an options class that it does not export.
  const evaluate = run as MingoOperator;
  return (operand, compile) => {
    const operands = compileOperands(operand, compile);
    return (scope) => {
      try {
        return fromPlain(evaluate({}, operands(scope), options));
      } catch (error) {
        throw badValue(`${operator}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
  };
}

/** Operands in a list, by name, or one alone. */
function compileOperands(operand: unknown, compile: (spec: unknown) => Expression): Expression {
  const part = (spec: unknown): Expression => {
    const value = compile(spec);
    return (scope) => quoted(value(scope));
  };
  if (Array.isArray(operand) && operand.length !== 1) {
    const parts = operand.map(part);
    return (scope) => parts.map((one) => one(scope));
  }
  if (isDocument(operand) && !Object.keys(operand)[0]?.startsWith('$')) {
    const parts = Object.entries(operand).map(([name, spec]) => [name, part(spec)] as const);
    return (scope) => Object.fromEntries(parts.map(([name, one]) => [name, one(scope)]));
  }
  return part(Array.isArray(operand) ? operand[0] : operand);
}

/** A value as mingo takes it; what it would read as an expression is quoted. */
function quoted(value: unknown): unknown {
  if (isNumeric(value)) return toNumber(value);
  if (value instanceof BSONRegExp) return asRegExp(value);
  return typeof value === 'string' || Array.isArray(value) || isDocument(value) ? { $literal: value } : value;
}

/** The way back: JavaScript numbers become int or double. */
function fromPlain(value: unknown): unknown {
  if (typeof value === 'number') return fromNumber(value);
  if (Array.isArray(value)) return value.map(fromPlain);
  if (!isDocument(value)) return value;
  const document: Document = {};
  for (const [name, content] of Object.entries(value)) setField(document, name, fromPlain(content));
  return document;
}
