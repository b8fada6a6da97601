import { isFromMongo } from './source/fromMongo.ts';

/** Status codes as the clients of Google's services report them in `error.code`:
 *  https://grpc.io/docs/guides/status-codes/ */
export const grpcStatus = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
} as const;

const transient: ReadonlySet<number> = new Set([
  grpcStatus.cancelled,
  grpcStatus.unknown,
  grpcStatus.deadlineExceeded,
  grpcStatus.resourceExhausted,
  grpcStatus.aborted,
  grpcStatus.internal,
  grpcStatus.unavailable,
]);

/** Status of an error, if it has one. The numbers of MongoDB mean something else: its 13 is `Unauthorized`. */
export function statusOf(error: unknown): number | undefined {
  const code = codeOf(error);
  return typeof code === 'number' ? code : undefined;
}

/** Whether a failed call to a Google service may succeed when it is made again. An error without a status or an error
 *  of a socket is a defect or a configuration. An expired transaction is reported as INVALID_ARGUMENT; a new one can
 *  succeed. */
export function isTransientCall(error: unknown): boolean {
  const code = codeOf(error);
  if (code === grpcStatus.invalidArgument) return isExpired(error);
  if (isTooBig(error)) return false;
  return typeof code === 'number' ? transient.has(code) : isSystemError(error);
}

/** Whether Pub/Sub has looked at the message and will never take it. */
export function isRefusedMessage(error: unknown): boolean {
  return statusOf(error) === grpcStatus.invalidArgument;
}

/** Whether Firestore refused a write because the document is not in the state that it was meant for. */
export function isOvertaken(error: unknown): boolean {
  const status = statusOf(error);
  return (
    status === grpcStatus.failedPrecondition || status === grpcStatus.alreadyExists || status === grpcStatus.notFound
  );
}

/** Whether Firestore asks for fewer calls at once: too much load, or too many transactions in each other's way. */
export function asksForLess(error: unknown): boolean {
  const status = statusOf(error);
  return status === grpcStatus.resourceExhausted || status === grpcStatus.aborted;
}

/** Whether a request has more than Firestore takes at once: bytes, documents or index entries. How many that are
 *  depends on the documents, and it says so only in the text
 *  (https://github.com/firebase/firebase-tools/issues/1036). */
export function isTooBig(error: unknown): boolean {
  const status = statusOf(error);
  const mayBe = status === grpcStatus.invalidArgument || status === grpcStatus.resourceExhausted;
  return mayBe && says(error, /too (big|large|many)|exceeds the (maximum|limit)|larger than max/i);
}

/** Whether Firestore has looked at a write and will never take it: another one may do. The end of a transaction's time
 *  says nothing of its writes. */
export function isRefusedWrite(error: unknown): boolean {
  const status = statusOf(error);
  const isRefused = status === grpcStatus.invalidArgument || status === grpcStatus.outOfRange;
  return isTooBig(error) || (isRefused && !isExpired(error));
}

function isExpired(error: unknown): boolean {
  return says(error, /transaction has expired/i);
}

/** Whether the operating system or the resolver failed (`ECONNRESET`, `ENOTFOUND`), rather than Node refusing a wrong
 *  call (`ERR_INVALID_ARG_TYPE`). */
export function isSystemError(error: unknown): boolean {
  const code = codeOf(error);
  return typeof code === 'string' && /^E(?!RR_)[A-Z0-9_]+$/.test(code);
}

function codeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('code' in error) || isFromMongo(error)) return undefined;
  return error.code;
}

function says(error: unknown, what: RegExp): boolean {
  return error instanceof Error && what.test(error.message);
}
