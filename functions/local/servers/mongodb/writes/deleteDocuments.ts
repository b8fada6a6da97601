import type { Document } from '../bson/values.ts';
import type { Operation } from '../operation.ts';
import { readDocuments } from '../query/read.ts';
import { collectionOrEmpty, type Namespace } from './targetCollection.ts';

export interface DeleteStatement {
  readonly filter: Document;
  /** Only the first document that matches. */
  readonly single: boolean;
  readonly sort?: Document | undefined;
  readonly hint?: unknown;
}

/** Runs one delete statement; returns how many documents went, and the last of them. */
export function deleteDocuments(
  operation: Operation,
  target: Namespace,
  statement: DeleteStatement,
): { deleted: number; before?: Document } {
  const { deployment, transaction } = operation;
  const collection = collectionOrEmpty(deployment, target);
  const { filter, sort, hint, single } = statement;
  const query = { filter, sort, hint, limit: single ? 1 : 0 };
  const found = [...readDocuments(operation.view(collection), query, operation.evaluation)];
  for (const { idKey } of found) deployment.writer.claim(collection, idKey, transaction);
  for (const { idKey, bytes, document } of found) {
    const images = collection.keepsImages ? { before: bytes } : undefined;
    const change = { kind: 'delete', id: document._id, images } as const;
    deployment.writer.write({ collection, idKey, before: bytes, after: undefined, change }, transaction);
  }
  const last = found.at(-1);
  return last ? { deleted: found.length, before: last.document } : { deleted: 0 };
}
