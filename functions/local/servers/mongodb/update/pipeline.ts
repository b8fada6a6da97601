import { compileDocumentStage } from '../aggregate/documentStages.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, failedToParse } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';

const allowed: ReadonlySet<string> = new Set([
  '$addFields',
  '$set',
  '$project',
  '$unset',
  '$replaceRoot',
  '$replaceWith',
]);

/** Compiles an update that is a pipeline: the few stages that make one document of one. */
export function compileUpdatePipeline(
  stages: readonly unknown[],
  evaluation: Evaluation,
): (document: Document) => Document {
  const steps = stages.map((stage) => {
    if (!isDocument(stage)) throw failedToParse('Each element of the update pipeline must be an object');
    const [name = '', operand] = Object.entries(stage)[0] ?? [];
    if (!allowed.has(name)) throw new CommandError(72, `${name} is not allowed to be used within an update`);
    return compileDocumentStage(name, operand, evaluation);
  });
  return (document) => steps.reduce((result: Document, step) => step?.(result) ?? result, document);
}
