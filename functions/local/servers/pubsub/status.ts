import { status } from '@grpc/grpc-js';

/** A call that ends with a gRPC status other than OK; the message is what the client sees. */
export class RpcError extends Error {
  readonly code: status;
  /** Encoded `google.rpc.Status` for the client's code. */
  readonly statusDetails: Buffer | undefined;

  constructor(code: status, message: string, statusDetails?: Buffer) {
    super(message);
    this.statusDetails = statusDetails;
    this.name = 'RpcError';
    this.code = code;
  }
}

/** The last part of a resource name: production's messages name resources by it alone. */
function shortName(resource: string): string {
  return resource.slice(resource.lastIndexOf('/') + 1);
}

export function notFound(resource: string): RpcError {
  return new RpcError(status.NOT_FOUND, `Resource not found (resource=${shortName(resource)}).`);
}

export function alreadyExists(resource: string): RpcError {
  return new RpcError(
    status.ALREADY_EXISTS,
    `Resource already exists in the project (resource=${shortName(resource)}).`,
  );
}

export function invalidArgument(message: string): RpcError {
  return new RpcError(status.INVALID_ARGUMENT, message);
}

/** A value over a documented limit of the service. */
export function tooLarge(what: string, value: number, limit: number): RpcError {
  return invalidArgument(
    `The value for ${what} is too large. You passed ${value} in the request, but the maximum value is ${limit}.`,
  );
}

export function failedPrecondition(message: string): RpcError {
  return new RpcError(status.FAILED_PRECONDITION, message);
}

/** A call that needs messages, on a subscription that has left its topic. */
export function detached(subscription: string): RpcError {
  return failedPrecondition(`The subscription is detached from its topic (subscription=${shortName(subscription)}).`);
}

/** A part of the API that this local server leaves out. */
export function notOffered(what: string): RpcError {
  return new RpcError(
    status.UNIMPLEMENTED,
    `${what}: the local Pub/Sub server does not offer this. Use the service itself for it.`,
  );
}

/** The numeric code of a gRPC status name such as `UNAVAILABLE`; numbers pass. An unknown name is UNKNOWN. */
export function statusCode(code: string | number): status {
  if (typeof code === 'number') return code in status ? code : status.UNKNOWN;
  const entry = Object.entries(status).find(([name, value]) => name === code && typeof value === 'number');
  return typeof entry?.[1] === 'number' ? entry[1] : status.UNKNOWN;
}
