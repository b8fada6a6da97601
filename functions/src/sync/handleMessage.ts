import type { Firestore } from 'firebase-admin/firestore';
import type { DeadLetterReason } from '../deadLetters/letter.ts';
import { letterOf } from '../deadLetters/letter.ts';
import { namedAsset } from '../deadLetters/namedAsset.ts';
import { countFailedDelivery } from '../deadLetters/record.ts';
import { continuationAttribute, decodeEvent, type ReceivedMessage } from '../events/codec.ts';
import type { ProjectEvent } from '../events/contract.ts';
import { timeOf } from '../events/version.ts';
import { errorText } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { writeHistory } from '../records/historyEntry.ts';
import { ProjectRecordError } from '../records/projectRecord.ts';
import type { Budget, SyncDependencies } from './dependencies.ts';
import { AttemptFailedError, ClaimFailedError, NotYetError, ProjectBusyError } from './errors.ts';
import { admitMessage } from './memory/admitMessage.ts';
import { announcementAttribute, type Notification, notifyConverged } from './notifyConverged.ts';
import { configuredChanges, untaken } from './openEvents.ts';
import type { ApplyOutcome, SyncWorker } from './worker.ts';

export interface MessageDependencies
  extends Pick<SyncDependencies, 'clock' | 'config' | 'limits' | 'log' | 'memory' | 'truth'> {
  readonly firestore: Firestore;
  readonly worker: SyncWorker;
  readonly deadLetters: Publisher;
  /** Topic of converged projects; null where nobody is to be notified. */
  readonly converged: Publisher | null;
}

/** Handles one Pub/Sub message of the topic of events. Returning acknowledges it; throwing has it redelivered. What no
 *  redelivery can repair is dead-lettered at once, what keeps failing after `maxAttempts`: never is anything dropped.
 *  @throws what the worker threw, or the dead letter topic did not take; NoMemoryError. */
export async function handleMessage(
  dependencies: MessageDependencies,
  message: ReceivedMessage,
  budget: Budget,
): Promise<void> {
  const share = await admitMessage(dependencies, message, budget);
  try {
    await handleAdmitted(dependencies, message, budget);
  } finally {
    share?.release();
  }
}

async function handleAdmitted(
  dependencies: MessageDependencies,
  message: ReceivedMessage,
  budget: Budget,
): Promise<void> {
  const { clock, log } = dependencies;
  const decoded = decodeEvent(message.data);
  if (!decoded.ok) return deadLetter(dependencies, message, 'unreadable', decoded.reason, 1);
  const { event } = decoded;
  const fromFuture = await claimOfTheFuture(dependencies, event);
  if (fromFuture !== undefined) {
    await noteUntaken(dependencies, event);
    return deadLetter(dependencies, message, 'future-version', fromFuture, 1);
  }
  if (announcementAttribute in message.attributes) {
    await notified(dependencies, message, { event, changed: null, isAnnouncement: true }, budget);
    return;
  }
  const startedAt = clock.now();
  const outcome = await applied(dependencies, message, event, budget);
  if (outcome === undefined) return;
  if (outcome.kind === 'exhausted') {
    const error =
      outcome.lastError ?? 'the worker left no error on record (crash, out of memory, timeout): see its log';
    return deadLetter(dependencies, message, 'attempts', error, outcome.attempts);
  }
  const isShown = outcome.kind === 'applied' || outcome.kind === 'duplicate' || outcome.kind === 'contradicted';
  const changed = 'processed' in outcome ? outcome.processed : null;
  if (isShown && !(await notified(dependencies, message, { event, changed, isAnnouncement: false }, budget))) return;
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

/** Notifies others of the state that the assets show, where they want to be; false when the message was dead-lettered
 *  instead. Its failures are counted apart from those of the work, which is done: nothing of the project waits for it,
 *  and redriving the dead letter notifies. */
async function notified(
  dependencies: MessageDependencies,
  message: ReceivedMessage,
  notification: Notification,
  { signal }: Budget,
): Promise<boolean> {
  const { converged, limits } = dependencies;
  if (converged === null || limits.isShadow) return true;
  try {
    await notifyConverged({ ...dependencies, converged }, notification);
    return true;
  } catch (error) {
    if (error instanceof ProjectBusyError || signal.aborted) throw error;
    const text = `others could not be notified that the project is in step: ${errorText(error)}`;
    const attempts = await countFailedDelivery(dependencies, message, text);
    if (attempts < limits.maxAttempts) throw error;
    await deadLetter(dependencies, message, 'attempts', text, attempts);
    return false;
  }
}

/** Applies the event; undefined when it was dead-lettered instead. */
async function applied(
  dependencies: MessageDependencies,
  message: ReceivedMessage,
  event: ProjectEvent,
  budget: Budget,
): Promise<ApplyOutcome | undefined> {
  const { worker, limits, log } = dependencies;
  const asset = namedAsset(message.attributes);
  try {
    return await worker.apply(event, { ...budget, ...(asset !== undefined && { asset }) });
  } catch (error) {
    const cause = error instanceof AttemptFailedError || error instanceof ClaimFailedError ? error.cause : error;
    if (cause instanceof ProjectRecordError) {
      log.alarm('project-record-unreadable', 'work on a project stops: its record cannot be read', {
        projectId: event.projectId,
        eventId: event.id,
        error: errorText(cause),
      });
      await noteUntaken(dependencies, event);
      await deadLetter(dependencies, message, 'project-record', errorText(cause), 1);
      return undefined;
    }
    const attempts = await attemptsOf(dependencies, message, error);
    if (attempts === undefined || attempts < limits.maxAttempts) throw error;
    // What was worked on has its history from the record.
    if (error instanceof ClaimFailedError) await noteUntaken(dependencies, event);
    await deadLetter(dependencies, message, 'attempts', errorText(cause), attempts);
    return undefined;
  }
}

/** How many deliveries of a message have failed; undefined where a failure does not count. */
async function attemptsOf(
  dependencies: MessageDependencies,
  message: ReceivedMessage,
  error: unknown,
): Promise<number | undefined> {
  if (error instanceof AttemptFailedError && error.attempt !== null) return error.attempt;
  // The record of the project counts no repair, and nothing where it cannot be written.
  if (error instanceof AttemptFailedError || error instanceof ClaimFailedError)
    return countFailedDelivery(dependencies, message, errorText(error.cause));
  return undefined;
}

/** What is wrong with an event that claims what MongoDB has not reached; undefined when nothing is. It would silence
 *  all true ones until then (I10). MongoDB is asked only about what is ahead of this clock.
 *  @throws NotYetError */
async function claimOfTheFuture(
  { clock, truth, limits }: MessageDependencies,
  event: ProjectEvent,
): Promise<string | undefined> {
  if (timeOf(event.version) <= clock.now()) return undefined;
  const { version: reached } = await truth.ask([]);
  if (event.version <= reached) return undefined;
  // A dead letter would stand for work that a worker with a faster clock has begun, and left (I9).
  if (timeOf(event.version) <= clock.now() + limits.maxFutureMs) throw new NotYetError(event.id, reached);
  return `version ${event.version} lies in the future: MongoDB has reached ${reached}, this clock ${new Date(clock.now()).toISOString()}`;
}

/** Leaves in the history that an event is given up that its project's record has not taken in. Before its dead
 *  letter is out: a redelivery does it once more. */
async function noteUntaken(
  { firestore, clock, limits, config }: MessageDependencies,
  event: ProjectEvent,
): Promise<void> {
  const terms = { now: clock.now(), limits };
  const [entry] = untaken(event, configuredChanges(event, config.source.fields), terms);
  if (entry === undefined) return;
  await firestore.runTransaction(async (transaction) => writeHistory(firestore, transaction, entry));
}

async function deadLetter(
  { deadLetters, clock, log }: MessageDependencies,
  message: ReceivedMessage,
  reason: DeadLetterReason,
  error: string,
  attempts: number,
): Promise<void> {
  await deadLetters.publish(letterOf(message, { reason, error, attempts, now: clock.now() }));
  log.warn('message dead-lettered', { reason, error, attempts, attributes: message.attributes });
}
