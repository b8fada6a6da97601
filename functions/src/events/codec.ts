import type { z } from 'zod';
import { type ProjectEvent, projectEventSchema, specversion } from './contract.ts';
import { copyValueToJson, sizeProblem } from './copyValue.ts';

/** What is published: bytes, and attributes that repeat what filters and logs need. */
export interface EncodedMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A message as it was delivered. */
export interface ReceivedMessage extends EncodedMessage {
  /** Pub/Sub's own id of it. */
  readonly messageId?: string | undefined;
}

/** The outcome of reading a message. `reason` says what is wrong with it, for the dead letter. */
export type Decoded =
  | { readonly ok: true; readonly event: ProjectEvent }
  | { readonly ok: false; readonly reason: string };

/** Attribute (`'true'`) of a message that goes on with the work on an event, since an invocation's time budget was
 *  spent. */
export const continuationAttribute = 'continuation';

/** The message of an event. */
export function encodeEvent(event: ProjectEvent): EncodedMessage {
  const changes = Object.fromEntries(
    Object.entries(event.changes).map(([field, value]) => [field, copyValueToJson(value)]),
  );
  return {
    data: Buffer.from(JSON.stringify({ ...event, changes })),
    attributes: {
      type: event.type,
      projectId: event.projectId,
      version: event.version,
      specversion: String(event.specversion),
    },
  };
}

/** Reads the data of a message. Never throws: a message that does not fit the contract is an outcome, since no retry
 *  can help. */
export function decodeEvent(data: Buffer): Decoded {
  try {
    return decode(data);
  } catch (error) {
    // JSON that is nested deeper than the stack: whatever reads it by recursion overflows.
    if (error instanceof RangeError) return { ok: false, reason: `nested too deep to be read: ${error.message}` };
    throw error;
  }
}

function decode(data: Buffer): Decoded {
  const tooLarge = sizeProblem(data.length);
  if (tooLarge !== undefined) return { ok: false, reason: tooLarge };
  const json = parseJson(data);
  if (!json.ok) return json;
  const future = specversionOf(json.value);
  if (typeof future === 'number' && future > specversion) {
    return { ok: false, reason: `specversion: this version reads ${specversion}, the message has ${future}` };
  }
  const parsed = projectEventSchema.safeParse(json.value);
  if (parsed.success) return { ok: true, event: parsed.data };
  return { ok: false, reason: parsed.error.issues.map(describe).join('; ') };
}

function parseJson(
  data: Buffer,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)) };
  } catch (error) {
    return { ok: false, reason: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function specversionOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'specversion' in value ? value.specversion : undefined;
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.map(String).join('.') || 'message'}: ${issue.message.replace(/^Invalid input: /, '')}`;
}
