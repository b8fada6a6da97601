import type { EncodedMessage } from '../events/codec.ts';
import { extendedJson } from '../source/extendedJson.ts';

/** Pub/Sub allows 1,024 bytes for the value of an attribute: https://cloud.google.com/pubsub/quotas */
const maxAttributeBytes = 1024;

/** Why the relay could not make a usable event of a change. */
export type DeadLetterReason = 'project-id' | 'value' | 'too-large' | 'unreadable-change' | 'refused-by-pubsub';

/** A change that is dead-lettered. */
export interface BuriedChange {
  readonly change: unknown;
  readonly reason: DeadLetterReason;
  readonly error: string;
  readonly version: string | null;
  /** When it was dead-lettered, in ms since 1970. */
  readonly at: number;
}

/** The message on the dead-letter topic about a change that became no event: the change in Extended JSON, as far as it
 *  was read. */
export function letterOfChange({ change, reason, error, version, at }: BuriedChange, maxBytes: number): EncodedMessage {
  const whole = Buffer.from(extendedJson(change));
  const data = whole.length <= maxBytes ? whole : Buffer.from(JSON.stringify({ omitted: `${whole.length} bytes` }));
  return {
    data,
    attributes: {
      error: shortened(error),
      reason,
      source: 'relay',
      deadLetteredAt: new Date(at).toISOString(),
      ...(version === null ? {} : { version }),
    },
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
