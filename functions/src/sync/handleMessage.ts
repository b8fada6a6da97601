import { hourMs, secondMs } from '../clock.ts';
import { type DeadLetterReason, deadLetterOf } from '../deadLetters/letter.ts';
import { continuationAttribute, decodeEvent, type EncodedMessage } from '../events/codec.ts';
import { partsOf } from '../events/version.ts';
import { errorText } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { ProjectRecordError } from '../records/projectRecord.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { AttemptFailedError } from './errors.ts';
import type { SyncWorker } from './worker.ts';

export interface MessageDependencies extends Pick<SyncDependencies, 'clock' | 'limits' | 'log'> {
  readonly worker: SyncWorker;
  readonly deadLetters: Publisher;
}

/** Handles one Pub/Sub message of the topic of events. Returning acknowledges it; throwing brings it again.
 *  What no redelivery can mend goes to the dead letters at once, what keeps failing after `maxAttempts`: never is anything dropped.
 *  @throws what the worker threw, or the dead letter topic did not take. */
export async function handleMessage(
  dependencies: MessageDependencies,
  message: EncodedMessage,
  budget: Budget,
): Promise<void> {
  const { worker, clock, limits, log } = dependencies;
  const decoded = decodeEvent(message.data);
  if (!decoded.ok) return putAside(dependencies, message, 'unreadable', decoded.reason, 1);
  const { event } = decoded;
  if (partsOf(event.version).seconds * secondMs > clock.now() + limits.maxFutureMs) {
    const error = `version ${event.version} lies more than ${limits.maxFutureMs / hourMs} hours in the future`;
    return putAside(dependencies, message, 'future-version', error, 1);
  }
  const startedAt = clock.now();
  const outcome = await worker.apply(event, budget).catch(async (error: unknown) => {
    if (isBecauseOfRecord(error)) {
      log.alarm('project-record-unreadable', 'work on a project stops: its record cannot be read', {
        projectId: event.projectId,
        eventId: event.id,
        error: errorText(error),
      });
      await putAside(dependencies, message, 'project-record', errorText(error), 1);
      return undefined;
    }
    if (error instanceof AttemptFailedError && error.attempt >= limits.maxAttempts) {
      await putAside(dependencies, message, 'attempts', errorText(error.cause), error.attempt);
      return undefined;
    }
    throw error;
  });
  if (outcome === undefined) return;
  if (outcome.kind === 'exhausted') {
    const error = outcome.lastError ?? 'the worker died without an error (crash, out of memory, or timeout)';
    return putAside(dependencies, message, 'attempts', error, outcome.attempts);
  }
  log.info(`event ${outcome.kind}`, {
    eventId: event.id,
    type: event.type,
    projectId: event.projectId,
    version: event.version,
    outcome: outcome.kind,
    ...('processed' in outcome && { processed: outcome.processed }),
    ...('state' in outcome && { state: outcome.state }),
    ...(continuationAttribute in message.attributes && { continuation: true }),
    tookMs: clock.now() - startedAt,
    lagMs: clock.now() - Date.parse(event.occurredAt),
  });
}

function isBecauseOfRecord(error: unknown): boolean {
  return (
    error instanceof ProjectRecordError ||
    (error instanceof AttemptFailedError && error.cause instanceof ProjectRecordError)
  );
}

async function putAside(
  { deadLetters, clock, log }: MessageDependencies,
  message: EncodedMessage,
  reason: DeadLetterReason,
  error: string,
  attempts: number,
): Promise<void> {
  await deadLetters.publish(deadLetterOf(message, reason, error, attempts, clock.now()));
  log.warn('message put aside as a dead letter', { reason, error, attempts, attributes: message.attributes });
}
