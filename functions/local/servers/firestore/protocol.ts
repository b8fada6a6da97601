import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** The largest request that production accepts, in bytes: the published limit of 10 MiB is that of a transaction, and
 *  the request around it may have one more. */
export const maxRequestBytes = 11 * 1024 * 1024;

/** A request as it arrived. */
export interface Received<Request> {
  /** Undefined if the request is larger than allowed: then it is not even decoded. */
  readonly message: Request | undefined;
}

/** Fields of these types are declared to be bytes, which look the same on the wire. proto-loader then leaves them
 *  encoded: they are kept, compared and sent back without becoming objects and bytes again each time. */
const opaqueTypes = ['Document', 'Value'];

let loadedService: ServiceDefinition | undefined;

/** The Firestore service, from the descriptor that the client library ships: loaded once, because it is the larger part
 *  of starting a server. Requests are decoded to `Received`; responses that are a Document are its encoding. */
export function firestoreService(): ServiceDefinition {
  loadedService ??= loadService();
  return loadedService;
}

function loadService(): ServiceDefinition {
  const require = createRequire(import.meta.url);
  const json = readFileSync(require.resolve('@google-cloud/firestore/build/protos/v1.json'), 'utf8');
  const descriptor = JSON.parse(json, (key, value) =>
    key === 'type' && opaqueTypes.includes(value) ? 'bytes' : value,
  );
  const loaded = fromJSON(descriptor, { longs: String, enums: String, arrays: true });
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
