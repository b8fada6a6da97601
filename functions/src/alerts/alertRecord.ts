import { type DocumentReference, type DocumentSnapshot, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { documentIdFrom } from '../records/documentIds.ts';

/** Version of the layout of the record; a record of a newer layout is refused, never guessed at. */
const alertSchemaVersion = 1;

export const alertStates = ['open', 'acknowledged', 'closed'] as const;

/** What targets are told about an alert. */
export const alertChanges = ['opened', 'escalated', 'acknowledged', 'closed'] as const;
export type AlertChange = (typeof alertChanges)[number];

/** Something that a target has taken. */
export interface SentChange {
  readonly change: AlertChange;
  readonly target: string;
  readonly at: number;
}

/** An alert: `syncAlerts/{key}`. Times in ms since 1970. What was closed and happens again is opened anew: counts and
 *  times are those of the newest opening. */
export interface AlertRecord {
  readonly key: string;
  readonly alarm: string;
  readonly state: (typeof alertStates)[number];
  /** Of the last occurrence, with its fields. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** How often it was opened. */
  readonly opening: number;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: number | null;
  readonly closedBy: string | null;
  readonly closedAt: number | null;
  /** When its cause has ended last, as far as is known. */
  readonly endedAt: number | null;
  readonly escalatedAt: number | null;
  /** The newest messages that were counted, in the order of their times: a redelivery is not another occurrence. */
  readonly counted: readonly { readonly id: string; readonly at: number }[];
  /** What was sent about this opening. */
  readonly sent: readonly SentChange[];
  /** Who is sending just now, and until when nobody else does. */
  readonly sending: { readonly by: string; readonly until: number } | null;
  /** When it has to be looked at again by itself: a change that targets are not told of, or an escalation. */
  readonly lookAt: number | null;
  /** When a TTL policy may remove it; only closed ones have one. */
  readonly expireAt: number | null;
}

/** A record of an alert that cannot be understood: written by hand, damaged, or of a newer version of Lockstep. */
export class AlertRecordError extends Error {
  constructor(path: string, problem: string) {
    super(`the record ${path} cannot be read (${problem}). Repair or remove it: the next alarm opens it anew.`);
    this.name = 'AlertRecordError';
  }
}

const time = z.instanceof(Timestamp).transform((value) => value.toMillis());
const count = z.number().int().min(0);

const recordSchema = z.object({
  schemaVersion: z.literal(alertSchemaVersion),
  key: z.string(),
  alarm: z.string(),
  state: z.enum(alertStates),
  message: z.string(),
  hint: z.string(),
  fields: z.record(z.string(), z.unknown()),
  count,
  firstAt: time,
  lastAt: time,
  opening: count,
  acknowledgedBy: z.string().nullable(),
  acknowledgedAt: time.nullable(),
  closedBy: z.string().nullable(),
  closedAt: time.nullable(),
  endedAt: time.nullable().default(null),
  escalatedAt: time.nullable(),
  counted: z.array(
    z.union([
      z.object({ id: z.string(), at: z.number() }),
      // As versions wrote it that kept no times: it makes room for others first.
      z.string().transform((id) => ({ id, at: 0 })),
    ]),
  ),
  sent: z.array(z.object({ change: z.enum(alertChanges), target: z.string(), at: time })),
  sending: z.object({ by: z.string(), until: time }).nullable(),
  lookAt: time.nullable(),
  expireAt: time.nullable(),
});

/** Where an alert is kept. */
export function alertRef(firestore: Firestore, key: string): DocumentReference {
  return firestore.collection(recordCollections.alerts).doc(documentIdFrom(key));
}

/** Reads the record at `path`.
 *  @throws AlertRecordError when it is none. */
export function parseAlert(path: string, data: unknown): AlertRecord {
  const result = recordSchema.safeParse(data);
  if (result.success) {
    const { schemaVersion: _, ...record } = result.data;
    return record;
  }
  const [issue] = result.error.issues;
  throw new AlertRecordError(path, issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'not an alert');
}

/** Reads the record of one of many; an error stands for one that cannot be read, and the others count all the same. */
export function readAlert(snapshot: DocumentSnapshot): AlertRecord | AlertRecordError {
  try {
    return parseAlert(snapshot.ref.path, snapshot.data());
  } catch (error) {
    if (error instanceof AlertRecordError) return error;
    throw error;
  }
}

/** The document that holds an alert. It is always written whole, inside the transaction that read it. */
export function alertData(record: AlertRecord): Record<string, unknown> {
  const at = (ms: number | null) => (ms === null ? null : Timestamp.fromMillis(ms));
  return {
    ...record,
    schemaVersion: alertSchemaVersion,
    firstAt: at(record.firstAt),
    lastAt: at(record.lastAt),
    acknowledgedAt: at(record.acknowledgedAt),
    closedAt: at(record.closedAt),
    endedAt: at(record.endedAt),
    escalatedAt: at(record.escalatedAt),
    sent: record.sent.map((sent) => ({ ...sent, at: at(sent.at) })),
    sending: record.sending === null ? null : { ...record.sending, until: at(record.sending.until) },
    lookAt: at(record.lookAt),
    expireAt: at(record.expireAt),
  };
}
