import type { ReconcileJob } from './jobRecord.ts';

/** How far a run is, for whoever watches it. */
export interface ReconcileProgress {
  readonly phase: 'scan' | 'repair';
  /** Projects seen among the assets, or findings repaired. */
  readonly done: number;
  /** About how many there are; for the scan, as many as MongoDB has. */
  readonly about: number;
  readonly reads: number;
  readonly findings: number;
  readonly startedAt: number;
}

/** What Firestore bills for a run's scan, in reads: without its own records, and without repairs. */
export function readsOf(job: Pick<ReconcileJob, 'collections' | 'recordReads'>): number {
  return job.collections.reduce((sum, { reads }) => sum + reads.hops + reads.counts + reads.closer, job.recordReads);
}

/** Findings of all kinds. */
export function findingsOf(job: Pick<ReconcileJob, 'findings'>): number {
  return Object.values(job.findings).reduce((sum, count) => sum + count, 0);
}

/** Projects that MongoDB does not have. */
export function orphansOf(job: Pick<ReconcileJob, 'findings'>): number {
  return job.findings['orphan-with-tombstone'] + job.findings['orphan-unknown'];
}

/** Projects with assets that speak for or against MongoDB. Those whose deletion is held or was discarded do not:
 *  counted in, they would allow more orphans. What is held only at its repair was found as an orphan, and stays counted
 *  as one. */
export function judgedProjectsOf({ projects, findings, repair }: ReconcileJob): number {
  return projects - (findings.held - repair.outcomes.held);
}

export function progressOf(job: ReconcileJob): ReconcileProgress {
  const { outcomes } = job.repair;
  const repaired =
    outcomes.applied + outcomes.deferred + outcomes.settled + outcomes.contradicted + outcomes.held + outcomes.failed;
  const isScan = job.phase === 'scan';
  return {
    phase: job.phase,
    done: isScan ? job.projects : repaired,
    about: isScan ? job.source.projects : orphansOf(job) + job.findings['stale-copy'] + job.findings['missing-copy'],
    reads: readsOf(job),
    findings: findingsOf(job),
    startedAt: job.startedAt,
  };
}
