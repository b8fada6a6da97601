import { BSON } from 'mongodb';
import type { EncodedMessage } from '../events/codec.ts';

/** Pub/Sub allows 1,024 bytes for the value of an attribute: https://cloud.google.com/pubsub/quotas */
const maxAttributeBytes = 1024;

/** Why the relay could not make a usable event of a change. */
export type DeadLetterReason = 'project-id' | 'value' | 'too-large' | 'unreadable-change' | 'refused-by-pubsub';

/** The message that tells the dead-letter topic of a change that became no event: the change in Extended JSON, as far as it was read. */
export function deadLetterOf(
  change: unknown,
  reason: DeadLetterReason,
  error: string,
  version: string | null,
  maxBytes: number,
): EncodedMessage {
  const whole = Buffer.from(BSON.EJSON.stringify(change, { relaxed: true }));
  const data = whole.length <= maxBytes ? whole : Buffer.from(JSON.stringify({ omitted: `${whole.length} bytes` }));
  return {
    data,
    attributes: { error: shortened(error), reason, source: 'relay', ...(version === null ? {} : { version }) },
  };
}

function shortened(text: string): string {
  if (Buffer.byteLength(text) <= maxAttributeBytes) return text;
  // Cutting bytes may cut a character in two; the decoder replaces the half by U+FFFD of three bytes.
  const roomForReplacement = 3;
  return Buffer.from(text)
    .subarray(0, maxAttributeBytes - roomForReplacement)
    .toString();
}
