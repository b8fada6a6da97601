import { Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../config/defineConfig.ts';
import { type ReconcileRequest, reconcileModes } from '../events/reconciliationRequest.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import { brakeKinds } from './brakes.ts';
import { type FindingCounts, findingKinds, noFindings, repairKinds } from './findings.ts';

const count = z.number().int().min(0);
const time = z.instanceof(Timestamp).transform((value) => value.toMillis());

const sightSchema = z.object({
  database: z.string(),
  collection: z.string(),
  uuid: z.string().nullable(),
  projects: count,
});

const meterSchema = z.object({ hops: count, counts: count, closer: count });

const outcomesSchema = z.object({
  /** Projects whose assets were scanned, and how many assets were deleted or updated for it. */
  applied: count,
  assets: count,
  /** Another worker was on it, or the rest is published as a continuation. */
  deferred: count,
  /** No longer so at the second look. */
  settled: count,
  /** Orphans that the second look found alive. */
  contradicted: count,
  held: count,
  failed: count,
});
export type RepairOutcomes = z.output<typeof outcomesSchema>;

const kind = z.enum(findingKinds);

/** What a job was asked for, apart from its mode and reason; kept with one that an operator has asked for. */
const requestSchema = z.object({
  collections: z.array(z.string()).nullable(),
  projectIds: z.array(z.string()).nullable(),
  phantoms: z.boolean(),
  files: z.boolean().default(false),
  filesOlderThanDays: count.nullable().default(null),
  samples: count.nullable(),
  allow: z.object({
    orphans: count.optional(),
    unknownIds: count.optional(),
    phantoms: count.optional(),
    files: count.optional(),
    shrink: z.boolean().optional(),
    source: z.boolean().optional(),
  }),
});

const verificationSchema = z.object({
  /** Projects that are looked at twice: what was different at the first look is counted at the second. */
  lookedTwice: count,
  /** How far the second looks have come: `offset` entries of document `chunk`. */
  chunk: count,
  offset: count,
  /** Different at the first look, in step at the second: changes that were under way. */
  settled: count,
  /** Records whose newest state the assets do not show yet. */
  pending: count,
  /** Projects to be read whole; null before they were picked. */
  samples: z.array(z.string()).nullable(),
  /** Of these, how many were read, with how many assets. */
  sampled: count,
  assets: count,
  /** Records that were compared with the fold of their events. */
  histories: count,
  reads: count,
});

const jobSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  type: z.enum(['reconciliation', 'verification']),
  requestKey: z.string(),
  mode: z.enum(reconcileModes),
  reason: z.string(),
  /** Who asked. */
  initiator: z.string().default('lockstep'),
  request: requestSchema.nullable().default(null),
  status: z.enum(['pending', 'running', 'done', 'braked', 'abandoned', 'cancelled']),
  phase: z.enum(['scan', 'repair']),
  startedAt: time,
  updatedAt: time,
  finishedAt: time.nullable(),
  /** When a TTL policy may remove the record. */
  expireAt: time,
  /** Invocations that worked on it. */
  invocations: count,
  lastError: z.string().nullable(),
  source: sightSchema,
  /** What is left of each range. */
  ranges: z.array(z.object({ from: z.string(), to: z.string().nullable(), done: z.boolean() })),
  collections: z.array(
    z.object({
      name: z.string(),
      /** By `count()`; null in a run over single projects. */
      assets: count.nullable(),
      /** Whether some assets lack a copy, so that its ranges have to be looked at more closely. */
      lacksCopies: z.boolean(),
      projects: count,
      /** Of these projects, those with findings about their assets in this collection; null in records of earlier
       *  releases. */
      behind: count.nullable().default(null),
      tuples: count,
      /** Of what the assets show, and of what they should show; null in records of earlier releases. */
      checksums: z.object({ assets: z.string(), projects: z.string() }).nullable().default(null),
      reads: meterSchema,
    }),
  ),
  projects: count,
  /** Projects that speak for or against MongoDB: with assets or a live record, without those that are held or
   *  unknown. */
  judged: count,
  young: count,
  /** Records of projects that are compared; null in a run over single collections, which compares none. */
  recordsTotal: count.nullable(),
  /** Records seen. */
  records: count,
  /** Orphans whose deletion became known within the window of mass deletions, by the minute in which it did (ms since
   *  1970). An unfinished run of an earlier release has their number only. */
  recentOrphans: z.union([z.record(z.string(), count), count.transform((): Record<string, number> => ({}))]),
  /** Deletions that were known within the window when the scan was judged; null before. */
  recentDeletions: count.nullable(),
  /** Unknown ids that are within limits; null before the scan was judged. */
  unknownAllowed: count.nullable(),
  /** Wasted reads, of `reads.hops`: documents read ahead that brought nothing new, and queries without results. */
  waste: count,
  /** Reads of project records. */
  recordReads: count,
  lookups: count,
  /** Subtrees below missing documents; null in a run that does not look for them. */
  phantoms: z
    .object({
      /** Of each recursive collection: the path that is looked at (of a group or a pattern one after another, empty
       *  before the first), and behind which document to resume. */
      places: z.array(z.object({ path: z.string(), after: z.string().nullable(), done: z.boolean() })),
      /** Documents of these, existing or not. */
      children: count,
      reads: count,
      /** Documents below missing ones. */
      documents: count,
      /** Missing documents below which something is to be removed. */
      found: z.array(z.string()),
      /** How many may be removed; null before the scan was judged. */
      allowed: count.nullable(),
      /** Documents that were removed. */
      removed: count,
    })
    .nullable(),
  /** Files that no asset names; null in a run that does not look for them. */
  files: z
    .object({
      /** Whether it is known which files all assets name: nothing is unnamed before. */
      isIndexed: z.boolean(),
      /** When that begins to be found out (ms since 1970), if that is later than this run; else null. */
      notBefore: z.number().nullable(),
      /** When the listing began, in ms since 1970, and where it goes on. */
      listedAt: z.number().nullable(),
      next: z.string().nullable(),
      done: z.boolean(),
      /** Files below the prefix, and their bytes. */
      listed: count,
      bytes: count,
      /** Too young to judge. */
      young: count,
      /** Of those that no asset names: their bytes, and how many are old enough to be removed. */
      unnamedBytes: count,
      old: count,
      /** Requests for pages of the listing; documents read. */
      lists: count,
      reads: count,
      /** Names to be removed, as far as there is room: what does not fit is found again by the next run. */
      found: z.array(z.string()),
      /** How many may be removed; null before the scan was judged. */
      allowed: count.nullable(),
      /** Files whose removal was asked for. */
      asked: count,
    })
    .nullable()
    .default(null),
  verification: verificationSchema.nullable().default(null),
  findings: z.partialRecord(kind, count).transform((found): FindingCounts => ({ ...noFindings(), ...found })),
  examples: z.array(
    z.object({
      kind,
      projectId: z.string().nullable(),
      collections: z.array(z.string()),
      path: z.string().nullable(),
      detail: z.string(),
    }),
  ),
  /** Whether a clean run has repaired nothing because of shadow mode. */
  isShadow: z.boolean().default(false),
  brake: z.object({ kind: z.enum(brakeKinds), saw: z.string(), goOn: z.string() }).nullable(),
  /** Documents of `syncJobFindings` that were written. */
  chunks: count,
  /** How far the repair has come: `offset` entries of document `chunk`. The unknown ids have a round of their own. */
  repair: z.object({
    round: z.enum(['known', 'unknown']),
    chunk: count,
    offset: count,
    outcomes: outcomesSchema,
    failures: z.array(z.string()),
  }),
  origin: z.object({ service: z.string(), channel: z.string() }),
});

/** One run of reconciliation, in `syncJobs/{id}`: what it has found, and where it goes on after an interruption. */
export type ReconcileJob = z.output<typeof jobSchema> & { readonly id: string };

/** What an operator has asked for, as the job that was written with the request keeps it. */
export function requestOf(job: ReconcileJob): ReconcileRequest | null {
  const { id: jobId, request, mode, reason, initiator: actor } = job;
  if (request === null) return null;
  const { collections, projectIds, phantoms, files, filesOlderThanDays, samples, allow } = request;
  return {
    mode,
    reason,
    actor,
    jobId,
    allow,
    ...(collections && { collections }),
    ...(projectIds && { projectIds }),
    ...(phantoms && { phantoms }),
    ...(files && { files }),
    ...(filesOlderThanDays !== null && { filesOlderThanDays }),
    ...(samples !== null && { samples }),
  };
}

/** Whether nothing more will be done for a job. */
export function isFinished({ status }: Pick<ReconcileJob, 'status'>): boolean {
  return status !== 'pending' && status !== 'running';
}

/** Collection below a job that holds what is to be repaired. Unlikely to be the name of a collection group of
 *  assets. */
export const findingsCollection = 'syncJobFindings';

/** Document of `syncJobs` with the lease, the runs to resume, and what MongoDB looked like to the last finished run. */
export const stateDocument = 'reconciliation-state';

const stateSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  type: z.literal('reconciliation-state'),
  lease: z.object({ holder: z.string(), expiresAt: z.number() }).nullable(),
  /** Request key -> id of a run that is not finished. */
  open: z.record(z.string(), z.string()),
  lastSource: sightSchema.nullable(),
  lastFinished: z.string().nullable(),
  /** Those that finished before it, the latest first; none in records of earlier releases. */
  finishedBefore: z.array(z.string()).default([]),
  /** Collection -> distinct tuples that the last run over all projects has found there. */
  lastTuples: z.record(z.string(), count),
});
export type ReconcileState = z.output<typeof stateSchema>;

const chunkSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  entries: z.array(z.object({ projectId: z.string(), what: z.enum(repairKinds) })),
});
export type FindingsChunk = z.output<typeof chunkSchema>['entries'];

/** A record of reconciliation that cannot be understood. Going on by a guess could delete what lives. */
export class ReconcileRecordError extends Error {
  constructor(path: string, error: z.ZodError) {
    const [issue] = error.issues;
    super(
      `${path} cannot be read (${issue?.path.map(String).join('.')}: ${issue?.message}). Repair or remove it and run again: a run without it begins anew.`,
    );
    this.name = 'ReconcileRecordError';
  }
}

/** Reads a job.
 *  @throws ReconcileRecordError */
export function parseJob(id: string, data: unknown): ReconcileJob {
  return { id, ...parse(jobSchema, `${recordCollections.jobs}/${id}`, data) };
}

/** Reads the state; a missing one is that of the first run.
 *  @throws ReconcileRecordError */
export function parseState(data: unknown): ReconcileState {
  if (data === undefined) {
    const nothing = { lease: null, open: {}, lastSource: null, lastFinished: null, finishedBefore: [], lastTuples: {} };
    return { schemaVersion, type: 'reconciliation-state', ...nothing };
  }
  return parse(stateSchema, `${recordCollections.jobs}/${stateDocument}`, data);
}

/** @throws ReconcileRecordError */
export function parseChunk(path: string, data: unknown): FindingsChunk {
  return parse(chunkSchema, path, data).entries;
}

function parse<T>(schema: z.ZodType<T>, path: string, data: unknown): T {
  const result = schema.safeParse(data);
  if (!result.success) throw new ReconcileRecordError(path, result.error);
  return result.data;
}
