import { ownField, setField } from '../bson/paths.ts';
import { type Document, fieldsOf, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { OperatorTable } from './expression.ts';
import { isNullish, namedOperands, withValue, withValues } from './operands.ts';

export function mergeObjects(values: readonly unknown[]): Document {
  const merged: Document = {};
  for (const value of values) {
    if (isNullish(value)) continue;
    const fields = fieldsOf(value);
    if (!fields) throw new CommandError(40400, `$mergeObjects requires object inputs, but got ${typeOf(value)}`);
    for (const name of Object.keys(fields)) setField(merged, name, fields[name]);
  }
  return merged;
}

function literalName(operator: string, value: unknown): string {
  if (typeof value !== 'string') throw new CommandError(5654602, `${operator} requires 'field' to be a string`);
  return value;
}

export const objectOperators: OperatorTable = {
  $mergeObjects: withValues((values) =>
    mergeObjects(values.length === 1 && Array.isArray(values[0]) ? values[0] : values),
  ),
  $objectToArray: withValue((value) => {
    if (isNullish(value)) return null;
    const fields = fieldsOf(value);
    if (!fields) throw new CommandError(40390, `$objectToArray requires a document input, found: ${typeOf(value)}`);
    return Object.keys(fields).map((k) => ({ k, v: fields[k] }));
  }),
  $getField: (operand, compile) => {
    const short = fieldsOf(operand)?.field === undefined;
    const named = short
      ? { field: operand, input: '$$CURRENT' }
      : namedOperands('$getField', operand, ['field', 'input']);
    const [field, input] = [compile(named.field), compile(named.input ?? '$$CURRENT')];
    return (scope) => {
      const fields = fieldsOf(input(scope));
      return fields ? ownField(fields, literalName('$getField', field(scope))) : undefined;
    };
  },
  $setField: (operand, compile) => {
    const named = namedOperands('$setField', operand, ['field', 'input', 'value']);
    const [field, input, value] = [compile(named.field), compile(named.input), compile(named.value)];
    return (scope) => {
      const fields = fieldsOf(input(scope));
      if (!fields) return null;
      const result = { ...fields };
      const content = value(scope);
      const name = literalName('$setField', field(scope));
      if (content === undefined) delete result[name];
      else setField(result, name, content);
      return result;
    };
  },
  $unsetField: (operand, compile) => {
    const named = namedOperands('$unsetField', operand, ['field', 'input']);
    const [field, input] = [compile(named.field), compile(named.input)];
    return (scope) => {
      const fields = fieldsOf(input(scope));
      if (!fields) return null;
      const result = { ...fields };
      delete result[literalName('$unsetField', field(scope))];
      return result;
    };
  },
};
