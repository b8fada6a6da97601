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
export function readsOf(job: Pick<ReconcileJob, 'collections' | 'recordReads' | 'phantoms' | 'files'>): number {
  const others = job.recordReads + (job.phantoms?.reads ?? 0) + (job.files?.reads ?? 0);
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

/** How far a job is, as jobs of every type say it. */
export interface ShownProgress {
  /** Projects scanned. */
  readonly processed: number;
  readonly total: number | null;
  /** From 0 to 100, and 100 only of a finished job. */
  readonly percent: number;
  readonly errors: readonly string[];
}

/** The share of a run that its scan is taken for, where something follows it. */
const scanShare = { report: 1, clean: 0.5, verify: 0.8 };

/** What is shown of a job that is at work. */
const mostOfRunning = 99;

export function shownProgressOf(job: Omit<ReconcileJob, 'id'>): ShownProgress {
  const { mode, status, projects, source, ranges, lastError, repair, brake } = job;
  const total = ranges.length === 0 ? null : Math.max(source.projects, projects);
  const scanned = scannedShareOf(job);
  const share = scanShare[mode] * scanned + (1 - scanShare[mode]) * followingShareOf(job);
  const errors = [...(brake === null ? [] : [brake.saw]), ...(lastError === null ? [] : [lastError])];
  return {
    processed: projects,
    total,
    percent: status === 'done' ? mostOfRunning + 1 : Math.min(mostOfRunning, Math.floor(share * (mostOfRunning + 1))),
    errors: [...errors, ...repair.failures],
  };
}

type Job = Omit<ReconcileJob, 'id'>;

function scannedShareOf({ ranges, projects, source }: Job): number {
  if (ranges.length > 0 && ranges.every(({ done }) => done)) return 1;
  return source.projects === 0 ? 0 : Math.min(1, projects / source.projects);
}

/** Of what follows the scan: repairs, or whole samples. */
function followingShareOf({ mode, phase, chunks, repair, verification }: Job): number {
  if (mode === 'verify') {
    const { samples, sampled } = verification ?? { samples: null, sampled: 0 };
    return samples === null || samples.length === 0 ? 0 : sampled / samples.length;
  }
  if (phase === 'scan' || chunks === 0) return 0;
  return (repair.round === 'unknown' ? 1 : repair.chunk / chunks) || 0;
}
