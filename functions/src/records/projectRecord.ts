import { type DocumentReference, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { type EventType, eventTypes } from '../events/contract.ts';
import type { CopyValue } from '../events/copyValue.ts';
import { type EventOutcome, eventOutcomes } from '../events/outcomes.ts';
import { isVersion, type Version } from '../events/version.ts';
import { documentIdFrom } from './documentIds.ts';
import { copyValueFromFirestore, foreignValue } from './firestoreValue.ts';
import { type Origin, originSchema } from './origin.ts';

/** Version of the layout of the records in Firestore; a record of a newer layout is refused, never guessed at. */
export const schemaVersion = 1;

/** A copied field of a project with the version of the change that gave it this value. */
export interface FieldState {
  readonly value: CopyValue;
  readonly version: Version;
}

/** The newest known state of a project. */
export interface Desired {
  /** `unknown` until the first event. */
  readonly kind: 'unknown' | 'live' | 'deleted';
  /** Version of the newest change that said which kind it is; null only while it is unknown. */
  readonly version: Version | null;
  /** Version of the newest known deletion, also of a project that was created again since: field values from before it
   *  no longer count. */
  readonly deletedVersion: Version | null;
  /** Field path in the project -> newest known value. */
  readonly fields: Readonly<Record<string, FieldState>>;
}

/** The right to work on the assets of one project. Who holds it is named by `holder`, which is new for every taking. */
export interface WorkLease {
  readonly holder: string;
  /** The event whose delivery took it; that message stays unacknowledged until the work is done. */
  readonly eventId: string;
  /** From this time on (ms since 1970) another worker may take it. */
  readonly expiresAt: number;
}

/** A range of asset keys that is still to be worked on: strictly after `after`, strictly before `before` (document
 *  paths). */
export interface KeyRange {
  readonly collection: string;
  readonly after: string | null;
  readonly before: string | null;
  /** Only this asset, and in a recursive collection what lies below it; `after` is then the last document below it that
   *  stays. */
  readonly asset?: string | undefined;
}

/** How far the work on a revision has come, kept so that the next invocation goes on where this one ended. */
export interface Progress {
  readonly revision: number;
  /** Fingerprint of the configured collections for which the ranges were planned. */
  readonly plan: string;
  /** Whether assets were only counted so far, and nothing of them was written. */
  readonly isShadow: boolean;
  readonly ranges: readonly KeyRange[];
  /** Assets deleted or updated so far. */
  readonly processed: number;
  /** Assets looked at so far. */
  readonly scanned: number;
  /** Assets to scan in all, as counted when the first invocation ran out of time. */
  readonly total: number | null;
  /** When the first invocation began, in ms since 1970. */
  readonly startedAt: number;
  /** Assets created later (ms since 1970) are left alone: the grace period of a reconciliation. */
  readonly createdBefore: number | null;
}

/** Deliveries of one event that did not finish. */
export interface Attempts {
  readonly count: number;
  /** What the last one failed with; null when it ended without reporting (a crash, no memory, a timeout). */
  readonly lastError: string | null;
}

/** An event whose news is part of the record and whose work is not over. Its entry of the history is written when that
 *  is known; until then the record says all that the entry will. */
export interface OpenEvent {
  readonly id: string;
  readonly type: EventType;
  readonly version: Version;
  readonly origin: Origin;
  /** The configured fields that it changed; null where they are many, and in the history already. */
  readonly changes: Readonly<Record<string, CopyValue>> | null;
  /** In ms since 1970. */
  readonly receivedAt: number;
  /** Versions from its own on that MongoDB had refuted by then. */
  readonly refutedBefore: readonly Version[];
  readonly outcome: EventOutcome;
}

/** A deletion that came together with too many others, and what a person has decided about it. */
export interface Hold {
  /** `held`: nothing is deleted until a person decides. `released`: it may be carried out. `discarded`: the assets
   *  stay. */
  readonly state: 'held' | 'released' | 'discarded';
  /** Since when it is held, in ms since 1970. */
  readonly since: number;
  /** The event whose delivery met the hold; its job keeps the event itself, so that a release can publish it again. */
  readonly eventId: string;
  /** Version of the newest deletion that the state stands for. */
  readonly version: Version;
}

/** Work that is put off until what keeps it from being carried out is over. */
export interface Parked {
  /** The event that was worked on; its job keeps it, so that it can be published again. */
  readonly eventId: string;
  /** In ms since 1970. */
  readonly since: number;
}

/** When a project that is deleted is looked at again, for assets that were written late. */
export interface Visit {
  /** Counts from 1. */
  readonly number: number;
  /** In ms since 1970. */
  readonly at: number;
}

/** Everything known about one project: `syncProjects/{project id}`. */
export interface ProjectRecord {
  readonly projectId: string;
  readonly desired: Desired;
  /** Grows by one whenever an event changed `desired` so that assets may have to change. */
  readonly revision: number;
  /** The revision that the assets show. */
  readonly appliedRevision: number;
  readonly lease: WorkLease | null;
  readonly progress: Progress | null;
  /** Event id -> the deliveries that began work for it and did not finish it. Emptied when the work is done. */
  readonly attempts: Readonly<Record<string, Attempts>>;
  /** When a TTL policy may remove the record; only tombstones have one. */
  readonly expireAt: number | null;
  /** When the newest deletion became known, in ms since 1970: counting it says how many projects were deleted lately.
   *  It stays when the project is created again; null where no deletion is known, or MongoDB contradicted it. */
  readonly deletedAt: number | null;
  /** Only of a deletion that is not carried out yet. */
  readonly hold: Hold | null;
  /** Set from when its work was parked until it is over. */
  readonly parked: Parked | null;
  /** Only of a deletion that is applied. */
  readonly visit: Visit | null;
  /** Versions that MongoDB has refuted, the newest last: a late duplicate of such an event is no news. */
  readonly refuted: readonly Version[];
  /** Events that the desired state shows and the assets do not yet: never more than it has fields, and a few. */
  readonly open: readonly OpenEvent[];
}

/** The hold that keeps the assets of a deleted project: undecided, or decided for keeping them. Null when nothing does.
 */
export function effectiveHold(record: ProjectRecord): (Hold & { readonly state: 'held' | 'discarded' }) | null {
  const { desired, hold } = record;
  if (desired.kind !== 'deleted' || hold === null || hold.state === 'released') return null;
  return { ...hold, state: hold.state };
}

/** A project record that cannot be understood: written by hand, damaged, or of a newer version of Lockstep. */
export class ProjectRecordError extends Error {
  constructor(projectId: string, problem: string) {
    super(
      `the record ${recordCollections.projects}/${documentIdFrom(projectId)} cannot be read (${problem}). Work on this project stops until it is ` +
        'repaired or removed; then redrive its dead letters.',
    );
    this.name = 'ProjectRecordError';
  }
}

const versionSchema = z.string().refine(isVersion, 'expected a version');
const countSchema = z.number().int().min(0);
const copyValueInRecord = z.unknown().transform((value, context): CopyValue => {
  const converted = copyValueFromFirestore(value);
  if (converted !== foreignValue) return converted;
  context.addIssue({ code: 'custom', message: 'expected a value that a copy can have' });
  return z.NEVER;
});

const recordSchema = z.looseObject({
  schemaVersion: z.literal(schemaVersion),
  projectId: z.string(),
  desired: z.object({
    kind: z.enum(['unknown', 'live', 'deleted']),
    version: versionSchema.nullable(),
    deletedVersion: versionSchema.nullable(),
    fields: z.record(z.string(), z.object({ value: copyValueInRecord, version: versionSchema })),
  }),
  revision: countSchema,
  appliedRevision: countSchema,
  lease: z.object({ holder: z.string(), eventId: z.string(), expiresAt: z.number() }).nullable(),
  progress: z
    .object({
      revision: countSchema,
      plan: z.string().default(''),
      isShadow: z.boolean().default(false),
      ranges: z.array(
        z.object({
          collection: z.string(),
          after: z.string().nullable(),
          before: z.string().nullable(),
          asset: z.string().optional(),
        }),
      ),
      processed: countSchema,
      scanned: countSchema.default(0),
      total: countSchema.nullable(),
      startedAt: z.number(),
      createdBefore: z.number().nullable(),
    })
    .nullable(),
  attempts: z.record(z.string(), z.object({ count: countSchema, lastError: z.string().nullable() })),
  expireAt: z.instanceof(Timestamp).nullable(),
  deletedAt: z.instanceof(Timestamp).nullish(),
  visitAt: z.instanceof(Timestamp).nullable().default(null),
  visitNumber: z.number().int().min(1).nullable().default(null),
  refuted: z.array(versionSchema).default([]),
  parked: z.object({ eventId: z.string(), since: z.number() }).nullable().default(null),
  open: z
    .array(
      z.object({
        id: z.string(),
        type: z.enum(eventTypes),
        version: versionSchema,
        origin: originSchema,
        changes: z.record(z.string(), copyValueInRecord).nullable(),
        receivedAt: z.number(),
        refutedBefore: z.array(versionSchema).default([]),
        outcome: z.enum(eventOutcomes),
      }),
    )
    .default([]),
  hold: z
    .object({
      state: z.enum(['held', 'released', 'discarded']),
      since: z.number(),
      eventId: z.string(),
      version: versionSchema,
    })
    .nullish(),
});

/** Where the record of a project is kept. */
export function projectRecordRef(firestore: Firestore, projectId: string): DocumentReference {
  return firestore.collection(recordCollections.projects).doc(documentIdFrom(projectId));
}

/** The record of a project of which nothing is known yet. */
export function emptyProjectRecord(projectId: string): ProjectRecord {
  return {
    projectId,
    desired: { kind: 'unknown', version: null, deletedVersion: null, fields: {} },
    revision: 0,
    appliedRevision: 0,
    lease: null,
    progress: null,
    attempts: {},
    expireAt: null,
    deletedAt: null,
    hold: null,
    parked: null,
    visit: null,
    refuted: [],
    open: [],
  };
}

/** Reads a record; a missing one reads as empty.
 *  @throws ProjectRecordError when it does not parse or belongs to another project. */
export function parseProjectRecord(projectId: string, data: unknown): ProjectRecord {
  if (data === undefined) return emptyProjectRecord(projectId);
  const result = recordSchema.safeParse(data);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ProjectRecordError(
      projectId,
      issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'not a record',
    );
  }
  const record = result.data;
  if (record.projectId !== projectId) {
    throw new ProjectRecordError(projectId, `it says that it belongs to project "${record.projectId}"`);
  }
  return {
    projectId,
    desired: record.desired,
    revision: record.revision,
    appliedRevision: record.appliedRevision,
    lease: record.lease,
    progress: record.progress,
    attempts: record.attempts,
    expireAt: record.expireAt?.toMillis() ?? null,
    deletedAt: record.deletedAt?.toMillis() ?? null,
    hold: record.hold ?? null,
    parked: record.parked,
    visit: visitOf(record.visitAt, record.visitNumber),
    refuted: record.refuted,
    open: record.open,
  };
}

function visitOf(at: Timestamp | null, number: number | null): Visit | null {
  return at === null || number === null ? null : { number, at: at.toMillis() };
}

/** The fields of a record that say when its project is visited: a query finds those that are due. */
export function visitData(visit: Visit | null): {
  readonly visitAt: Timestamp | null;
  readonly visitNumber: number | null;
} {
  return {
    visitAt: visit === null ? null : Timestamp.fromMillis(visit.at),
    visitNumber: visit?.number ?? null,
  };
}

/** What people call a project: the field `name`, or else the first text that assets repeat; null when none is known. */
export function nameOf({ desired: { fields } }: Pick<ProjectRecord, 'desired'>): string | null {
  const texts = [fields.name, ...Object.values(fields)].map((field) => field?.value);
  return texts.find((value) => typeof value === 'string') ?? null;
}

/** Longest part of a name that is searched, in characters. */
const maxSearchLength = 100;

/** A name, or its beginning, as records are searched for it: without regard to case. */
export function searchNameOf(name: string): string {
  return name.trim().normalize('NFC').toLowerCase().slice(0, maxSearchLength).toWellFormed();
}

/** The document that holds a record. It is always written whole, inside the transaction that read it. */
export function projectRecordData({ visit, ...record }: ProjectRecord): Record<string, unknown> {
  return {
    ...record,
    ...visitData(visit),
    schemaVersion,
    searchName: searchNameOf(nameOf(record) ?? ''),
    expireAt: record.expireAt === null ? null : Timestamp.fromMillis(record.expireAt),
    deletedAt: record.deletedAt === null ? null : Timestamp.fromMillis(record.deletedAt),
  };
}
