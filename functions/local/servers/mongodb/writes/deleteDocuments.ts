import type { Document } from '../bson/values.ts';
import type { Operation } from '../operation.ts';
import { readDocuments } from '../query/read.ts';
import type { Collection } from '../storage/collection.ts';

export interface DeleteStatement {
  readonly filter: Document;
  /** Only the first document that matches. */
  readonly single: boolean;
  readonly sort?: Document | undefined;
  readonly variables?: Document | undefined;
}

/** Runs one delete statement; returns how many documents went, and the last of them. */
export function deleteDocuments(
  operation: Operation,
  collection: Collection,
  statement: DeleteStatement,
): { deleted: number; before?: Document } {
  const { deployment, transaction } = operation;
  const evaluation = statement.variables ? operation.evaluation.with(statement.variables) : operation.evaluation;
  const query = { filter: statement.filter, sort: statement.sort, limit: statement.single ? 1 : 0 };
  const found = [...readDocuments(operation.view(collection), query, evaluation)];
  for (const { idKey } of found) deployment.writer.claim(collection, idKey, transaction);
  for (const { idKey, bytes, document } of found) {
    const images = collection.keepsImages ? { before: bytes } : undefined;
    const change = { kind: 'delete', id: document._id, images } as const;
    deployment.writer.write({ collection, idKey, before: bytes, after: undefined, change }, transaction);
  }
  const last = found.at(-1);
  return last ? { deleted: found.length, before: last.document } : { deleted: 0 };
}
