import { isFromMongo } from '../source/fromMongo.ts';

/** gRPC status codes as the Firestore client reports them in `error.code`: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const grpcStatus = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
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

/** gRPC status code of an error, if it has one. The numbers of MongoDB mean something else: its 13 is `Unauthorized`. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || isFromMongo(error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}

/** Whether the same call may succeed when it is made again. An expired transaction is reported as INVALID_ARGUMENT, and starting a new one mends it.
 *  Where MongoDB was asked, its driver has been loaded; work that does not need it does not load it here. */
export async function isTransient(error: unknown): Promise<boolean> {
  if (isFromMongo(error)) {
    const { sourceErrorKind } = await import('../source/sourceErrors.ts');
    return sourceErrorKind(error) === 'passing';
  }
  const status = statusOf(error);
  if (status === undefined) return false;
  if (status === grpcStatus.invalidArgument)
    return error instanceof Error && /transaction has expired/i.test(error.message);
  return transient.has(status);
}

/** Whether Firestore asks for fewer calls at once: too much load, or too many transactions in each other's way. */
export function asksForLess(error: unknown): boolean {
  const status = statusOf(error);
  return status === grpcStatus.resourceExhausted || status === grpcStatus.aborted;
}

/** Whether a transaction has more documents or index entries than Firestore takes at once; how many that are depends on the documents, and it
 *  says so only in the text (https://github.com/firebase/firebase-tools/issues/1036). */
export function isTooBig(error: unknown): boolean {
  const says = error instanceof Error && /too big|too large|exceeds the maximum/i.test(error.message);
  return says && statusOf(error) === grpcStatus.invalidArgument;
}

/** Another delivery of the same event holds the project, or a worker that no message would bring back; this delivery has to come again, when the other one has
 *  finished or is known to be dead. */
export class ProjectBusyError extends Error {
  constructor(eventId: string, untilMs: number) {
    super(
      `the project of event ${eventId} is being worked on until ${new Date(untilMs).toISOString()} at the latest, by an earlier delivery or a reconciliation; this delivery is refused so that it comes again`,
    );
    this.name = 'ProjectBusyError';
  }
}

/** Another worker took the project over, because this one did not renew its lease in time; nothing was written since. */
export class LeaseLostError extends Error {
  constructor(projectId: string) {
    super(
      `the work lease of project ${projectId} was taken over by another worker; this delivery stops and comes again`,
    );
    this.name = 'LeaseLostError';
  }
}

/** A deletion whose version lies beyond what MongoDB has reached, of a project that is alive there: its producer is wrong. */
export class ContradictedError extends Error {
  constructor(projectId: string) {
    super(
      `project ${projectId} is alive in MongoDB, but the newest deletion event carries a version from the future; nothing was deleted. ` +
        `Check who published it, and remove the record of the project if the version is wrong`,
    );
    this.name = 'ContradictedError';
  }
}

/** One delivery's work on an event failed; the cause says why. */
export class AttemptFailedError extends Error {
  readonly attempt: number;
  constructor(eventId: string, attempt: number, cause: unknown) {
    super(`attempt ${attempt} to apply event ${eventId} failed`, { cause });
    this.name = 'AttemptFailedError';
    this.attempt = attempt;
  }
}
