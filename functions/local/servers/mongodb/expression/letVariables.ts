import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, typeMismatch } from '../errors.ts';
import { compileExpression } from './compile.ts';
import type { Evaluation, Scope } from './scope.ts';

const documentVariables = ['ROOT', 'CURRENT'];

/** Evaluates the `let` of a command, before any document is there. Throws 4890500 for one that names a field. */
export function withLet(evaluation: Evaluation, variables: unknown): Evaluation {
  if (variables === undefined) return evaluation;
  if (!isDocument(variables)) throw typeMismatch("BSON field 'let' must be an object");
  return Object.entries(variables).reduce((outer, [name, spec]) => {
    checkName(name);
    const value = compileExpression(spec)(withoutDocument(outer)) ?? null;
    return outer.with({ [name]: value });
  }, evaluation);
}

/** Throws 16867 for a name that variables of users cannot have. */
export function checkName(name: string): void {
  if (!/^[a-z\u0080-\uffff][\w\u0080-\uffff]*$/.test(name))
    throw new CommandError(16867, `'${name}' is not a valid name for a user variable`);
}

function withoutDocument(evaluation: Evaluation): Scope {
  const { variables, ...scope } = evaluation.on(undefined);
  const bound: Document = Object.create(variables);
  for (const name of documentVariables) Object.defineProperty(bound, name, { get: refuseField });
  return { ...scope, variables: bound };
}

function refuseField(): never {
  throw new CommandError(4890500, 'Command let Expression tried to access a field');
}
