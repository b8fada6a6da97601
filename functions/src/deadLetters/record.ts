import { type DocumentSnapshot, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { type Clock, dayMs } from '../clock.ts';
import type { EncodedMessage } from '../events/codec.ts';
import { errorText, type Log } from '../log.ts';
import { type Failure, failureData, failureFrom, failureId, failureRef, parseFailure } from './failure.ts';
import { letterOf } from './letter.ts';

/** Keeps a dead letter where an operator finds it, and raises the alarm. Doing it twice is the same as once. A record
 *  under its id that cannot be read is replaced: Pub/Sub forgets a letter that is refused again and again, and then
 *  nothing of it is left at all.
 *  @throws what Firestore failed with, so that the message is redelivered. */
export async function recordDeadLetter(
  { firestore, clock, log }: { readonly firestore: Firestore; readonly clock: Clock; readonly log: Log },
  message: EncodedMessage,
): Promise<Failure> {
  const id = failureId(message);
  const ref = failureRef(firestore, id);
  const { failure, damage } = await firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    const { known, damage } = snapshot.exists ? readKnown(id, snapshot.data()) : nothingKnown;
    const failure = failureFrom(message, known, clock.now());
    transaction.set(ref, failureData(failure));
    return { failure, damage };
  });
  if (damage !== undefined) {
    log.error('the record of a dead letter could not be read; it was replaced, and what it counted is lost', {
      failureId: failure.id,
      record: ref.path,
      error: damage,
    });
  }
  log.alarm('dead-letter', 'an event could not be applied and is kept as a dead letter', {
    failureId: failure.id,
    projectId: failure.projectId,
    ...(failure.asset !== null && { asset: failure.asset }),
    reason: failure.reason,
    error: failure.error,
    attempts: failure.attempts,
    preview: failure.preview,
  });
  return failure;
}

/** How long the count of deliveries that failed is kept after the last one, in ms: as long as Pub/Sub keeps a message.
 *  Nobody removes it when its message gets through. */
const countedForMs = 31 * dayMs;

/** Counts a delivery that failed where the record of its project counts none: returns how many there were. It is not a
 *  dead letter yet. One that is there from before stays as it is, without an end, for it stands for what was not
 *  applied (I9), and so does what cannot be read: the count is kept beside it until the next dead letter replaces both.
 *  @throws what Firestore failed with. */
export function countFailedDelivery(
  { firestore, clock }: { readonly firestore: Firestore; readonly clock: Clock },
  message: EncodedMessage,
  error: string,
): Promise<number> {
  const id = failureId(message);
  const ref = failureRef(firestore, id);
  return firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(ref);
    const { known } = snapshot.exists ? readKnown(id, snapshot.data()) : nothingKnown;
    const now = clock.now();
    if (snapshot.exists && (known === undefined || known.status === 'dead')) {
      const attempts = countedBeside(snapshot, now) + 1;
      transaction.update(ref, { counted: { attempts, lastAt: Timestamp.fromMillis(now) } });
      return attempts;
    }
    const earlier = known?.status === 'failing' ? known : undefined;
    const letter = letterOf(message, { reason: 'attempts', error, attempts: 1, now });
    const attempts = (earlier?.attempts ?? 0) + 1;
    const firstAt = earlier?.firstAt ?? now;
    const counted: Failure = { ...failureFrom(letter, known, now), status: 'failing', attempts, firstAt, lastAt: now };
    transaction.set(ref, { ...failureData(counted), expireAt: Timestamp.fromMillis(now + countedForMs) });
    return attempts;
  });
}

/** Deliveries that are counted beside a dead letter; none once the message of the last one is gone. */
function countedBeside(snapshot: DocumentSnapshot, now: number): number {
  const attempts: unknown = snapshot.get('counted.attempts');
  const lastAt: unknown = snapshot.get('counted.lastAt');
  if (typeof attempts !== 'number' || !(lastAt instanceof Timestamp)) return 0;
  return lastAt.toMillis() + countedForMs > now ? attempts : 0;
}

/** What is known of a dead letter already, or why that cannot be read. */
interface Known {
  readonly known: Failure | undefined;
  readonly damage: string | undefined;
}

const nothingKnown: Known = { known: undefined, damage: undefined };

function readKnown(id: string, data: unknown): Known {
  try {
    return { known: parseFailure(id, data), damage: undefined };
  } catch (error) {
    return { known: undefined, damage: errorText(error) };
  }
}
