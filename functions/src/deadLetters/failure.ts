import { createHash } from 'node:crypto';
import { type DocumentReference, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { decodeEvent, type EncodedMessage } from '../events/codec.ts';
import { documentIdFrom } from '../records/documentIds.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import { mostPayloadBytes } from './letter.ts';
import { namedAsset } from './namedAsset.ts';

/** Characters (UTF-16 code units) of a payload that are kept as text, for people. */
const maxPreviewLength = 1_000;

/** The longest UTF-8 sequence, in bytes. */
const maxBytesPerCharacter = 4;

/** A dead letter as an operator finds it: `syncFailures/{event id}`, `unreadable-{hash}` where the message has no event
 *  id, and `asset-{hash}` where it is about one asset. */
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
  /** Path of the one asset that it is about. */
  readonly asset: string | null;
  readonly reason: string;
  readonly error: string;
  /** Deliveries that failed, over all times it became a dead letter. */
  readonly attempts: number;
  /** How often it became a dead letter. */
  readonly times: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** `failing` while its deliveries are counted here, since its project's record does not count them: its message is
   *  redelivered, and has got through where no more failures follow; `dead`;
   *  `redriven` once it was published again; `dropped` once a person decided that it is not to be applied. A new
   *  failure makes it `dead` again. */
  readonly status: 'failing' | 'dead' | 'redriven' | 'dropped';
}

/** Names of attributes may be such that Firestore takes no field of that name (`__x__`), so they are values here; older
 *  records have a map. */
const attributesSchema = z.union([
  z
    .array(z.object({ name: z.string(), value: z.string() }))
    .transform((list) => Object.fromEntries(list.map(({ name, value }) => [name, value]))),
  z.record(z.string(), z.string()),
]);

const failureSchema = z.looseObject({
  payload: z.instanceof(Buffer).nullable(),
  attributes: attributesSchema,
  preview: z.string(),
  payloadBytes: z.number(),
  projectId: z.string().nullable(),
  asset: z.string().nullable().default(null),
  reason: z.string(),
  error: z.string(),
  attempts: z.number(),
  times: z.number(),
  firstAt: z.instanceof(Timestamp),
  lastAt: z.instanceof(Timestamp),
  status: z.enum(['failing', 'dead', 'redriven', 'dropped']),
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

/** The failure that a message on the dead letter topic is about, joined with what is known of it already. */
export function failureFrom(message: EncodedMessage, known: Failure | undefined, nowMs: number): Failure {
  const decoded = decodeEvent(message.data);
  const { attributes } = message;
  // Pub/Sub's own dead letter policy counts in an attribute of its own:
  // https://cloud.google.com/pubsub/docs/handling-failures
  const attempts = Number(attributes.attempts ?? attributes.CloudPubSubDeadLetterSourceDeliveryCount ?? 1);
  const deadLetteredAt = timeOfLetter(attributes, nowMs);
  const earlier = known?.status === 'failing' ? undefined : known;
  // A redelivery of the same dead letter is not another failure.
  const isRepeat = earlier !== undefined && earlier.lastAt >= deadLetteredAt;
  const isCut = attributes.payloadBytes !== undefined || message.data.length > mostPayloadBytes;
  return {
    id: failureId(message),
    message: isCut ? null : message,
    attributes,
    preview: previewOf(message.data),
    payloadBytes: Number(attributes.payloadBytes ?? message.data.length) || message.data.length,
    projectId: decoded.ok ? decoded.event.projectId : null,
    asset: namedAsset(attributes) ?? null,
    reason: attributes.reason ?? 'delivery-attempts',
    error: attributes.error ?? 'Pub/Sub gave up delivering it; the logs of syncProject and syncDeletions say why',
    attempts: isRepeat ? earlier.attempts : (earlier?.attempts ?? 0) + (Number.isFinite(attempts) ? attempts : 1),
    // Deliveries that are counted are on their way to being a dead letter once more.
    times: known?.status === 'failing' ? known.times : isRepeat ? earlier.times : (earlier?.times ?? 0) + 1,
    firstAt: Math.min(earlier?.firstAt ?? deadLetteredAt, deadLetteredAt),
    lastAt: Math.max(earlier?.lastAt ?? deadLetteredAt, deadLetteredAt),
    status: isRepeat ? earlier.status : 'dead',
  };
}

/** How far the clock of whoever dead-lettered a message may be ahead of this one, in ms. */
const mostClockSkewMs = 60 * 60_000;

/** When a message became a dead letter, as it claims. Others may write there what no record takes (a year beyond 9999),
 *  or what makes every later letter of its event look like a repeat: then it is now. */
function timeOfLetter(attributes: EncodedMessage['attributes'], nowMs: number): number {
  const claimed = Date.parse(attributes.deadLetteredAt ?? '');
  return claimed > 0 && claimed <= nowMs + mostClockSkewMs ? claimed : nowMs;
}

/** The beginning of a payload as text; what is not UTF-8 shows as U+FFFD. Never half a character: that is
 *  no valid UTF-8, of which texts in Firestore consist (https://protobuf.dev/programming-guides/proto3/#scalar). */
function previewOf(data: Buffer): string {
  const beginning = data.subarray(0, maxPreviewLength * maxBytesPerCharacter).toString('utf8');
  const cut = beginning.slice(0, maxPreviewLength);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

/** The document that holds a failure. A dead letter has no `expireAt` before it is redriven: it stands for what was not
 *  applied (I9). */
export function failureData(failure: Failure): Record<string, unknown> {
  const { id: _id, message, attributes, firstAt, lastAt, ...rest } = failure;
  return {
    ...rest,
    schemaVersion,
    payload: message?.data ?? null,
    attributes: Object.entries(attributes).map(([name, value]) => ({
      name: name.toWellFormed(),
      value: value.toWellFormed(),
    })),
    firstAt: Timestamp.fromMillis(firstAt),
    lastAt: Timestamp.fromMillis(lastAt),
  };
}

/** The event id where the message has one, else a hash of its bytes. What is about one asset has an id of its own. */
export function failureId(message: EncodedMessage): string {
  const asset = namedAsset(message.attributes);
  if (asset !== undefined) return `asset-${hashOf(asset)}`;
  const decoded = decodeEvent(message.data);
  if (decoded.ok) return decoded.event.id;
  return `unreadable-${message.attributes.payloadSha256?.slice(0, 32) ?? hashOf(message.data)}`;
}

function hashOf(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 32);
}
