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
export function readsOf(job: Pick<ReconcileJob, 'collections' | 'recordReads' | 'phantoms'>): number {
  const others = job.recordReads + (job.phantoms?.reads ?? 0);
  return job.collections.reduce((sum, { reads }) => sum + reads.hops + reads.counts + reads.closer, others);
}

/** Findings of all kinds. */
export function findingsOf(job: Pick<ReconcileJob, 'findings'>): number {
  return Object.values(job.findings).reduce((sum, count) => sum + count, 0);
}

/** Projects that MongoDB does not have, of those with a record. */
export function orphansOf(job: Pick<ReconcileJob, 'findings'>): number {
  const { findings } = job;
  return findings['orphan-with-tombstone'] + findings['orphan-unknown'] + findings['live-record-of-missing'];
}

export function progressOf(job: ReconcileJob): ReconcileProgress {
  const { outcomes } = job.repair;
  const repaired =
    outcomes.applied + outcomes.deferred + outcomes.settled + outcomes.contradicted + outcomes.held + outcomes.failed;
  const isScan = job.phase === 'scan';
  return {
    phase: job.phase,
    done: isScan ? job.projects : repaired,
    about: isScan ? job.source.projects : findingsOf(job),
    reads: readsOf(job),
    findings: findingsOf(job),
    startedAt: job.startedAt,
  };
}
