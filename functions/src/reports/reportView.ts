import type { ReportView } from '../api/views/integrity.ts';
import type { BrakeKind } from '../reconcile/brakes.ts';
import { type FindingKind, findingKinds } from '../reconcile/findings.ts';
import type { ReconcileJob } from '../reconcile/jobRecord.ts';
import { orphansOf, readsOf } from '../reconcile/progress.ts';

type Brake = NonNullable<ReportView['brake']>;
type Detail = ReportView['details'][number];

/** The job of a reconciliation or of a verification as everybody shows it: API, page, and the files of commands. */
export function reportViewOf(job: ReconcileJob): ReportView {
  return {
    id: job.id,
    type: job.type,
    mode: job.isShadow ? `${job.mode} (shadow)` : job.mode,
    status: job.status,
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
    initiator: job.initiator,
    reason: job.reason,
    projects: job.source.projects,
    collections: job.collections.map((tally) => ({
      name: tally.name,
      assets: tally.assets,
      inStep: isScanned(job) ? shareInStep(tally) : null,
      checksums: isScanned(job) ? checksumsOf(tally) : 'not-compared',
    })),
    findings: Object.fromEntries(
      findingKinds.filter((kind) => job.findings[kind] > 0).map((kind) => [kind, job.findings[kind]]),
    ),
    examples: job.examples.map(({ kind, projectId, path, detail }) => ({
      kind,
      projectId: projectId ?? '',
      path: path ?? '',
      detail,
    })),
    details: detailsOf(job),
    brake: job.brake && { ...job.brake, allow: allowanceFor(job.brake.kind, job) },
  };
}

/** The ranges are made when scanning begins: without them nothing has been seen. */
function isScanned({ ranges }: ReconcileJob): boolean {
  return ranges.length > 0 && ranges.every(({ done }) => done);
}

type Tally = ReconcileJob['collections'][number];

function shareInStep({ projects, behind }: Tally): number | null {
  if (behind === null) return null;
  return projects === 0 ? 1 : (projects - behind) / projects;
}

/** In records of earlier releases there are none; where there are no assets, there is nothing to differ. */
function checksumsOf({ checksums, projects }: Tally): ReportView['collections'][number]['checksums'] {
  if (checksums === null) return projects === 0 ? 'equal' : 'not-compared';
  return checksums.assets === checksums.projects ? 'equal' : 'different';
}

/** What a person allows to go on past a brake on purpose, as the operation reconcile takes it. Null: nothing takes it
 *  off but what the brake says itself. */
export function allowanceFor(kind: BrakeKind, job: Pick<ReconcileJob, 'findings'>): Brake['allow'] {
  switch (kind) {
    case 'too-many-orphans':
      return { orphans: orphansOf(job) };
    case 'projects-shrunk':
      return { shrink: true };
    case 'source-changed':
      return { source: true };
    case 'source-empty':
    case 'source-ids':
    case 'source-unsteady':
    case 'source-unreachable':
    case 'source-refused':
      return null;
  }
}

function detailsOf(job: ReconcileJob): Detail[] {
  const { phase, repair, verification, files, isShadow } = job;
  return [
    { name: 'projects with assets', value: job.projects },
    { name: 'records compared', value: job.records },
    { name: 'too young to judge', value: job.young },
    { name: 'reads of the scan', value: readsOf(job) },
    ...(verification === null ? [] : verificationDetails(verification)),
    ...(files === null ? [] : filesDetails(files)),
    ...(phase === 'repair'
      ? [
          { name: 'projects repaired', value: repair.outcomes.applied },
          { name: 'assets deleted or updated', value: repair.outcomes.assets },
          { name: 'repairs failed', value: repair.outcomes.failed },
        ]
      : []),
    ...(isShadow ? [{ name: 'shadow mode', value: 'nothing was repaired; what differs is what would be' }] : []),
    ...leftAloneDetails(job),
  ];
}

function filesDetails(files: NonNullable<ReconcileJob['files']>): Detail[] {
  return [
    { name: 'files listed', value: files.listed },
    { name: 'bytes of files that no asset names', value: files.unnamedBytes },
    { name: 'files whose removal was asked for', value: files.asked },
  ];
}

function verificationDetails(verification: NonNullable<ReconcileJob['verification']>): Detail[] {
  return [
    { name: 'projects looked at twice', value: verification.lookedTwice },
    { name: 'in step at the second look', value: verification.settled },
    { name: 'records ahead of their assets', value: verification.pending },
    { name: 'projects read whole', value: verification.sampled },
    { name: 'assets read whole', value: verification.assets },
    { name: 'records compared with their history', value: verification.histories },
    { name: 'reads of samples and histories', value: verification.reads },
  ];
}

/** Findings that a clean run leaves alone as too many, and what allows them: no brake, for all else is repaired. */
function leftAloneDetails({ findings, unknownAllowed, phantoms, files }: ReconcileJob): Detail[] {
  const leftAlone = (kind: FindingKind, allowed: number | null | undefined, allowance: string): Detail[] =>
    typeof allowed === 'number' && findings[kind] > allowed
      ? [{ name: `too many to repair: ${kind}`, value: `${findings[kind]}; ${allowed} are allowed (${allowance})` }]
      : [];
  return [
    ...leftAlone('unknown-id', unknownAllowed, 'allow.unknownIds'),
    ...leftAlone('phantom', phantoms?.allowed, 'allow.phantoms'),
    ...(files !== null && files.allowed !== null && files.old > files.allowed
      ? [
          {
            name: 'too many to remove: unnamed-file',
            value: `${files.old}; ${files.allowed} are allowed (allow.files)`,
          },
        ]
      : []),
  ];
}
