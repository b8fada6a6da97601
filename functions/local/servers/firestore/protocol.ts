import { createRequire } from 'node:module';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** The largest request that production accepts, in bytes: the published limit of 10 MiB is that of a transaction, and
 *  the request around it may have one more. */
export const maxRequestBytes = 11 * 1024 * 1024;

export interface Received<Request> {
  /** Undefined if the request is larger than allowed: then it is not even decoded. */
  readonly message: Request | undefined;
}

/** The parts of protobufjs' JSON descriptor that are looked at here. */
interface Descriptor {
  nested?: Record<string, Descriptor>;
  fields?: Record<string, { type: string }>;
}

const opaqueTypes = new Set(['Document', 'Value']);

/** Declares every field of type Document or Value to be bytes, which look the same on the wire. proto-loader then
 *  leaves them encoded: they are kept, compared and sent back without becoming objects and bytes again each time. */
function withOpaqueDocuments(descriptor: Descriptor): Descriptor {
  const copy = { ...descriptor };
  if (descriptor.nested) {
    copy.nested = Object.fromEntries(
      Object.entries(descriptor.nested).map(([name, inner]) => [name, withOpaqueDocuments(inner)]),
    );
  }
  if (descriptor.fields) {
    copy.fields = Object.fromEntries(
      Object.entries(descriptor.fields).map(([name, field]) => [
        name,
        opaqueTypes.has(field.type) ? { ...field, type: 'bytes' } : field,
      ]),
    );
  }
  return copy;
}

/** The Firestore service, from the descriptor that the client library ships. Requests are decoded to `Received`;
 *  responses that are a Document are its encoding. */
export function loadFirestoreService(): ServiceDefinition {
  const require = createRequire(import.meta.url);
  // The file is JSON of known origin; its shape is checked by protobufjs when it builds the types.
  const json: Descriptor = require('@google-cloud/firestore/build/protos/v1.json');
  const loaded = fromJSON(withOpaqueDocuments(json), { longs: String, enums: String, arrays: true });
  const service = loaded['google.firestore.v1.Firestore'];
  if (!service || 'format' in service) {
    throw new Error('@google-cloud/firestore ships no google.firestore.v1.Firestore service in build/protos/v1.json.');
  }
  return Object.fromEntries(Object.entries(service).map(([name, method]) => [name, adapted(name, method)]));
}

const answersWithDocument = new Set(['GetDocument', 'CreateDocument', 'UpdateDocument']);

function adapted<Request, Response>(
  name: string,
  method: MethodDefinition<Request, Response>,
): MethodDefinition<unknown, unknown> {
  return {
    path: method.path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: (value) => method.requestSerialize(value as Request),
    requestDeserialize: (bytes): Received<Request> => ({
      message: bytes.length > maxRequestBytes ? undefined : method.requestDeserialize(bytes),
    }),
    responseSerialize: answersWithDocument.has(name)
      ? (value) => value as Buffer
      : (value) => method.responseSerialize(value as Response),
    responseDeserialize: method.responseDeserialize,
  };
}
