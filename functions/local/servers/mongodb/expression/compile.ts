import { ownField, setField } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import { arithmeticOperators } from './arithmetic.ts';
import { arrayOperators } from './arrays.ts';
import { comparisonOperators } from './comparison.ts';
import { conditionalOperators } from './conditional.ts';
import { conversionOperators } from './conversion.ts';
import { delegatedOperator } from './delegated.ts';
import type { Expression, OperatorTable } from './expression.ts';
import { objectOperators } from './objects.ts';
import { setOperators } from './sets.ts';
import { statisticsOperators } from './statistics.ts';
import { stringOperators } from './strings.ts';
import { isUnsupportedExpression } from './unsupported.ts';

const operators: OperatorTable = {
  $literal: (operand) => () => operand,
  ...arithmeticOperators,
  ...arrayOperators,
  ...comparisonOperators,
  ...conditionalOperators,
  ...conversionOperators,
  ...objectOperators,
  ...setOperators,
  ...statisticsOperators,
  ...stringOperators,
};

/** Compiles an aggregation expression. Throws 168 (InvalidPipelineOperator) for an operator it does not know. */
export function compileExpression(spec: unknown): Expression {
  if (typeof spec === 'string' && spec.startsWith('$')) {
    return spec.startsWith('$$') ? compileVariable(spec.slice(2)) : compilePath('CURRENT', spec.slice(1));
  }
  if (Array.isArray(spec)) {
    const items = spec.map(compileExpression);
    return (scope) => items.map((item) => item(scope) ?? null);
  }
  if (!isDocument(spec)) return () => spec;
  const names = Object.keys(spec);
  const operator = names[0];
  if (operator?.startsWith('$')) {
    if (names.length > 1) {
      throw new CommandError(15983, `an expression must have exactly one field, its name, not: ${names.join(', ')}`);
    }
    return compileOperator(operator, spec[operator]);
  }
  return compileDocument(spec);
}

function compileOperator(operator: string, operand: unknown): Expression {
  const compiler = Object.hasOwn(operators, operator) ? operators[operator] : delegatedOperator(operator);
  if (!compiler && isUnsupportedExpression(operator)) throw notImplemented(operator);
  if (!compiler) throw new CommandError(168, `Unrecognized expression '${operator}'`);
  return compiler(operand, compileExpression);
}

function compileDocument(spec: Document): Expression {
  const fields = Object.keys(spec).map((name) => ({ name, value: compileExpression(spec[name]) }));
  return (scope) => {
    const document: Document = {};
    for (const { name, value } of fields) {
      const result = value(scope);
      if (result !== undefined) setField(document, name, result);
    }
    return document;
  };
}

function compileVariable(path: string): Expression {
  const [name = '', ...rest] = path.split('.');
  if (name === 'REMOVE') return () => undefined;
  return compilePath(name, rest.join('.'));
}

function compilePath(variable: string, path: string): Expression {
  const parts = path === '' ? [] : path.split('.');
  if (parts.some((part) => part === ''))
    throw new CommandError(15998, `FieldPath field names may not be empty strings: '${path}'`);
  return (scope) => {
    if (!(variable in scope.variables)) throw new CommandError(17276, `Use of undefined variable: ${variable}`);
    return pathValue(scope.variables[variable], parts, 0);
  };
}

/** The value at a path; an array on the way gives an array. Numbers are names here, never indexes. */
function pathValue(value: unknown, parts: readonly string[], at: number): unknown {
  const part = parts[at];
  if (part === undefined) return value;
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const found = fieldsOf(item) || Array.isArray(item) ? pathValue(item, parts, at) : undefined;
      return found === undefined ? [] : [found];
    });
  }
  const fields = fieldsOf(value);
  return fields ? pathValue(ownField(fields, part), parts, at + 1) : undefined;
}
