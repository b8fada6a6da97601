import { createHash } from 'node:crypto';
import { type DocumentReference, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { decodeEvent, type EncodedMessage } from '../events/codec.ts';
import { documentIdFrom } from '../records/documentIds.ts';
import { schemaVersion } from '../records/projectRecord.ts';

/** Bytes of a payload that are kept. A Firestore document has room for 1 MiB (https://firebase.google.com/docs/firestore/quotas), of which attributes
 *  take 128 KiB at most (https://cloud.google.com/pubsub/quotas#resource_limits); real events have a few hundred bytes. */
const maxPayloadBytes = 512 * 1024;

/** Characters (UTF-16 code units) of a payload that are kept as text, for people. */
const maxPreviewLength = 1_000;

/** The longest UTF-8 sequence, in bytes. */
const maxBytesPerCharacter = 4;

/** A dead letter as an operator finds it: `syncFailures/{event id}`, or `unreadable-{hash}` where the message has no event id. */
export interface Failure {
  readonly id: string;
  /** The message as it was published; null when it was too large to be kept whole. */
  readonly message: EncodedMessage | null;
  /** Those of the message, also where its payload was too large: they say what it was and what went wrong. */
  readonly attributes: EncodedMessage['attributes'];
  /** The beginning of the payload as text. */
  readonly preview: string;
  readonly payloadBytes: number;
  readonly projectId: string | null;
  readonly reason: string;
  readonly error: string;
  /** Deliveries that failed, over all times it became a dead letter. */
  readonly attempts: number;
  /** How often it became a dead letter. */
  readonly times: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** `redriven` once it was played again; a new failure makes it `dead` again. */
  readonly status: 'dead' | 'redriven';
}

const failureSchema = z.looseObject({
  payload: z.instanceof(Buffer).nullable(),
  attributes: z.record(z.string(), z.string()),
  preview: z.string(),
  payloadBytes: z.number(),
  projectId: z.string().nullable(),
  reason: z.string(),
  error: z.string(),
  attempts: z.number(),
  times: z.number(),
  firstAt: z.instanceof(Timestamp),
  lastAt: z.instanceof(Timestamp),
  status: z.enum(['dead', 'redriven']),
});

/** Where the failure of a message is kept. The same message is always kept in the same place. */
export function failureRef(firestore: Firestore, id: string): DocumentReference {
  return firestore.collection(recordCollections.failures).doc(documentIdFrom(id));
}

/** Reads a failure.
 *  @throws Error when the document is not one. */
export function parseFailure(id: string, data: unknown): Failure {
  const result = failureSchema.safeParse(data);
  if (!result.success) {
    throw new Error(
      `${recordCollections.failures}/${documentIdFrom(id)} is not a dead letter: ${result.error.message}`,
    );
  }
  const { payload, firstAt, lastAt, ...rest } = result.data;
  return {
    id,
    ...rest,
    message: payload === null ? null : { data: payload, attributes: rest.attributes },
    firstAt: firstAt.toMillis(),
    lastAt: lastAt.toMillis(),
  };
}

/** The failure that a message on the dead letter topic tells of, joined with what is known of it already. */
export function failureFrom(message: EncodedMessage, known: Failure | undefined, nowMs: number): Failure {
  const decoded = decodeEvent(message.data);
  const { attributes } = message;
  // Pub/Sub's own dead letter policy counts in an attribute of its own: https://cloud.google.com/pubsub/docs/handling-failures
  const attempts = Number(attributes.attempts ?? attributes.CloudPubSubDeadLetterSourceDeliveryCount ?? 1);
  const deadLetteredAt = Date.parse(attributes.deadLetteredAt ?? '') || nowMs;
  // A redelivery of the same dead letter is not another failure.
  const isRepeat = known !== undefined && known.lastAt >= deadLetteredAt;
  return {
    id: failureId(message),
    message: message.data.length <= maxPayloadBytes ? message : null,
    attributes,
    preview: previewOf(message.data),
    payloadBytes: message.data.length,
    projectId: decoded.ok ? decoded.event.projectId : null,
    reason: attributes.reason ?? 'delivery-attempts',
    error: attributes.error ?? 'Pub/Sub gave up delivering it; the logs of syncProject say why',
    attempts: isRepeat ? known.attempts : (known?.attempts ?? 0) + (Number.isFinite(attempts) ? attempts : 1),
    times: isRepeat ? known.times : (known?.times ?? 0) + 1,
    firstAt: Math.min(known?.firstAt ?? deadLetteredAt, deadLetteredAt),
    lastAt: Math.max(known?.lastAt ?? deadLetteredAt, deadLetteredAt),
    status: isRepeat ? known.status : 'dead',
  };
}

/** The beginning of a payload as text; what is not UTF-8 shows as U+FFFD. Never half a character: that is
 *  no valid UTF-8, of which texts in Firestore consist (https://protobuf.dev/programming-guides/proto3/#scalar). */
function previewOf(data: Buffer): string {
  const beginning = data.subarray(0, maxPreviewLength * maxBytesPerCharacter).toString('utf8');
  const cut = beginning.slice(0, maxPreviewLength);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

/** The document that holds a failure. */
export function failureData(failure: Failure): Record<string, unknown> {
  const { id: _id, message, firstAt, lastAt, ...rest } = failure;
  return {
    ...rest,
    schemaVersion,
    payload: message?.data ?? null,
    firstAt: Timestamp.fromMillis(firstAt),
    lastAt: Timestamp.fromMillis(lastAt),
  };
}

/** The event id where the message has one, else a hash of its bytes. */
export function failureId(message: EncodedMessage): string {
  const decoded = decodeEvent(message.data);
  if (decoded.ok) return decoded.event.id;
  return `unreadable-${createHash('sha256').update(message.data).digest('hex').slice(0, 32)}`;
}
