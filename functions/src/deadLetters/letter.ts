import type { EncodedMessage } from '../events/codec.ts';

/** Why a message is put aside. */
export type DeadLetterReason = 'unreadable' | 'future-version' | 'attempts' | 'project-record';

/** Pub/Sub allows 1,024 bytes for the value of an attribute (https://cloud.google.com/pubsub/quotas#resource_limits); the longest UTF-8 sequence has 4. */
const maxAttributeLength = 256;

/** The message on the dead letter topic: the bytes as they came, and in attributes what went wrong. */
export function deadLetterOf(
  message: EncodedMessage,
  reason: DeadLetterReason,
  error: string,
  attempts: number,
  nowMs: number,
): EncodedMessage {
  return {
    data: message.data,
    attributes: {
      ...message.attributes,
      reason,
      error: shorten(error),
      attempts: String(attempts),
      deadLetteredAt: new Date(nowMs).toISOString(),
    },
  };
}

/** The end of a chain of causes tells most, so the middle is left out. */
function shorten(text: string): string {
  if (text.length <= maxAttributeLength) return text;
  const half = Math.floor(maxAttributeLength / 2) - 3;
  return `${text.slice(0, half)} … ${text.slice(-half)}`;
}
