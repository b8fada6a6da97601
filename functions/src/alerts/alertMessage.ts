import { z } from 'zod';
import type { EncodedMessage } from '../events/codec.ts';
import { type Alarm, errorText, type LogFields } from '../log.ts';
import { alertKey } from './alertKey.ts';

const moment = z.number().int();

/** What a message on the topic of alerts says. */
const messageSchema = z.discriminatedUnion('kind', [
  /** An alarm was raised, `count` times since the last such message. */
  z.object({
    kind: z.literal('raised'),
    /** New for every message; a redelivery is known by it. */
    id: z.string().min(1),
    key: z.string().min(1),
    alarm: z.string().min(1),
    message: z.string(),
    fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    count: z.number().int().min(1),
    at: moment,
  }),
  /** The cause is gone. */
  z.object({ kind: z.literal('ended'), key: z.string().min(1), at: moment }),
  /** Something about the alert is due: it was acknowledged or closed, or its escalation has come. */
  z.object({ kind: z.literal('look'), key: z.string().min(1) }),
]);

export type AlertMessage = z.infer<typeof messageSchema>;
export type RaisedMessage = Extract<AlertMessage, { kind: 'raised' }>;
export type EndedMessage = Extract<AlertMessage, { kind: 'ended' }>;

/** Longest text of a field, in characters: enough for a message or an error, and the whole stays far below the limits
 *  of Pub/Sub and Firestore. */
const maxTextLength = 1_000;

/** Fields that are kept; a log line has about ten. */
const maxFields = 30;

/** An occurrence of an alarm as a message. */
export function raisedMessage(
  alarm: Alarm,
  message: string,
  fields: LogFields,
  { id, count, at }: Pick<RaisedMessage, 'id' | 'count' | 'at'>,
): RaisedMessage {
  return {
    kind: 'raised',
    id,
    key: alertKey(alarm, fields),
    alarm,
    message: cut(message),
    fields: plainFields(fields),
    count,
    at,
  };
}

export function encodeAlertMessage(message: AlertMessage): EncodedMessage {
  const { kind, key } = message;
  return { data: Buffer.from(JSON.stringify(message)), attributes: { kind, key: cut(key) } };
}

export type DecodedAlertMessage =
  | { readonly ok: true; readonly message: AlertMessage }
  | { readonly ok: false; readonly reason: string };

export function decodeAlertMessage(data: Buffer): DecodedAlertMessage {
  let json: unknown;
  try {
    json = JSON.parse(data.toString('utf8'));
  } catch (error) {
    return { ok: false, reason: `not JSON: ${errorText(error)}` };
  }
  const result = messageSchema.safeParse(json);
  if (result.success) return { ok: true, message: result.data };
  const [issue] = result.error.issues;
  return { ok: false, reason: `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not an alert'}` };
}

/** Fields of a log line as records and webhooks take them: texts, numbers, yes or no. */
function plainFields(fields: LogFields): RaisedMessage['fields'] {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([name, value]) => value !== undefined && !/^__.*__$/.test(name) && name !== '')
      .slice(0, maxFields)
      .map(([name, value]) => [cut(name), plainValue(value)]),
  );
}

function plainValue(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string') return cut(value);
  if (value instanceof Error) return cut(errorText(value));
  try {
    return cut(JSON.stringify(value) ?? String(value));
  } catch {
    // What refers to itself, or is too large a number for JSON, still has a name.
    return cut(String(value));
  }
}

const cut = (text: string) => text.slice(0, maxTextLength).toWellFormed();
