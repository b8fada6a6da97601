import { type DocumentReference, type DocumentSnapshot, type Firestore, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../../config/defineConfig.ts';
import { documentIdFrom, hasDocumentId } from '../../records/documentIds.ts';
import { schemaVersion } from '../../records/projectRecord.ts';

const count = z.number().int().min(0);
const time = z.instanceof(Timestamp).transform((value) => value.toMillis());

/** What a purge has removed for good. */
const certificateSchema = z.object({
  projectId: z.string(),
  pages: count,
  documents: count,
  /** Bytes of the documents before compression. */
  bytes: count,
  /** Objects of cold storage. */
  objects: count,
  /** Of the deletions that had archived them, the oldest first; of many only some. */
  versions: z.array(z.string()),
  /** SHA-256 (hex) over the paths of the documents, or over the checksum of a page that does not list them, page after
   *  page in the order of their ids: it can be computed again from a backup, and tells nothing of the paths. */
  paths: z.string(),
});
export type PurgeCertificate = z.output<typeof certificateSchema>;

const jobSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  type: z.enum(['restore', 'purge']),
  status: z.enum(['pending', 'running', 'done', 'failed']),
  /** Whose archive it is. */
  projectId: z.string(),
  /** Another project that the assets are restored into. */
  to: z.string().nullable(),
  /** Names of collections; all when null. */
  collections: z.array(z.string()).nullable(),
  /** Nothing is restored, only counted. */
  dryRun: z.boolean(),
  reason: z.string(),
  /** Who asked. */
  initiator: z.string(),
  via: z.enum(['api', 'terminal', 'schedule']),
  startedAt: time,
  updatedAt: time,
  finishedAt: time.nullable(),
  /** When a TTL policy may remove the record. */
  expireAt: time,
  /** Documents in the archive when it began; null before that. */
  total: count.nullable(),
  /** Documents restored (or that could be), or purged. */
  processed: count,
  /** Id of the last page that it is done with in this round. */
  cursor: z.string().nullable(),
  /** Documents at the beginning of the next page that stay there. */
  skip: count,
  /** What lay below an asset is restored after it, if need be in a second round. */
  round: count,
  createdInRound: count,
  postponed: count,
  /** Documents that stay in the archive. */
  conflicts: count,
  /** Which, and why: the first of them. */
  errors: z.array(z.string()),
  /** Objects of cold storage whose page is gone, and that go next. */
  objects: z.array(z.string()),
  certificate: certificateSchema.nullable(),
});

/** One restore or purge: `syncJobs/{id}`. */
export type ArchiveJob = z.output<typeof jobSchema> & { readonly id: string };

/** So many conflicts are listed; all are counted. */
export const mostListed = 100;

/** A job of the archive that cannot be understood. */
export class ArchiveJobError extends Error {
  constructor(path: string, problem: string) {
    super(`${path} is no job of the archive that can be read (${problem}); ask for the work anew`);
    this.name = 'ArchiveJobError';
  }
}

export function archiveJobRef(firestore: Firestore, id: string): DocumentReference {
  return firestore.collection(recordCollections.jobs).doc(id);
}

/** The record of a job of the archive; undefined where there is none of that id: others' jobs are kept beside them, and
 *  the id of a request may be any text. */
export async function findArchiveJob(firestore: Firestore, id: string): Promise<DocumentSnapshot | undefined> {
  if (!hasDocumentId(id) || documentIdFrom(id) !== id) return undefined;
  const stored = await archiveJobRef(firestore, id).get();
  return jobSchema.shape.type.safeParse(stored.get('type')).success ? stored : undefined;
}

/** @throws ArchiveJobError */
export function parseArchiveJob(id: string, data: unknown): ArchiveJob {
  const parsed = jobSchema.safeParse(data);
  if (parsed.success) return { id, ...parsed.data };
  throw new ArchiveJobError(`${recordCollections.jobs}/${id}`, z.prettifyError(parsed.error));
}

/** The document that holds a job. */
export function archiveJobData({ id: _, ...job }: ArchiveJob): Record<string, unknown> {
  return {
    ...job,
    startedAt: Timestamp.fromMillis(job.startedAt),
    updatedAt: Timestamp.fromMillis(job.updatedAt),
    finishedAt: job.finishedAt === null ? null : Timestamp.fromMillis(job.finishedAt),
    expireAt: Timestamp.fromMillis(job.expireAt),
    origin: { service: 'lockstep', channel: 'archive' },
  };
}

export interface NewArchiveJob extends Pick<ArchiveJob, 'type' | 'projectId' | 'reason' | 'initiator' | 'via'> {
  readonly to?: string | undefined;
  readonly collections?: readonly string[] | undefined;
  readonly dryRun?: boolean | undefined;
  /** In ms since 1970. */
  readonly now: number;
  /** How long the job is kept, in ms. */
  readonly retentionMs: number;
  readonly uniqueId: string;
}

/** A job that is to be done. */
export function newArchiveJob(asked: NewArchiveJob): ArchiveJob {
  const { type, projectId, reason, initiator, via, now, retentionMs, uniqueId } = asked;
  return {
    id: `${type}-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${uniqueId}`,
    schemaVersion,
    type,
    status: 'pending',
    projectId,
    to: asked.to ?? null,
    collections: asked.collections ? [...asked.collections] : null,
    dryRun: asked.dryRun === true,
    reason,
    initiator,
    via,
    startedAt: now,
    updatedAt: now,
    finishedAt: null,
    expireAt: now + retentionMs,
    total: null,
    processed: 0,
    cursor: null,
    skip: 0,
    round: 1,
    createdInRound: 0,
    postponed: 0,
    conflicts: 0,
    errors: [],
    objects: [],
    certificate: null,
  };
}
