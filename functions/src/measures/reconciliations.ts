import type { Firestore } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { parseJob, parseState, stateDocument } from '../reconcile/jobRecord.ts';
import { findingsOf, readsOf } from '../reconcile/progress.ts';

/** A reconciliation that came to its end. */
export interface FinishedReconciliation {
  readonly jobId: string;
  readonly mode: string;
  /** In ms since 1970. */
  readonly finishedAt: number;
  readonly findings: number;
  /** Whether it was over all projects and collections: what single ones do not show says nothing of the others. */
  readonly isOverAll: boolean;
  readonly reads: number;
  /** Assets that it repaired. */
  readonly assets: number;
}

/** The reconciliation that ended last; null before the first. Reads the state of reconciliation, and the job when it is
 *  another one than `known`.
 *  @throws ReconcileRecordError; what Firestore answers. */
export async function lastReconciliation(
  firestore: Firestore,
  known: FinishedReconciliation | null,
): Promise<FinishedReconciliation | null> {
  const jobs = firestore.collection(recordCollections.jobs);
  const { lastFinished } = parseState((await jobs.doc(stateDocument).get()).data());
  if (lastFinished === null || lastFinished === known?.jobId) return known;
  const stored = await jobs.doc(lastFinished).get();
  if (!stored.exists) return known;
  const job = parseJob(lastFinished, stored.data());
  return {
    jobId: job.id,
    mode: job.mode,
    finishedAt: job.finishedAt ?? job.updatedAt,
    findings: findingsOf(job),
    isOverAll: job.recordsTotal !== null && job.collections.every(({ assets }) => assets !== null),
    reads: readsOf(job),
    assets: job.repair.outcomes.assets,
  };
}
