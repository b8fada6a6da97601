import type { Firestore } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import type { EncodedMessage } from '../events/codec.ts';
import type { Log } from '../log.ts';
import { type Failure, failureData, failureFrom, failureId, failureRef, parseFailure } from '../records/failure.ts';

/** Keeps a dead letter where an operator finds it, and raises the alarm. Doing it twice is the same as once.
 *  @throws what Firestore failed with, so that the message comes again. */
export async function recordDeadLetter(
  { firestore, clock, log }: { readonly firestore: Firestore; readonly clock: Clock; readonly log: Log },
  message: EncodedMessage,
): Promise<Failure> {
  const id = failureId(message);
  const ref = failureRef(firestore, id);
  const failure = await firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    const known = snapshot.exists ? parseFailure(id, snapshot.data()) : undefined;
    const next = failureFrom(message, known, clock.now());
    transaction.set(ref, failureData(next));
    return next;
  });
  log.alarm('dead-letter', 'an event could not be applied and was put aside', {
    failureId: failure.id,
    projectId: failure.projectId,
    reason: failure.reason,
    error: failure.error,
    attempts: failure.attempts,
    preview: failure.preview,
  });
  return failure;
}
