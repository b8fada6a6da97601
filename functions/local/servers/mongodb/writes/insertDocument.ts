import { ObjectId } from 'bson';
import { decode, encode } from '../bson/codec.ts';
import { orderKey } from '../bson/orderKey.ts';
import { type Document, isDocument, typeOf } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Operation } from '../operation.ts';
import type { Collection } from '../storage/collection.ts';
import { maxDocumentBytes } from '../topology.ts';

/** Inserts a document that is BSON already. An `_id` is made if there is none, and stands first. Returns the `_id`. */
export function insertDocument(operation: Operation, collection: Collection, bytes: Uint8Array): unknown {
  const document = decode(bytes);
  if (Object.keys(document)[0] === '_id') return insert(operation, collection, document, Buffer.from(bytes));
  const { _id = new ObjectId(), ...rest } = document;
  return insertDecoded(operation, collection, { _id, ...rest });
}

/** The same for a document that has been made here and whose `_id` stands first. */
export function insertDecoded(operation: Operation, collection: Collection, document: Document): unknown {
  return insert(operation, collection, document, encode(document));
}

function insert(operation: Operation, collection: Collection, document: Document, bytes: Uint8Array): unknown {
  requireStorable(document, bytes);
  operation.deployment.writer.write(
    {
      collection,
      idKey: orderKey(document._id),
      before: undefined,
      after: { bytes, document },
      change: { kind: 'insert', id: document._id, after: bytes },
    },
    operation.transaction,
  );
  return document._id;
}

/** Throws 53 or 52 for an `_id` that cannot be one, 10334 for a document that is too large. */
export function requireStorable(document: Document, bytes: Uint8Array): void {
  const type = typeOf(document._id);
  if (type === 'array' || type === 'regex' || type === 'undefined') {
    throw new CommandError(53, `The '_id' value cannot be of type ${type}`);
  }
  const dollar = isDocument(document._id) ? Object.keys(document._id).find((name) => name.startsWith('$')) : undefined;
  if (dollar !== undefined)
    throw new CommandError(52, `_id fields may not contain '$'-prefixed fields: ${dollar} is not valid for storage.`);
  if (bytes.length > maxDocumentBytes) {
    throw new CommandError(10334, `BSONObj size: ${bytes.length} is invalid, the limit is ${maxDocumentBytes}`);
  }
}
