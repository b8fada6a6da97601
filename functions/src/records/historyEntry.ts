import {
  type DocumentReference,
  FieldValue,
  type Firestore,
  Timestamp,
  type Transaction,
} from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { type EventType, eventTypes } from '../events/contract.ts';
import type { CopyValue } from '../events/copyValue.ts';
import { type EventOutcome, eventOutcomes } from '../events/outcomes.ts';
import { isVersion, type Version } from '../events/version.ts';
import { documentIdFrom } from './documentIds.ts';
import { copyValueFromFirestore, foreignValue } from './firestoreValue.ts';
import { type Origin, originSchema } from './origin.ts';
import { schemaVersion } from './projectRecord.ts';

/** What MongoDB said about a project, and the record had otherwise. */
export interface RecordedFact {
  readonly version: Version;
  /** Every configured field; null: there is no such project. */
  readonly fields: Readonly<Record<string, CopyValue>> | null;
  /** When it was asked, in ms since 1970. */
  readonly askedAt: number;
  /** The newest version that was in the record before, and that MongoDB had not reached: neither that nor any other
   *  beyond its answer was true. Null where there was none. */
  readonly refutedUpTo: Version | null;
  /** Versions between the two that stayed: they became known while MongoDB was asked. */
  readonly spared: readonly Version[];
  /** As in an entry. */
  readonly refutedBefore: readonly Version[];
}

/** An event that reached the work on its project, and what became of it: `syncEvents/{event id}`. */
export interface HistoryEntry {
  readonly id: string;
  readonly projectId: string;
  /** Null where only a correction of the record is left of it. */
  readonly type: EventType | null;
  readonly version: Version;
  readonly origin: Origin | null;
  /** The configured fields that it changed. */
  readonly changes: Readonly<Record<string, CopyValue>>;
  /** Whether the record has taken its news in: not where it was refused before. */
  readonly folded: boolean;
  readonly outcome: EventOutcome;
  /** The work that brought it, or something newer, to the assets: `syncJobs/{job id}`. */
  readonly jobId: string | null;
  /** Assets that this work has updated or deleted, where it was the work of this event; else null. */
  readonly assets: number | null;
  /** From MongoDB's commit, which has whole seconds, until the assets showed it, in ms. */
  readonly lagMs: number | null;
  /** Times in ms since 1970. */
  readonly receivedAt: number | null;
  readonly settledAt: number | null;
  /** Versions from its own on that MongoDB had refuted already when it became known: those corrections do not mean it.
   *  The clocks of workers differ, so times could not tell. */
  readonly refutedBefore: readonly Version[];
  /** What MongoDB said while it was worked on, where that corrected the record. */
  readonly facts: readonly RecordedFact[];
}

/** A write of one entry: the fields that are named, the others stay. */
export type HistoryWrite = Pick<HistoryEntry, 'id' | 'projectId' | 'version'> &
  Partial<HistoryEntry> & {
    /** When a TTL policy may remove it, in ms since 1970. */
    readonly expireAt: number;
    /** Only where there is no entry yet. */
    readonly ifAbsent?: boolean;
  };

const time = z.instanceof(Timestamp).transform((value) => value.toMillis());
const version = z.string().refine(isVersion, 'expected a version');
const values = z.record(
  z.string(),
  z.unknown().transform((value, context): CopyValue => {
    const converted = copyValueFromFirestore(value);
    if (converted !== foreignValue) return converted;
    context.addIssue({ code: 'custom', message: 'expected a value that a copy can have' });
    return z.NEVER;
  }),
);

const entrySchema = z.looseObject({
  schemaVersion: z.literal(schemaVersion),
  eventId: z.string(),
  projectId: z.string(),
  type: z.enum(eventTypes).nullable().default(null),
  version,
  origin: originSchema.nullable().default(null),
  changes: values.default({}),
  folded: z.boolean().default(false),
  outcome: z.enum(eventOutcomes).default('applied'),
  jobId: z.string().nullable().default(null),
  assets: z.number().nullable().default(null),
  lagMs: z.number().nullable().default(null),
  receivedAt: time.nullable().default(null),
  settledAt: time.nullable().default(null),
  facts: z
    .array(
      z.object({
        version,
        fields: values.nullable(),
        askedAt: z.number(),
        refutedUpTo: version.nullable(),
        spared: z.array(version).default([]),
        refutedBefore: z.array(version).default([]),
      }),
    )
    .default([]),
  refutedBefore: z.array(version).default([]),
});

/** An entry that cannot be understood: written by hand, damaged, or of a newer version of Lockstep. */
export class HistoryEntryError extends Error {
  constructor(path: string, problem: string) {
    super(`${path} is no entry of the history (${problem}). Remove it: no work depends on it`);
    this.name = 'HistoryEntryError';
  }
}

/** Where the history of an event is kept. */
export function historyEntryRef(firestore: Firestore, eventId: string): DocumentReference {
  return firestore.collection(recordCollections.events).doc(documentIdFrom(eventId));
}

/** Reads an entry.
 *  @throws HistoryEntryError */
export function parseHistoryEntry(path: string, data: unknown): HistoryEntry {
  const result = entrySchema.safeParse(data);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new HistoryEntryError(path, issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'not an entry');
  }
  const { eventId, schemaVersion: _layout, ...entry } = result.data;
  return {
    id: eventId,
    projectId: entry.projectId,
    type: entry.type,
    version: entry.version,
    origin: entry.origin,
    changes: entry.changes,
    folded: entry.folded,
    outcome: entry.outcome,
    jobId: entry.jobId,
    assets: entry.assets,
    lagMs: entry.lagMs,
    receivedAt: entry.receivedAt,
    settledAt: entry.settledAt,
    refutedBefore: entry.refutedBefore,
    facts: entry.facts,
  };
}

/** Writes an entry, or the named fields of one. */
export function writeHistory(firestore: Firestore, transaction: Transaction, write: HistoryWrite): void {
  const data = historyData(write);
  transaction.set(historyEntryRef(firestore, write.id), data, { mergeFields: Object.keys(data) });
}

function historyData({ id, ifAbsent: _condition, receivedAt, settledAt, expireAt, facts, ...fields }: HistoryWrite) {
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    schemaVersion,
    eventId: id,
    ...Object.fromEntries(named),
    // One event may meet several corrections.
    ...(facts !== undefined && { facts: FieldValue.arrayUnion(...facts) }),
    ...(receivedAt !== undefined && { receivedAt: timestamp(receivedAt) }),
    ...(settledAt !== undefined && { settledAt: timestamp(settledAt) }),
    expireAt: Timestamp.fromMillis(expireAt),
  };
}

function timestamp(ms: number | null): Timestamp | null {
  return ms === null ? null : Timestamp.fromMillis(ms);
}
