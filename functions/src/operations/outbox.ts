import {
  type DocumentReference,
  type DocumentSnapshot,
  type Firestore,
  Timestamp,
  type Transaction,
} from 'firebase-admin/firestore';
import { z } from 'zod';
import type { OutboxTopic } from '../audit/trace.ts';
import { type Clock, dayMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import type { EncodedMessage } from '../events/codec.ts';
import { errorText, type Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { documentIdFrom } from '../records/documentIds.ts';

/** Where messages of decisions are published. */
export type PublisherTo = (topic: OutboxTopic) => Promise<Publisher>;

/** How long a message is kept after it was published, in ms: long enough to see that the same was asked before. */
const retentionMs = dayMs;

const messageSchema = z.looseObject({
  topic: z.enum(['events', 'reconciliationRequests']),
  data: z.instanceof(Uint8Array),
  attributes: z.array(z.object({ name: z.string(), value: z.string() })),
  createdAt: z.instanceof(Timestamp),
  publishedAt: z.instanceof(Timestamp).nullable(),
});

export function outboxRef(firestore: Firestore, id: string): DocumentReference {
  return firestore.collection(recordCollections.outbox).doc(documentIdFrom(id));
}

/** Keeps a message in a transaction, to be published. */
export function storeMessage(
  { firestore, clock }: { readonly firestore: Firestore; readonly clock: Clock },
  transaction: Transaction,
  topic: OutboxTopic,
  id: string,
  { data, attributes }: EncodedMessage,
): void {
  transaction.set(outboxRef(firestore, id), {
    topic,
    data,
    // As values: not every name of an attribute is one of a field.
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
    createdAt: Timestamp.fromMillis(clock.now()),
    publishedAt: null,
    expireAt: null,
  });
}

export interface OutboxDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly publisherTo: PublisherTo;
}

/** Publishes a message of the outbox, and notes that it was: a crash in between publishes it twice, which does no harm.
 *  @throws what Firestore or Pub/Sub answered: it is still kept. */
export async function publishStored(
  { firestore, clock, publisherTo }: OutboxDependencies,
  ref: DocumentReference,
): Promise<void> {
  const sent = await ref.get();
  const parsed = messageSchema.safeParse(sent.data());
  if (!parsed.success) throw new Error(`${ref.path} keeps no message: ${z.prettifyError(parsed.error)}`);
  const { topic, data, attributes, publishedAt } = parsed.data;
  if (publishedAt !== null) return;
  const publisher = await publisherTo(topic);
  await publisher.publish({
    data: Buffer.from(data),
    attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
  });
  await firestore.runTransaction(async (transaction) => {
    const now: DocumentSnapshot = await transaction.get(ref);
    // Another message of the same id may have come meanwhile.
    if (sent.updateTime === undefined || now.updateTime?.isEqual(sent.updateTime) !== true) return;
    transaction.update(ref, {
      publishedAt: Timestamp.fromMillis(clock.now()),
      expireAt: Timestamp.fromMillis(clock.now() + retentionMs),
    });
  });
}

/** Messages that one call publishes. */
const mostAtOnce = 100;

/** Publishes what earlier actions have left in the outbox. Costs one read when it is empty.
 *  @throws what Firestore answered to the listing; what fails to be published is logged and stays. */
export async function publishLeftOver(dependencies: OutboxDependencies & { readonly log: Log }): Promise<number> {
  const { firestore, log } = dependencies;
  const waiting = await firestore
    .collection(recordCollections.outbox)
    .where('publishedAt', '==', null)
    .limit(mostAtOnce)
    .get();
  let published = 0;
  for (const { ref } of waiting.docs) {
    try {
      await publishStored(dependencies, ref);
      published += 1;
    } catch (error) {
      log.error('the message of a decision could not be published; it is kept and retried', {
        record: ref.path,
        error: errorText(error),
      });
    }
  }
  return published;
}
