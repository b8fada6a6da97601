import { Timestamp } from 'firebase-admin/firestore';
import type { ReconcileJob } from './jobRecord.ts';
import { shownProgressOf } from './progress.ts';

/** The document that holds a job; with what lists of jobs of every type show. */
export function jobData({ id: _id, ...job }: ReconcileJob): Record<string, unknown> {
  return {
    ...structuredClone(job),
    ...shownProgressOf(job),
    startedAt: Timestamp.fromMillis(job.startedAt),
    updatedAt: Timestamp.fromMillis(job.updatedAt),
    expireAt: Timestamp.fromMillis(job.expireAt),
    finishedAt: job.finishedAt === null ? null : Timestamp.fromMillis(job.finishedAt),
  };
}
