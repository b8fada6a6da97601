import { type DocumentSnapshot, FieldPath, type Query, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { recordCollections } from '../../config/defineConfig.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import type { JobView } from '../views/jobs.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ReaderDependencies, Views } from './views.ts';

const time = z.instanceof(Timestamp).transform((value) => value.toMillis());

/** What is shown of a job of any kind and of any release. */
const jobSchema = z.looseObject({
  type: z.enum(['update', 'delete', 'reconciliation', 'verification', 'restore', 'purge']),
  status: z.string(),
  projectId: z.string().nullish(),
  startedAt: time,
  finishedAt: time.nullish(),
  total: z.number().nullish(),
  processed: z.number().nullish(),
  percent: z.number().nullish(),
  errors: z.array(z.string()).nullish(),
  lastError: z.string().nullish(),
  initiator: z.string().nullish(),
  reason: z.string().nullish(),
  origin: z.looseObject({ service: z.string().optional(), actor: z.string().optional() }).optional(),
});

/** What the statuses of records are called here. */
const statusOf: Readonly<Record<string, JobView['status']>> = {
  pending: 'pending',
  running: 'running',
  continued: 'continued',
  done: 'done',
  failed: 'failed',
  braked: 'failed',
  abandoned: 'failed',
  held: 'held',
  releasing: 'held',
  released: 'pending',
  discarded: 'cancelled',
  superseded: 'cancelled',
  cancelled: 'cancelled',
};

export interface JobsReader extends Pick<Views, 'jobs' | 'job'> {
  /** The newest jobs at work, at most so many. */
  running(most: number): Promise<JobView[]>;
  /** The newest jobs of a project, at most so many. */
  newestOf(projectId: string, most: number): Promise<JobView[]>;
}

export function createJobsReader({ firestore }: ReaderDependencies): JobsReader {
  const jobs = firestore.collection(recordCollections.jobs);
  const newestFirst = (query: Query) => query.orderBy('startedAt', 'desc').orderBy(FieldPath.documentId(), 'desc');
  const read = async (query: Query) => (await query.get()).docs.map(jobFrom);
  return {
    async jobs({ status, type, projectId, since, cursor }) {
      let query = newestFirst(jobs);
      if (status !== undefined) query = query.where('status', 'in', statusesShownAs(status));
      if (type !== undefined) query = query.where('type', '==', type);
      if (projectId !== undefined) query = query.where('projectId', '==', projectId);
      if (since !== undefined) query = query.where('startedAt', '>=', Timestamp.fromMillis(since));
      if (cursor !== undefined) query = query.startAfter(Timestamp.fromMillis(cursor.at), documentIdFrom(cursor.id));
      const items = await read(query.limit(pageSize(cursor)));
      return { items, next: nextOf(items, cursor, ({ id, startedAt }) => ({ id, at: startedAt })) };
    },
    async job(id) {
      const snapshot = await jobs.doc(documentIdFrom(id)).get();
      return snapshot.exists && snapshot.get('startedAt') !== undefined ? jobFrom(snapshot) : undefined;
    },
    newestOf: (projectId, most) => read(newestFirst(jobs).where('projectId', '==', projectId).limit(most)),
    running: (most) => read(newestFirst(jobs).where('status', 'in', ['pending', 'running', 'continued']).limit(most)),
  };
}

function statusesShownAs(status: JobView['status']): string[] {
  return Object.entries(statusOf).flatMap(([name, shown]) => (shown === status ? [name] : []));
}

/** A job as it is shown. One whose record cannot be read is shown as failed, and why: its neighbours are shown all the
 *  same (I11). */
export function jobFrom(snapshot: DocumentSnapshot): JobView {
  const id = textFromDocumentId(snapshot.id);
  const parsed = jobSchema.safeParse(snapshot.data());
  if (!parsed.success) return unreadableJob(id, snapshot, z.prettifyError(parsed.error));
  const { data } = parsed;
  const processed = data.processed ?? 0;
  const total = data.total ?? null;
  const status = statusOf[data.status] ?? 'failed';
  return {
    id,
    type: data.type,
    status,
    projectId: data.projectId ?? null,
    percent: data.percent ?? percentOf(status, processed, total),
    processed,
    total,
    startedAt: data.startedAt,
    finishedAt: data.finishedAt ?? null,
    initiator: data.initiator ?? data.origin?.actor ?? data.origin?.service ?? 'unknown',
    reason: data.reason ?? null,
    errors: data.errors ?? (data.lastError ? [data.lastError] : []),
  };
}

/** Work that is not done is never at 100: an asset may be all that is left of a million. */
function percentOf(status: JobView['status'], processed: number, total: number | null): number | null {
  if (status === 'done') return 100;
  if (total === null) return null;
  return total === 0 ? 0 : Math.min(99, Math.floor((processed / total) * 100));
}

function unreadableJob(id: string, snapshot: DocumentSnapshot, problem: string): JobView {
  const startedAt: unknown = snapshot.get('startedAt');
  const projectId: unknown = snapshot.get('projectId');
  return {
    id,
    type: 'update',
    status: 'failed',
    projectId: typeof projectId === 'string' ? projectId : null,
    percent: null,
    processed: 0,
    total: null,
    startedAt: startedAt instanceof Timestamp ? startedAt.toMillis() : 0,
    finishedAt: null,
    initiator: 'unknown',
    reason: null,
    errors: [`the record ${snapshot.ref.path} cannot be read: ${problem}`],
  };
}
