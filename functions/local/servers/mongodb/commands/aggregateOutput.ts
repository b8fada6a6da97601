import { stageParts } from '../aggregate/pipeline.ts';
import { encode } from '../bson/codec.ts';
import { equalValues, orderKey } from '../bson/orderKey.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError, failedToParse, notImplemented } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { deleteDocuments } from '../writes/deleteDocuments.ts';
import { insertDocument } from '../writes/insertDocument.ts';
import { collectionForWrite, type Namespace } from '../writes/targetCollection.ts';
import { updateDocuments } from '../writes/updateDocuments.ts';

/** The last stage of a pipeline that writes its result into a collection. */
export type Output = Namespace &
  (
    | { readonly kind: 'out' }
    | { readonly kind: 'merge'; readonly whenMatched: unknown; readonly whenNotMatched: unknown }
  );

const whenMatchedModes: ReadonlySet<unknown> = new Set(['merge', 'replace', 'keepExisting', 'fail']);
const whenNotMatchedModes: ReadonlySet<unknown> = new Set(['insert', 'discard', 'fail']);

function place(target: unknown, db: string): Namespace {
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
  const {
    into,
    on = '_id',
    whenMatched = 'merge',
    whenNotMatched = 'insert',
  } = isDocument(operand) ? operand : { into: operand };
  if (!equalValues(on, '_id') && !equalValues(on, ['_id'])) throw notImplemented("$merge 'on' other fields than _id");
  if (Array.isArray(whenMatched)) throw notImplemented('$merge with a pipeline');
  if (!whenMatchedModes.has(whenMatched) || !whenNotMatchedModes.has(whenNotMatched))
    throw badValue('$merge has an unknown value for whenMatched or whenNotMatched');
  return { stages, output: { kind: 'merge', ...place(into, db), whenMatched, whenNotMatched } };
}

/** Writes the result. `$out` replaces the content of the collection; a real server renames another over it. */
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
  const { whenMatched, whenNotMatched } = output;
  if (operation.view(collection).get(orderKey(document._id)) === undefined) {
    if (whenNotMatched === 'fail')
      throw new CommandError(13113, '$merge could not find a matching document in the target collection');
    if (whenNotMatched === 'insert') insertDocument(operation, collection, encode(document));
    return;
  }
  if (whenMatched === 'keepExisting') return;
  if (whenMatched === 'fail')
    throw new CommandError(11000, '$merge found a matching document, and whenMatched is "fail"');
  const base = whenMatched === 'replace' ? { _id: '$_id' } : '$$ROOT';
  updateDocuments(operation, output, {
    filter: { _id: { $eq: document._id } },
    update: [{ $replaceWith: { $mergeObjects: [base, { $literal: document }] } }],
    multi: false,
    upsert: false,
    arrayFilters: [],
  });
}
