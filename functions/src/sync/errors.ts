import { isTransientCall } from '../grpc.ts';
import { isFromMongo } from '../source/fromMongo.ts';

/** Whether the same call to Firestore, Pub/Sub or MongoDB may succeed when it is made again. Where MongoDB was asked,
 *  its driver has been loaded; work that does not need it does not load it here. */
export async function isTransient(error: unknown): Promise<boolean> {
  if (!isFromMongo(error)) return isTransientCall(error);
  const { sourceErrorKind } = await import('../source/sourceErrors.ts');
  return sourceErrorKind(error) === 'passing';
}

/** Another worker holds the project; this delivery has to be redelivered when that one has finished or is known to be
 *  dead. */
export class ProjectBusyError extends Error {
  constructor(eventId: string, untilMs: number) {
    super(
      `the project of event ${eventId} is being worked on, until ${new Date(untilMs).toISOString()} at the latest; ` +
        'this delivery is refused so that it is redelivered',
    );
    this.name = 'ProjectBusyError';
  }
}

/** An event is ahead of this clock, and of MongoDB, by no more than clocks differ: a worker whose clock is ahead may
 *  have begun with it already. Its time comes within seconds. */
export class NotYetError extends Error {
  constructor(eventId: string, reached: string) {
    super(
      `event ${eventId} lies ahead of this clock and of MongoDB, which has reached ${reached}; ` +
        'this delivery is refused so that it is redelivered when its time has come',
    );
    this.name = 'NotYetError';
  }
}

/** Messages before this one hold the memory that it needs. */
export class NoMemoryError extends Error {
  constructor(messageId: string | undefined) {
    super(
      `message ${messageId ?? 'without an id'} waited for memory until its time was over; this delivery is refused so ` +
        'that it is redelivered. If that happens often, give syncProject more memory or a lower concurrency',
    );
    this.name = 'NoMemoryError';
  }
}

/** Another worker took the project over, because this one did not renew its lease in time; nothing was written since.
 */
export class LeaseLostError extends Error {
  constructor(projectId: string) {
    super(
      `the work lease of project ${projectId} was taken over by another worker; this delivery stops and is redelivered`,
    );
    this.name = 'LeaseLostError';
  }
}

/** What a message is about cannot be parked, and is paused: its delivery is refused, which counts as no failure. */
export class WorkPausedError extends Error {
  constructor(eventId: string, why: string) {
    super(`event ${eventId} cannot be applied now (${why}); this delivery is refused so that it is redelivered`);
    this.name = 'WorkPausedError';
  }
}

/** The record of a project could not take an event in; the cause says why. */
export class ClaimFailedError extends Error {
  constructor(eventId: string, cause: unknown) {
    super(`event ${eventId} could not be taken into the record of its project`, { cause });
    this.name = 'ClaimFailedError';
  }
}

/** More assets than can be kept one by one refused the write. */
export class TooManyRefusedError extends Error {
  constructor(refused: number, cause: unknown) {
    super(`Firestore refused the write of ${refused} assets, each by itself; the work on the project stops`, { cause });
    this.name = 'TooManyRefusedError';
  }
}

/** One delivery's work on an event failed; the cause says why. A repair is no attempt that the record of its project
 *  counts: null. */
export class AttemptFailedError extends Error {
  readonly attempt: number | null;
  constructor(eventId: string, attempt: number | null, cause: unknown) {
    super(`${attempt === null ? 'the repair for' : `attempt ${attempt} to apply`} event ${eventId} failed`, { cause });
    this.name = 'AttemptFailedError';
    this.attempt = attempt;
  }
}
