import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import { compileDocumentStage } from './documentStages.ts';
import { groupStages } from './group.ts';
import { joinStages } from './joinStages.ts';
import type { Pipeline, PipelineContext, PipelineSources, StageTable } from './stage.ts';
import { streamStages } from './streamStages.ts';

const stageTable: StageTable = { ...streamStages, ...groupStages, ...joinStages };

/** Stages of a real server that this one refuses by name. */
const unsupported: ReadonlySet<string> = new Set(
  [
    '$bucket $bucketAuto $densify $documents $fill $geoNear $graphLookup $listSampledQueries $listSearchIndexes',
    '$merge $out $planCacheStats $sortByCount $unionWith',
    '$querySettings $queryStats $rankFusion $redact $search $searchMeta $setWindowFields $shardedDataDistribution',
    '$vectorSearch',
  ].flatMap((names) => names.split(' ')),
);

/** Compiles a pipeline. Throws 40324 for a stage it does not know. */
export function compilePipeline(pipeline: unknown, evaluation: Evaluation, sources: PipelineSources): Pipeline {
  if (!Array.isArray(pipeline)) throw new CommandError(14, 'A pipeline must be an array of objects');
  const context: PipelineContext = {
    evaluation,
    sources,
    compile: (inner, innerEvaluation) => compilePipeline(inner, innerEvaluation, sources),
  };
  const stages = pipeline.map((stage) => compileStage(stage, context));
  return (documents) => stages.reduce((result: Iterable<Document>, stage) => stage(result), documents);
}

/** The name and the operand of a stage. */
export function stageParts(stage: unknown): [name: string, operand: unknown] {
  if (!isDocument(stage)) throw new CommandError(14, "Each element of the 'pipeline' array must be an object");
  const entries = Object.entries(stage);
  const first = entries[0];
  if (!first || entries.length > 1)
    throw new CommandError(40323, 'A pipeline stage specification object must contain exactly one field.');
  return first;
}

function compileStage(stage: unknown, context: PipelineContext): Pipeline {
  const [name, operand] = stageParts(stage);
  const single = compileDocumentStage(name, operand, context.evaluation);
  if (single) {
    return function* (documents) {
      for (const document of documents) {
        const result = single(document);
        if (result) yield result;
      }
    };
  }
  const compiler = Object.hasOwn(stageTable, name) ? stageTable[name] : undefined;
  if (!compiler && unsupported.has(name)) throw notImplemented(name);
  if (!compiler) throw new CommandError(40324, `Unrecognized pipeline stage name: '${name}'`);
  return compiler(operand, context);
}
