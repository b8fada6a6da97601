import { encode } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { failedToParse } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { type Found, readDocuments } from '../query/read.ts';
import { toTimestamp } from '../storage/clusterClock.ts';
import type { Collection } from '../storage/collection.ts';
import type { Change, Images } from '../storage/oplog.ts';
import { compileUpdate, type UpdateContext, type UpdateOutcome } from '../update/compile.ts';
import { upsertedDocument } from '../update/upsert.ts';
import { insertDecoded, requireStorable } from './insertDocument.ts';
import { collectionForWrite, collectionOrEmpty, type Namespace } from './targetCollection.ts';

/** One update statement. */
export interface UpdateStatement {
  readonly filter: Document;
  readonly update: unknown;
  readonly multi: boolean;
  readonly upsert: boolean;
  readonly arrayFilters: readonly unknown[];
  readonly sort?: Document | undefined;
  readonly hint?: unknown;
  /** The constants (`c`) that a pipeline may name. */
  readonly variables?: Document | undefined;
}

export interface UpdateResult {
  readonly matched: number;
  readonly modified: number;
  readonly upserted?: { readonly id: unknown };
  /** The document before and after, of the last one that was matched or inserted. */
  readonly before?: Document;
  readonly after?: Document;
}

/** Runs one update statement as a whole: all documents are found first, then changed. */
export function updateDocuments(operation: Operation, target: Namespace, statement: UpdateStatement): UpdateResult {
  const evaluation = statement.variables ? operation.evaluation.with(statement.variables) : operation.evaluation;
  const update = compileUpdate(statement.update, statement.arrayFilters, evaluation);
  if (update.replacement && statement.multi)
    throw failedToParse('multi update is not supported for replacement-style update');
  const { deployment, transaction } = operation;
  const context = (inserting: boolean, arrayIndex?: number): UpdateContext => ({
    inserting,
    arrayIndex,
    now: deployment.clock.now(),
    clusterTime: toTimestamp(deployment.clusterClock.current()),
  });
  const collection = collectionOrEmpty(deployment, target);
  const { filter, sort, hint, multi } = statement;
  const query = { filter, sort, hint, limit: multi ? 0 : 1 };
  const found = [...readDocuments(operation.view(collection), query, evaluation)];
  for (const { idKey } of found) deployment.writer.claim(collection, idKey, transaction);
  if (found.length === 0 && statement.upsert) {
    const after = upsertedDocument(statement.filter, update, context(true));
    const id = insertDecoded(operation, collectionForWrite(operation, target), after);
    return { matched: 0, modified: 0, upserted: { id }, after };
  }
  let modified = 0;
  let last: { before: Document; after: Document } | undefined;
  for (const item of found) {
    const outcome = update.apply(item.document, context(false, item.trace.arrayIndex));
    last = { before: item.document, after: outcome.kind === 'unchanged' ? item.document : outcome.after };
    if (outcome.kind === 'unchanged') continue;
    writeOutcome(operation, collection, item, outcome);
    modified += 1;
  }
  return { matched: found.length, modified, ...last };
}

function writeOutcome(
  { deployment, transaction }: Operation,
  collection: Collection,
  { idKey, bytes: before, document }: Found,
  outcome: Exclude<UpdateOutcome, { kind: 'unchanged' }>,
): void {
  const bytes = encode(outcome.after);
  requireStorable(outcome.after, bytes);
  const images: Images | undefined = collection.keepsImages ? { before, after: bytes } : undefined;
  const change: Change =
    outcome.kind === 'replace'
      ? { kind: 'replace', id: document._id, after: bytes, images }
      : { kind: 'update', id: document._id, description: outcome.description, images };
  deployment.writer.write(
    { collection, idKey, before, after: { bytes, document: outcome.after }, change },
    transaction,
  );
}
