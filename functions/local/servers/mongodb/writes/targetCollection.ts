import type { Document } from '../bson/values.ts';
import type { Operation } from '../operation.ts';
import type { Collection } from '../storage/collection.ts';

/** The collection of a write; it is made when it is not there yet. */
export function collectionForWrite(operation: Operation, db: string, name: string): Collection {
  return operation.deployment.catalog.find(db, name) ?? createAndLog(operation, db, name, {});
}

/** Makes a collection and logs that. */
export function createAndLog({ deployment }: Operation, db: string, name: string, options: Document): Collection {
  const collection = deployment.catalog.create(db, name, options);
  deployment.writer.log(collection, { kind: 'create', options });
  return collection;
}
