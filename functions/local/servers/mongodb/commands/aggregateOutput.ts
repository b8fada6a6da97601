import { stageParts } from '../aggregate/pipeline.ts';
import { decode, encode } from '../bson/codec.ts';
import { orderKey } from '../bson/orderKey.ts';
import { valueAt } from '../bson/paths.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, failedToParse } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { deleteDocuments } from '../writes/deleteDocuments.ts';
import { insertDocument } from '../writes/insertDocument.ts';
import { collectionForWrite } from '../writes/targetCollection.ts';
import { updateDocuments } from '../writes/updateDocuments.ts';

/** The last stage of a pipeline that writes its result into a collection. */
export type Output =
  | { readonly kind: 'out'; readonly db: string; readonly name: string }
  | {
      readonly kind: 'merge';
      readonly db: string;
      readonly name: string;
      readonly on: readonly string[];
      readonly whenMatched: unknown;
      readonly whenNotMatched: unknown;
    };

function place(target: unknown, db: string): { db: string; name: string } {
  if (typeof target === 'string') return { db, name: target };
  if (isDocument(target) && typeof target.db === 'string' && typeof target.coll === 'string')
    return { db: target.db, name: target.coll };
  throw failedToParse('the output of a pipeline must be a collection name or { db, coll }');
}

/** Splits `$out` or `$merge` off the end of a pipeline. */
export function parseOutput(
  pipeline: readonly unknown[],
  db: string,
): { stages: readonly unknown[]; output: Output | undefined } {
  const last = pipeline.at(-1);
  const [name, operand] = last === undefined ? ['', undefined] : stageParts(last);
  const stages = pipeline.slice(0, -1);
  if (name === '$out') return { stages, output: { kind: 'out', ...place(operand, db) } };
  if (name !== '$merge') return { stages: pipeline, output: undefined };
  const spec: Document = isDocument(operand) ? operand : { into: operand };
  const on = spec.on === undefined ? ['_id'] : Array.isArray(spec.on) ? spec.on.map(String) : [String(spec.on)];
  return {
    stages,
    output: {
      kind: 'merge',
      ...place(spec.into, db),
      on,
      whenMatched: spec.whenMatched ?? 'merge',
      whenNotMatched: spec.whenNotMatched ?? 'insert',
    },
  };
}

/**
 * Writes what a pipeline gave. `$out` replaces the content of the collection; a real server does that by a rename,
 * which nobody sees here either.
 */
export async function writeOutput(operation: Operation, output: Output, documents: readonly Document[]): Promise<void> {
  const collection = collectionForWrite(operation, output);
  let statement = 0;
  const run = async (write: () => void) => {
    await operation.once(statement, write);
    statement += 1;
  };
  if (output.kind === 'out') {
    await run(() => deleteDocuments(operation, output, { filter: {}, single: false }));
    for (const document of documents) await run(() => insertDocument(operation, collection, encode(document)));
    return;
  }
  for (const document of documents) {
    await run(() => {
      mergeDocument(operation, output, document);
    });
  }
}

function mergeDocument(operation: Operation, output: Extract<Output, { kind: 'merge' }>, document: Document): void {
  const collection = collectionForWrite(operation, output);
  const filter = Object.fromEntries(output.on.map((path) => [path, { $eq: valueAt(document, path.split('.')) }]));
  const single = output.on.length === 1 && output.on[0] === '_id';
  const existing = single ? operation.view(collection).get(orderKey(document._id)) : undefined;
  const found =
    existing !== undefined || (!single && updateDocuments(operation, output, statementFor(filter, [])).matched > 0);
  if (!found) {
    if (output.whenNotMatched === 'fail')
      throw new CommandError(
        13113,
        '$merge could not find a matching document in the target collection for at least one document in the source collection',
      );
    if (output.whenNotMatched === 'insert') insertDocument(operation, collection, encode(document));
    return;
  }
  const { whenMatched } = output;
  if (whenMatched === 'keepExisting') return;
  if (whenMatched === 'fail')
    throw new CommandError(11000, '$merge found a matching document, and whenMatched is "fail"');
  const pipeline = Array.isArray(whenMatched)
    ? whenMatched
    : whenMatched === 'replace'
      ? [{ $replaceWith: { $mergeObjects: [{ _id: '$_id' }, { $literal: document }] } }]
      : [{ $replaceWith: { $mergeObjects: ['$$ROOT', { $literal: document }] } }];
  updateDocuments(operation, output, {
    ...statementFor(filter, pipeline),
    variables: { new: decode(encode(document)) },
  });
}

const statementFor = (filter: Document, update: readonly unknown[]) => ({
  filter,
  update,
  multi: false,
  upsert: false,
  arrayFilters: [],
});
