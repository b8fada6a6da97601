import type { Document } from '../bson/values.ts';
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

export type StageTable = Readonly<Record<string, StageCompiler>>;
