import { valuesAt } from '../bson/paths.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, failedToParse } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Expression } from '../expression/expression.ts';
import { operandDocument, type PipelineContext, type StageTable } from './stage.ts';
import { withValueAt } from './streamStages.ts';

function text(stage: string, spec: Document, field: string): string {
  const value = spec[field];
  if (typeof value !== 'string') throw failedToParse(`${stage} argument '${field}' must be a string`);
  return value;
}

/** The filter that finds the documents whose `field` equals a value, or one of an array's elements. */
function equalityFilter(field: string, values: readonly unknown[]): Document {
  if (values.length === 0) return { [field]: { $eq: null } };
  return values.length === 1 ? { [field]: { $eq: values[0] } } : { [field]: { $in: values } };
}

function lookup(operand: unknown, { sources, evaluation, compile }: PipelineContext) {
  const spec = operandDocument('$lookup', operand);
  const as = text('$lookup', spec, 'as').split('.');
  const from = spec.from === undefined ? undefined : text('$lookup', spec, 'from');
  const localField = spec.localField === undefined ? undefined : text('$lookup', spec, 'localField').split('.');
  const foreignField = localField ? text('$lookup', spec, 'foreignField') : '';
  const variables: [string, Expression][] = Object.entries(isDocument(spec.let) ? spec.let : {}).map(
    ([name, value]) => [name, compileExpression(value)],
  );
  // Unknown stages are to be refused at once, not with the first document.
  const placeholders = Object.fromEntries(variables.map(([name]) => [name, null]));
  if (spec.pipeline !== undefined) compile(spec.pipeline, evaluation.with(placeholders));
  return function* (documents: Iterable<Document>): Generator<Document> {
    for (const document of documents) {
      const filter = localField ? equalityFilter(foreignField, valuesAt(document, localField)) : {};
      let joined: Iterable<Document> = from === undefined ? [] : sources.read(from, filter);
      if (spec.pipeline !== undefined) {
        const scope = evaluation.on(document);
        const bound = Object.fromEntries(variables.map(([name, value]) => [name, value(scope) ?? null]));
        joined = compile(spec.pipeline, evaluation.with(bound))(joined);
      }
      yield withValueAt(document, as, [...joined]);
    }
  };
}

export const joinStages: StageTable = {
  $lookup: lookup,
  $changeStream: () => {
    throw new CommandError(40602, '$changeStream is only valid as the first stage in a pipeline');
  },
};
