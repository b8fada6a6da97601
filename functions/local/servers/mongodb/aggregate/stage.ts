import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';

/** What stages may need from outside: other collections and randomness. */
export interface PipelineSources {
  /** The documents of a collection that meet a filter; an index is used if one helps. */
  read(collection: string, filter: Document): Iterable<Document>;
  readonly random: () => number;
}

export interface PipelineContext {
  readonly evaluation: Evaluation;
  readonly sources: PipelineSources;
  /** Compiles a pipeline inside of a stage. */
  compile(pipeline: unknown, evaluation: Evaluation): Pipeline;
}

/** Documents in, documents out; lazy where the stage allows it. */
export type Pipeline = (documents: Iterable<Document>) => Iterable<Document>;

export type StageCompiler = (operand: unknown, context: PipelineContext) => Pipeline;

/** The operand of a stage that takes an object. */
export function operandDocument(stage: string, operand: unknown, code = 9): Document {
  if (!isDocument(operand)) throw new CommandError(code, `the ${stage} specification must be an object`);
  return operand;
}

export type StageTable = Readonly<Record<string, StageCompiler>>;
