import type { Scope } from './scope.ts';

/** A compiled aggregation expression. `undefined` stands for a value that is missing. */
export type Expression = (scope: Scope) => unknown;

/** Makes an expression of what stands behind an operator; `compile` is for its parts. */
export type OperatorCompiler = (operand: unknown, compile: (spec: unknown) => Expression) => Expression;

export type OperatorTable = Readonly<Record<string, OperatorCompiler>>;
