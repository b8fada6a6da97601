import { type Document, fieldsOf, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Evaluation } from '../expression/scope.ts';
import { compileFilter } from '../query/matcher.ts';
import { compileAddFields, compileProjection, compileUnset } from '../query/projection.ts';
import { operandDocument } from './stage.ts';

/** A stage that looks at one document at a time: it gives the document's successor, or `undefined` to drop it. */
export type DocumentStage = (document: Document) => Document | undefined;

/** Compiles a stage that needs one document only, as change streams and updates have; `undefined` for any other. */
export function compileDocumentStage(
  name: string,
  operand: unknown,
  evaluation: Evaluation,
): DocumentStage | undefined {
  switch (name) {
    case '$match': {
      const matches = compileFilter(operandDocument(name, operand, 15959), evaluation);
      return (document) => (matches(document) ? document : undefined);
    }
    case '$project': {
      const spec = operandDocument(name, operand, 15969);
      if (Object.keys(spec).length === 0) throw new CommandError(51272, '$project must have at least one field');
      return compileProjection(spec, evaluation);
    }
    case '$addFields':
    case '$set':
      return compileAddFields(operandDocument(name, operand, 40272), evaluation);
    case '$unset':
      return compileUnset(unsetPaths(operand));
    case '$replaceRoot':
      return replaceRoot(name, operandDocument(name, operand, 40229).newRoot, evaluation);
    case '$replaceWith':
      return replaceRoot(name, operand, evaluation);
    default:
      return undefined;
  }
}

function unsetPaths(operand: unknown): string[] {
  const paths = Array.isArray(operand) ? operand : [operand];
  return paths.map((path) => {
    if (typeof path !== 'string')
      throw new CommandError(31002, '$unset specification must be a string or an array containing only strings');
    return path;
  });
}

function replaceRoot(stage: string, spec: unknown, evaluation: Evaluation): DocumentStage {
  const expression = compileExpression(spec);
  return (document) => {
    const root = expression(evaluation.on(document));
    const fields = fieldsOf(root);
    if (!fields) throw new CommandError(40228, `the new root of ${stage} must be an object, not ${typeOf(root)}`);
    return fields;
  };
}
