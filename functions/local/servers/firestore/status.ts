import { status } from '@grpc/grpc-js';

/** The name of a gRPC status, such as `NOT_FOUND`. */
export type StatusName = keyof typeof status;

/** An error that reaches the client as a gRPC status. Anything else that is thrown reaches it as INTERNAL. */
export class FirestoreError extends Error {
  readonly code: number;
  /** @param code  what the client's error handling goes by
   *  @param message  worded as production words it, because client libraries and people match on it */
  constructor(code: StatusName, message: string) {
    super(message);
    this.name = 'FirestoreError';
    this.code = status[code];
  }
}

/** The client sent something that can never be served, whatever the state of the database. */
export const invalidArgument = (message: string) => new FirestoreError('INVALID_ARGUMENT', message);

/** The client asks for something that production has and this server does not: never ignored, because the answer would
 *  only look right. */
export const unimplemented = (what: string) =>
  new FirestoreError('UNIMPLEMENTED', `${what} is not supported by the embedded Firestore server.`);

/** The gRPC code that belongs to a thrown value: its own, or INTERNAL. */
export function codeOf(error: unknown): number {
  return error instanceof FirestoreError ? error.code : status.INTERNAL;
}

/** Whether `name` is the name of a gRPC status. */
export function isStatusName(name: string | number): name is StatusName {
  return typeof name === 'string' && name in status;
}
