import { isDocument, isTruthy } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { OperatorTable } from './expression.ts';
import { isNullish, namedOperands, optional } from './operands.ts';
import { withVariables } from './scope.ts';

export const conditionalOperators: OperatorTable = {
  $cond: (operand, compile) => {
    const parts = Array.isArray(operand)
      ? operand
      : ((named) => [named.if, named.then, named.else])(namedOperands('$cond', operand, ['if', 'then', 'else']));
    if (parts.length !== 3)
      throw new CommandError(16020, `Expression $cond takes exactly 3 arguments. ${parts.length} were passed in.`);
    const [condition, yes, no] = parts.map(compile);
    return (scope) => (isTruthy(condition?.(scope)) ? yes?.(scope) : no?.(scope));
  },
  $ifNull: (operand, compile) => {
    if (!Array.isArray(operand) || operand.length < 2)
      throw new CommandError(1257300, '$ifNull needs at least two arguments');
    const choices = operand.map(compile);
    return (scope) => {
      let value: unknown;
      for (const choice of choices) {
        value = choice(scope);
        if (!isNullish(value)) return value;
      }
      return value;
    };
  },
  $switch: (operand, compile) => {
    const { branches, default: otherwise } = namedOperands('$switch', operand, ['branches', 'default']);
    if (!Array.isArray(branches) || branches.length === 0)
      throw new CommandError(40068, '$switch requires at least one branch');
    const cases = branches.map((branch) => {
      if (!isDocument(branch)) throw new CommandError(40062, '$switch expected each branch to be an object');
      return { condition: compile(branch.case), result: compile(branch.then) };
    });
    const fallback = otherwise === undefined ? undefined : compile(otherwise);
    return (scope) => {
      const found = cases.find((branch) => isTruthy(branch.condition(scope)));
      if (found) return found.result(scope);
      if (!fallback) throw new CommandError(40066, '$switch could not find a matching branch, and has no default');
      return fallback(scope);
    };
  },
  $let: (operand, compile) => {
    const { vars, in: body } = namedOperands('$let', operand, ['vars', 'in']);
    if (!isDocument(vars)) throw new CommandError(16876, "$let needs an object as its 'vars'");
    const bindings = Object.keys(vars).map((name) => ({ name, value: compile(vars[name]) }));
    const result = optional(body, compile);
    return (scope) => {
      const variables = Object.fromEntries(bindings.map(({ name, value }) => [name, value(scope)]));
      return result(withVariables(scope, variables));
    };
  },
};
