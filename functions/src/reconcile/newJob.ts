import type { ReconcileMode, ReconcileRequest } from '../events/reconciliationRequest.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import type { SourceSight } from './brakes.ts';
import { noFindings } from './findings.ts';
import type { ReconcileJob } from './jobRecord.ts';
import type { ReconcileDependencies } from './runRecord.ts';

/** What a run with this mode is. */
const typeOf = (mode: ReconcileMode) => (mode === 'verify' ? 'verification' : 'reconciliation');

/** The id of a job: jobs of one type sort by their time. */
export function newJobId(mode: ReconcileMode, now: number, uniqueId: string): string {
  return `${typeOf(mode)}-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${uniqueId}`;
}

/** A job that begins now. */
export function newJob(
  { clock, uniqueId, limits }: Pick<ReconcileDependencies, 'clock' | 'uniqueId' | 'limits'>,
  request: ReconcileRequest,
  requestKey: string,
  { database, collection, uuid, projects }: SourceSight,
  collections: readonly string[],
): ReconcileJob {
  const now = clock.now();
  return {
    id: request.jobId ?? newJobId(request.mode, now, uniqueId()),
    schemaVersion,
    type: typeOf(request.mode),
    requestKey,
    mode: request.mode,
    reason: request.reason,
    initiator: request.actor ?? 'lockstep',
    request: request.jobId === undefined ? null : keptRequest(request),
    status: 'running',
    phase: 'scan',
    startedAt: now,
    updatedAt: now,
    finishedAt: null,
    expireAt: now + limits.jobRetentionMs,
    invocations: 0,
    lastError: null,
    source: { database, collection, uuid, projects },
    ranges: [],
    collections: collections.map((name) => ({
      name,
      assets: null,
      lacksCopies: false,
      projects: 0,
      behind: 0,
      tuples: 0,
      checksums: null,
      reads: { hops: 0, counts: 0, closer: 0 },
    })),
    projects: 0,
    judged: 0,
    young: 0,
    recordsTotal: null,
    records: 0,
    recentOrphans: {},
    recentDeletions: null,
    unknownAllowed: null,
    waste: 0,
    recordReads: 0,
    lookups: 0,
    phantoms: null,
    files: null,
    verification: request.mode === 'verify' ? noVerification() : null,
    isShadow: false,
    findings: noFindings(),
    examples: [],
    brake: null,
    chunks: 0,
    repair: {
      round: 'known',
      chunk: 0,
      offset: 0,
      outcomes: { applied: 0, assets: 0, deferred: 0, settled: 0, contradicted: 0, held: 0, failed: 0 },
      failures: [],
    },
    origin: { service: 'lockstep', channel: 'reconciliation' },
  };
}

function keptRequest(request: ReconcileRequest): ReconcileJob['request'] {
  const { collections, projectIds, phantoms, files, filesOlderThanDays, samples, allow } = request;
  return {
    collections: collections ? [...collections] : null,
    projectIds: projectIds ? [...projectIds] : null,
    phantoms: phantoms === true,
    files: files === true,
    filesOlderThanDays: filesOlderThanDays ?? null,
    samples: samples ?? null,
    allow: Object.fromEntries(Object.entries(allow ?? {}).filter(([, value]) => value !== undefined)),
  };
}

function noVerification(): NonNullable<ReconcileJob['verification']> {
  return {
    lookedTwice: 0,
    chunk: 0,
    offset: 0,
    settled: 0,
    pending: 0,
    samples: null,
    sampled: 0,
    assets: 0,
    histories: 0,
    reads: 0,
  };
}
