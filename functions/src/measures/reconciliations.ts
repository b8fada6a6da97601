import type { Firestore } from 'firebase-admin/firestore';
import { recordCollections } from '../config/defineConfig.ts';
import { parseJob, parseState, type ReconcileJob, stateDocument } from '../reconcile/jobRecord.ts';
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

/** What became known of reconciliations. */
export interface EndedReconciliations {
  /** The one that ended last, of all times; null before the first. */
  readonly last: FinishedReconciliation | null;
  /** Those that ended since a time and after the one that is known, in their order. */
  readonly news: readonly FinishedReconciliation[];
}

/** Reads the state of reconciliation, and jobs from the last one backwards to the one that is `known`, or to the first
 *  that ended before `since` (ms since 1970).
 *  @throws ReconcileRecordError; what Firestore answers. */
export async function endedReconciliations(
  firestore: Firestore,
  known: FinishedReconciliation | null,
  since: number,
): Promise<EndedReconciliations> {
  const jobs = firestore.collection(recordCollections.jobs);
  const { lastFinished, finishedBefore } = parseState((await jobs.doc(stateDocument).get()).data());
  let last: FinishedReconciliation | null = null;
  const news: FinishedReconciliation[] = [];
  for (const id of lastFinished === null ? [] : [lastFinished, ...finishedBefore]) {
    if (id === known?.jobId) break;
    const stored = await jobs.doc(id).get();
    if (!stored.exists) break;
    const finished = finishedFrom(parseJob(id, stored.data()));
    last ??= finished;
    if (finished.finishedAt < since) break;
    news.unshift(finished);
  }
  return { last: last ?? known, news };
}

function finishedFrom(job: ReconcileJob): FinishedReconciliation {
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
