/** gRPC status codes (https://grpc.io/docs/guides/status-codes/) after which the same call can succeed: cancelled, unknown, deadline exceeded,
 *  resource exhausted, aborted, internal, unavailable. */
const passing: ReadonlySet<unknown> = new Set([1, 2, 4, 8, 10, 13, 14]);

const invalidArgument = 3;
const notFound = 5;
const alreadyExists = 6;
const failedPrecondition = 9;

/** Whether a failed call to a Google service may succeed when it is made again. A code that is a text comes from below (`ECONNRESET`, `ENOTFOUND`)
 *  and passes as well; an error without any code is a defect or a configuration that no retry mends. */
export function isPassingServiceError(error: unknown): boolean {
  const code = codeOf(error);
  return typeof code === 'string' || passing.has(code);
}

/** Whether Pub/Sub has looked at the message and will never take it. */
export function isRefusedMessage(error: unknown): boolean {
  return codeOf(error) === invalidArgument;
}

/** Whether Firestore refused a write because the document is not in the state that it was meant for. */
export function isOvertaken(error: unknown): boolean {
  const code = codeOf(error);
  return code === failedPrecondition || code === alreadyExists || code === notFound;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
