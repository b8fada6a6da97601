import type { z } from 'zod';
import { type ProjectEvent, projectEventSchema, specversion } from './contract.ts';
import { copyValueToJson } from './copyValue.ts';

/** What is published: bytes, and attributes that repeat what filters and logs need. */
export interface EncodedMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The outcome of reading a message. `reason` says what is wrong with it, for the dead letter. */
export type Decoded =
  | { readonly ok: true; readonly event: ProjectEvent }
  | { readonly ok: false; readonly reason: string };

/** Attribute that counts how often work on an event went on in a new message because an invocation's time budget was spent. */
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

/** Reads the data of a message. Never throws: a message that does not fit the contract is an outcome, since no retry can mend it. */
export function decodeEvent(data: Buffer): Decoded {
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
