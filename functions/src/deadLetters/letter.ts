import { createHash } from 'node:crypto';
import type { EncodedMessage, ReceivedMessage } from '../events/codec.ts';

/** Why a message is dead-lettered. */
export type DeadLetterReason = 'unreadable' | 'future-version' | 'attempts' | 'project-record' | 'asset';

/** What went wrong with a message. */
export interface Failing {
  readonly reason: DeadLetterReason;
  readonly error: string;
  /** Deliveries that have failed. */
  readonly attempts: number;
  /** In ms since 1970. */
  readonly now: number;
}

// Limits of a message: https://cloud.google.com/pubsub/quotas#resource_limits

/** Pub/Sub takes 100 attributes; the letter adds up to ten of its own. */
const mostAttributes = 90;
const mostNameBytes = 256;
/** Bytes of an attribute's value. */
export const mostValueBytes = 1_024;

/** Characters of an error that fit into an attribute: the longest UTF-8 sequence has 4 bytes. */
const mostErrorLength = 256;

/** Bytes of a payload that are passed on whole. A record in Firestore has room for no more than that (see
 *  `failure.ts`), and a letter must never be refused for its size. */
export const mostPayloadBytes = 512 * 1024;

/** Attributes that a letter adds. */
export const letterAttributes: ReadonlySet<string> = new Set([
  ...['reason', 'error', 'attempts', 'deadLetteredAt', 'messageId'],
  ...['payloadBytes', 'payloadSha256', 'attributesDropped'],
]);

/** Pub/Sub's own attributes; it takes none that begin like this from a publisher:
 *  https://cloud.google.com/pubsub/docs/publisher#attributes */
export const reservedAttribute = /^(goog(?!client_)|CloudPubSubDeadLetterSource)/i;

/** The message on the dead letter topic: the payload as it came, and in attributes what went wrong. What does not fit
 *  is cut: of a payload that is too large its beginning is kept, with its size and hash, of too many attributes as many
 *  as Pub/Sub takes, with the number of the others. */
export function letterOf(message: ReceivedMessage, { reason, error, attempts, now }: Failing): EncodedMessage {
  const { data } = message;
  const entries = Object.entries(message.attributes).filter(([name]) => !letterAttributes.has(name));
  const kept = entries.filter(isAccepted).slice(0, mostAttributes);
  const dropped = entries.length - kept.length;
  const isCut = data.length > mostPayloadBytes;
  return {
    data: isCut ? data.subarray(0, mostPayloadBytes) : data,
    attributes: {
      ...Object.fromEntries(kept),
      ...(message.messageId !== undefined && { messageId: message.messageId }),
      ...(dropped > 0 && { attributesDropped: String(dropped) }),
      ...(isCut && {
        payloadBytes: String(data.length),
        payloadSha256: createHash('sha256').update(data).digest('hex'),
      }),
      reason,
      error: shorten(error.toWellFormed()),
      attempts: String(attempts),
      deadLetteredAt: new Date(now).toISOString(),
    },
  };
}

/** The message as it was before it became a dead letter. */
export function originalOf({ data, attributes }: EncodedMessage): EncodedMessage {
  const original = Object.entries(attributes).filter(
    ([name]) => !letterAttributes.has(name) && !reservedAttribute.test(name),
  );
  return { data, attributes: Object.fromEntries(original) };
}

function isAccepted([name, value]: readonly [string, string]): boolean {
  return (
    name !== '' &&
    !reservedAttribute.test(name) &&
    Buffer.byteLength(name) <= mostNameBytes &&
    Buffer.byteLength(value) <= mostValueBytes
  );
}

/** The end of a chain of causes tells most, so the middle is left out. */
function shorten(text: string): string {
  if (text.length <= mostErrorLength) return text;
  const half = Math.floor(mostErrorLength / 2) - 3;
  return `${text.slice(0, half)} … ${text.slice(-half)}`.toWellFormed();
}
