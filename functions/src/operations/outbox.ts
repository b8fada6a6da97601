import {
  type DocumentReference,
  type DocumentSnapshot,
  FieldPath,
  type Firestore,
  Timestamp,
  type Transaction,
} from 'firebase-admin/firestore';
import { z } from 'zod';
import type { OutboxTopic } from '../audit/trace.ts';
import type { Clock } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';
import type { EncodedMessage } from '../events/codec.ts';
import { errorText, type Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { documentIdFrom, textFromDocumentId } from '../records/documentIds.ts';

/** Where messages of decisions are published. */
export type PublisherTo = (topic: OutboxTopic) => Promise<Publisher>;

const messageSchema = z.looseObject({
  topic: z.enum(['events', 'reconciliationRequests']),
  data: z.instanceof(Uint8Array),
  attributes: z.array(z.object({ name: z.string(), value: z.string() })),
});

export function outboxRef(firestore: Firestore, id: string): DocumentReference {
  return firestore.collection(recordCollections.outbox).doc(documentIdFrom(id));
}

/** A message that is to be published: `syncOutbox/{id}`. Messages of the same id are the same message. */
export interface StoredMessage {
  readonly id: string;
  readonly topic: OutboxTopic;
  readonly message: EncodedMessage;
}

/** Keeps a message in a transaction, to be published. */
export function storeMessage(
  { firestore, clock }: { readonly firestore: Firestore; readonly clock: Clock },
  transaction: Transaction,
  { id, topic, message: { data, attributes } }: StoredMessage,
): void {
  transaction.set(outboxRef(firestore, id), {
    topic,
    data,
    // As values: not every name of an attribute is one of a field.
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
    createdAt: Timestamp.fromMillis(clock.now()),
  });
}

function parseStored(document: DocumentSnapshot): StoredMessage {
  const parsed = messageSchema.safeParse(document.data());
  if (!parsed.success) throw new Error(`${document.ref.path} keeps no message: ${z.prettifyError(parsed.error)}`);
  const { topic, data, attributes } = parsed.data;
  const named = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  return { id: textFromDocumentId(document.id), topic, message: { data: Buffer.from(data), attributes: named } };
}

export interface OutboxDependencies {
  readonly firestore: Firestore;
  readonly clock: Clock;
  readonly publisherTo: PublisherTo;
}

/** Publishes a message that is in the outbox, and takes it out: a crash in between publishes it twice, which does no
 *  harm.
 *  @throws what Firestore or Pub/Sub answered: it is still kept. */
export async function publishStored(
  { firestore, publisherTo }: OutboxDependencies,
  { id, topic, message }: StoredMessage,
): Promise<void> {
  const publisher = await publisherTo(topic);
  await publisher.publish(message);
  await outboxRef(firestore, id).delete();
}

/** Messages in memory at once. */
const pageSize = 100;

/** Publishes what earlier actions have left in the outbox: all of it, so that what cannot be published stands in
 *  nobody's way. Costs one read when it is empty.
 *  @throws what Firestore answered to the listing; what fails to be published is logged and stays. */
export async function publishLeftOver(dependencies: OutboxDependencies & { readonly log: Log }): Promise<number> {
  const waiting = dependencies.firestore
    .collection(recordCollections.outbox)
    .orderBy(FieldPath.documentId())
    .limit(pageSize);
  let published = 0;
  let last: DocumentSnapshot | undefined;
  do {
    const page = await (last === undefined ? waiting : waiting.startAfter(last)).get();
    const done = await Promise.all(page.docs.map((document) => publishKept(dependencies, document)));
    published += done.filter(Boolean).length;
    last = page.size === pageSize ? page.docs.at(-1) : undefined;
  } while (last !== undefined);
  return published;
}

async function publishKept(
  { log, ...dependencies }: OutboxDependencies & { readonly log: Log },
  document: DocumentSnapshot,
): Promise<boolean> {
  try {
    await publishStored(dependencies, parseStored(document));
    return true;
  } catch (error) {
    log.error('the message of a decision could not be published; it is kept and retried', {
      record: document.ref.path,
      error: errorText(error),
    });
    return false;
  }
}
