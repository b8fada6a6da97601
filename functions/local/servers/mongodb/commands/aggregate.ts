import { compilePipeline, stageParts } from '../aggregate/pipeline.ts';
import type { PipelineSources } from '../aggregate/stage.ts';
import { encode } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { documentsSource } from '../cursors.ts';
import { CommandError, failedToParse } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import type { CommandTable, Operation, Reply } from '../operation.ts';
import { leadingStages } from '../query/leadingStages.ts';
import { type Query, readDocuments } from '../query/read.ts';
import { openChangeStream } from '../streams/changeStream.ts';
import { openRoutedStream } from '../streams/routedStream.ts';
import { parseStreamOptions } from '../streams/streamOptions.ts';
import { statisticsSource } from './aggregateStatistics.ts';
import { openCursor } from './cursorReply.ts';
import { explain } from './explain.ts';
import { atOneTime, viewForRead } from './readCommands.ts';
import { refuseCollation } from './writeCommands.ts';

/** Where the documents of a pipeline come from and what is left of it to run. */
interface Opening {
  readonly documents: Iterable<Document>;
  readonly rest: readonly unknown[];
}

function* readPlain(operation: Operation, name: string, query: Query, evaluation: Evaluation): Generator<Document> {
  for (const { document } of readDocuments(viewForRead(operation, name), query, evaluation)) yield document;
}

/** Lets the collection do the leading `$match`, `$sort` and `$limit`: with an index, they touch few documents. */
function openPipeline(
  operation: Operation,
  name: string,
  pipeline: readonly unknown[],
  evaluation: Evaluation,
): Opening {
  const { query, rest } = leadingStages(pipeline);
  return { documents: readPlain(operation, name, { ...query, hint: operation.fields.body.hint }, evaluation), rest };
}

function sourcesOf(operation: Operation, evaluation: Evaluation): PipelineSources {
  return {
    random: operation.deployment.random,
    read: (name, filter) => readPlain(operation, name, { filter }, evaluation),
  };
}

function changeStream(
  operation: Operation,
  spec: unknown,
  collection: string | undefined,
  rest: readonly unknown[],
  evaluation: Evaluation,
) {
  const { deployment, db, transaction } = operation;
  if (deployment.topology.replicaSet === undefined) {
    throw new CommandError(40573, 'The $changeStream stage is only supported on replica sets');
  }
  if (transaction) throw new CommandError(263, '$changeStream cannot run within a multi-document transaction');
  if (operation.readTime)
    throw new CommandError(72, "Aggregation stage $changeStream cannot run with a readConcern of 'snapshot'");
  const options = parseStreamOptions(spec, db, collection);
  const open = () => openChangeStream(deployment, options, rest, evaluation);
  return deployment.routed ? openRoutedStream(options, open) : open();
}

async function aggregate(operation: Operation): Promise<Reply> {
  const { fields, db } = operation;
  const target = fields.body.aggregate;
  const collection = typeof target === 'string' ? target : undefined;
  const namespace = `${db}.${collection ?? '$cmd.aggregate'}`;
  const pipeline = fields.requiredArray('pipeline');
  if (fields.boolean('explain')) return explain(operation, fields.body);
  const cursorOptions = fields.document('cursor');
  if (!cursorOptions) {
    throw failedToParse("The 'cursor' option is required, except for aggregate with the explain argument");
  }
  refuseCollation(fields.body);
  const size = cursorOptions.batchSize;
  const batchSize = size === undefined ? undefined : Number(size);
  const { evaluation } = operation;
  const first = pipeline[0];
  if (first !== undefined) {
    const [name, operand] = stageParts(first);
    if (name === '$changeStream') {
      const source = changeStream(operation, operand, collection, pipeline.slice(1), evaluation);
      return openCursor(operation, namespace, source, { batchSize, changeStream: true });
    }
  }
  const opening = open(operation, collection, pipeline, evaluation);
  const documents = compilePipeline(opening.rest, evaluation, sourcesOf(operation, evaluation))(opening.documents);
  const bytes = (function* () {
    for (const document of documents) yield encode(document);
  })();
  return openCursor(operation, namespace, documentsSource(atOneTime(operation, bytes)), { batchSize });
}

function open(
  operation: Operation,
  collection: string | undefined,
  stages: readonly unknown[],
  evaluation: Evaluation,
): Opening {
  const statistics = statisticsSource(operation, collection, stages);
  if (statistics) return { documents: statistics, rest: stages.slice(1) };
  if (collection !== undefined) return openPipeline(operation, collection, stages, evaluation);
  throw new CommandError(73, '{aggregate: 1} is not valid for this pipeline; a collection is required.');
}

export const aggregateCommands: CommandTable = { aggregate };
