import type { Document } from '../bson/values.ts';
import type { Deployment } from '../deployment.ts';
import type { Operation } from '../operation.ts';
import { type Collection, createCollection } from '../storage/collection.ts';

export interface Namespace {
  readonly db: string;
  readonly name: string;
}

/** A collection that need not be there: then it is like an empty one, so that what is asked is checked all the same. */
export const collectionOrEmpty = ({ catalog }: Deployment, { db, name }: Namespace): Collection =>
  catalog.find(db, name) ?? createCollection({ db, name, options: {} });

/** The collection of a write; it is made when it is not there yet. */
export function collectionForWrite(operation: Operation, { db, name }: Namespace): Collection {
  return operation.deployment.catalog.find(db, name) ?? createAndLog(operation, db, name, {});
}

/** Makes a collection and logs that. */
export function createAndLog({ deployment }: Operation, db: string, name: string, options: Document): Collection {
  const collection = deployment.catalog.create(db, name, options);
  deployment.writer.log(collection, { kind: 'create', options });
  return collection;
}
