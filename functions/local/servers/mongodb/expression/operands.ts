import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Expression, OperatorCompiler } from './expression.ts';
import type { Scope } from './scope.ts';

/** An operator whose operands are all evaluated before it is: `{ $op: [a, b] }`, or `{ $op: a }` for one. */
export function withValues(
  run: (values: readonly unknown[], scope: Scope) => unknown,
  arity?: { readonly name: string; readonly min: number; readonly max: number },
): OperatorCompiler {
  return (operand, compile) => {
    const operands = (Array.isArray(operand) ? operand : [operand]).map(compile);
    if (arity && (operands.length < arity.min || operands.length > arity.max)) {
      const wanted =
        arity.min === arity.max ? `exactly ${arity.min}` : `at least ${arity.min} arguments, and at most ${arity.max}`;
      throw new CommandError(16020, `Expression ${arity.name} takes ${wanted} arguments, not ${operands.length}`);
    }
    return (scope) =>
      run(
        operands.map((item) => item(scope)),
        scope,
      );
  };
}

/** An operator with exactly one operand; an array of one element is that operand. */
export function withValue(run: (value: unknown, scope: Scope) => unknown): OperatorCompiler {
  return (operand, compile) => {
    const value = compile(Array.isArray(operand) && operand.length === 1 ? operand[0] : operand);
    return (scope) => run(value(scope), scope);
  };
}

/** An operator with named operands: `{ $op: { input: …, as: … } }`. */
export function namedOperands(operator: string, operand: unknown, names: readonly string[]): Document {
  if (!isDocument(operand)) throw new CommandError(16878, `${operator} only supports an object as its argument`);
  const unknown = Object.keys(operand).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new CommandError(16879, `Unrecognized parameter to ${operator}: ${unknown}`);
  return operand;
}

/** The expression of an operand that may be left out. */
export function optional(spec: unknown, compile: (spec: unknown) => Expression): Expression {
  return spec === undefined ? () => undefined : compile(spec);
}

export const isNullish = (value: unknown): value is null | undefined => value === null || value === undefined;
