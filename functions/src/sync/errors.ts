import { isTransientCall } from '../grpc.ts';
import { isFromMongo } from '../source/fromMongo.ts';

/** Whether the same call to Firestore, Pub/Sub or MongoDB may succeed when it is made again. Where MongoDB was asked, its driver has been
 *  loaded; work that does not need it does not load it here. */
export async function isTransient(error: unknown): Promise<boolean> {
  if (!isFromMongo(error)) return isTransientCall(error);
  const { sourceErrorKind } = await import('../source/sourceErrors.ts');
  return sourceErrorKind(error) === 'passing';
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
