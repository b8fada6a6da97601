import { printable } from '../printable.ts';
import type { Brake } from './brakes.ts';
import { type FindingCounts, type FindingExample, findingKinds } from './findings.ts';
import type { ReconcileJob, RepairOutcomes } from './jobRecord.ts';
import { findingsOf, readsOf } from './progress.ts';

/** What a run has found and done. */
export interface ReconcileReport {
  readonly jobId: string;
  readonly mode: ReconcileJob['mode'];
  readonly status: ReconcileJob['status'];
  readonly reason: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Invocations that worked on it. */
  readonly invocations: number;
  readonly source: ReconcileJob['source'];
  /** How much was scanned: a run that a brake or its time ended may have seen nothing, or a part. */
  readonly scanned: 'all' | 'part' | 'nothing';
  /** Records of projects that were compared with MongoDB. */
  readonly records: number;
  /** Projects that have assets, and those counted among them: of a group that is in step nobody knows which have. */
  readonly projects: number;
  /** Projects that MongoDB does not have, with evidence so new that they are left alone. */
  readonly young: number;
  readonly collections: readonly CollectionReport[];
  /** Reads of project records, for projects that MongoDB does not have. */
  readonly recordReads: number;
  readonly reads: number;
  readonly findings: FindingCounts;
  readonly examples: readonly FindingExample[];
  /** Null in mode `report`, and before the repair began. */
  readonly repaired: RepairOutcomes | null;
  readonly failures: readonly string[];
  /** Unknown ids whose assets a clean run leaves alone, since there are more than are allowed; 0 within limits. */
  readonly leftAlone: number;
  /** How many unknown ids are allowed; null before the scan was judged. */
  readonly unknownAllowed: number | null;
  /** Subtrees below missing documents; null in a run that did not look for them. */
  readonly phantoms: {
    /** Documents that were passed, existing or not, and what that cost. */
    readonly scanned: number;
    readonly reads: number;
    /** Documents below missing ones, and how many of those are gone now. */
    readonly documents: number;
    readonly removed: number;
    /** How many subtrees may be removed at once, and how many a clean run leaves alone since there are more. */
    readonly allowed: number | null;
    readonly leftAlone: number;
  } | null;
  /** Files that no asset names; null in a run that did not look for them. */
  readonly files: {
    /** ISO 8601: when it begins to be found out which files all assets name. Until that is known nothing is listed.
     *  Null where it is known. */
    readonly notBefore: string | null;
    readonly listed: number;
    readonly bytes: number;
    readonly young: number;
    readonly unnamedBytes: number;
    /** Old enough to be removed; how many may be; whose removal was asked for; and how many a clean run leaves
     *  alone. */
    readonly old: number;
    readonly allowed: number | null;
    readonly asked: number;
    readonly leftAlone: number;
    readonly lists: number;
    readonly reads: number;
  } | null;
  /** Whether a clean run has repaired nothing because of shadow mode. */
  readonly isShadow: boolean;
  readonly brake: Brake | null;
}

export interface CollectionReport {
  readonly name: string;
  /** By `count()`; null in a run over single projects. */
  readonly assets: number | null;
  readonly projects: number;
  readonly tuples: number;
  readonly reads: { readonly hops: number; readonly counts: number; readonly closer: number; readonly total: number };
  /** What reading every asset would have cost; null where it is not known. */
  readonly fullScan: number | null;
}

/** The report of a run, finished or not. */
export function reportOf(job: ReconcileJob): ReconcileReport {
  const iso = (ms: number) => new Date(ms).toISOString();
  const scanned = scannedOf(job);
  return {
    jobId: job.id,
    mode: job.mode,
    status: job.status,
    reason: job.reason,
    startedAt: iso(job.startedAt),
    finishedAt: job.finishedAt === null ? null : iso(job.finishedAt),
    invocations: job.invocations,
    source: job.source,
    scanned,
    records: job.records,
    projects: job.projects,
    young: job.young,
    collections: job.collections.map(({ name, assets, projects, tuples, reads }) => ({
      name,
      assets,
      projects,
      tuples,
      reads: { ...reads, total: reads.hops + reads.counts + reads.closer },
      fullScan: assets === null ? null : Math.max(1, assets),
    })),
    recordReads: job.recordReads,
    reads: readsOf(job),
    findings: { ...job.findings },
    examples: structuredClone(job.examples),
    repaired: job.phase === 'repair' ? { ...job.repair.outcomes } : null,
    failures: [...job.repair.failures],
    leftAlone: leftAloneOf(job),
    unknownAllowed: job.unknownAllowed,
    phantoms: job.phantoms && phantomsOf(job.phantoms, job.findings.phantom),
    files: job.files && filesOf(job.files),
    isShadow: job.isShadow,
    brake: job.brake,
  };
}

/** The ranges are made when scanning begins: without them nothing has been seen. */
function scannedOf({ ranges }: ReconcileJob): ReconcileReport['scanned'] {
  if (ranges.length === 0) return 'nothing';
  return ranges.every(({ done }) => done) ? 'all' : 'part';
}

function phantomsOf(
  { children, reads, documents, removed, allowed }: NonNullable<ReconcileJob['phantoms']>,
  found: number,
): ReconcileReport['phantoms'] {
  const leftAlone = allowed !== null && found > allowed ? found : 0;
  return { scanned: children, reads, documents, removed, allowed, leftAlone };
}

function filesOf(files: NonNullable<ReconcileJob['files']>): ReconcileReport['files'] {
  const { notBefore, listed, bytes, young, unnamedBytes, old, allowed, asked, lists, reads } = files;
  const leftAlone = allowed !== null && old > allowed ? old : 0;
  const begins = notBefore === null ? null : new Date(notBefore).toISOString();
  return { notBefore: begins, listed, bytes, young, unnamedBytes, old, allowed, asked, leftAlone, lists, reads };
}

function leftAloneOf({ findings, unknownAllowed }: ReconcileJob): number {
  const unknown = findings['unknown-id'];
  return unknownAllowed !== null && unknown > unknownAllowed ? unknown : 0;
}

const labels: Readonly<Record<keyof FindingCounts, string>> = {
  'orphan-with-tombstone': 'orphans with a known deletion (missed work)',
  'orphan-unknown': 'orphans without a known deletion',
  'unknown-id': 'ids that MongoDB does not have and no record names',
  'stale-copy': 'stale copies (projects x collections)',
  'missing-copy': 'missing copies (projects x collections)',
  'tombstone-of-living': 'records that say of a living project that it is deleted',
  'live-record-of-missing': 'records that say of a missing project that it lives',
  phantom: 'documents that do not exist, with others below them',
  'unnamed-file': 'files that no asset names',
  'record-ahead': "records with a version beyond MongoDB's operation time",
  'unusable-project-id': 'unusable project ids',
  'missing-project-id': 'assets without a project id',
  held: 'projects held',
  'sample-differs': 'projects of which an asset that was read whole differs',
  'history-differs': 'records that differ from the fold of their events',
};

/** The report as text for a terminal. */
export function renderReport(report: ReconcileReport): string {
  const { source } = report;
  const sections = [
    `Reconciliation ${report.jobId} (${report.mode}): ${report.status}`,
    `${source.database}.${source.collection}: ${number(source.projects)} projects in MongoDB, ${number(report.projects)} with assets, ${number(report.records)} records` +
      (report.young > 0 ? `, ${number(report.young)} too young to judge` : ''),
    ...(report.brake ? [renderBrake(report.brake, report)] : []),
    ...(report.isShadow
      ? ['Shadow mode (SYNC_MODE=shadow): nothing was repaired. The findings are what would be.']
      : []),
    renderCollections(report),
    renderFindings(report),
    ...(report.phantoms ? [renderPhantoms(report.phantoms, report)] : []),
    ...(report.files ? [renderFiles(report.files, report)] : []),
    ...(report.leftAlone > 0 ? [renderLeftAlone(report)] : []),
    ...(report.repaired ? [renderRepaired(report.repaired, report.failures)] : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

function renderBrake(brake: Brake, { repaired }: ReconcileReport): string {
  const consequence = repaired === null ? 'Nothing was changed.' : 'Nothing was changed after it.';
  return `BRAKE ${brake.kind}: ${printable(brake.saw)}.\n${consequence} To go on: ${brake.goOn}.`;
}

function renderPhantoms(phantoms: NonNullable<ReconcileReport['phantoms']>, { mode }: ReconcileReport): string {
  const { scanned, reads, documents, removed, allowed, leftAlone } = phantoms;
  const cost = `Missing documents: ${number(scanned)} documents passed for ${number(reads)} reads; ${number(documents)} lie below missing ones`;
  if (leftAlone === 0) return `${cost}, ${number(removed)} of them removed.`;
  const what = mode === 'clean' ? 'were left alone' : 'would be left alone by --clean';
  return `${cost}. All ${number(leftAlone)} subtrees ${what}: up to ${number(allowed ?? 0)} are allowed. If they are to go, run with --allow-phantoms ${leftAlone}.`;
}

function renderFiles(files: NonNullable<ReconcileReport['files']>, { mode, findings }: ReconcileReport): string {
  const { notBefore, listed, bytes, young, unnamedBytes, old, allowed, asked, leftAlone, lists, reads } = files;
  if (notBefore !== null) {
    return `Files: nothing is known of them before it is recorded which ones all assets name, which begins at ${notBefore}. Run again then.`;
  }
  const cost = `Files: ${number(listed)} (${number(bytes)} bytes) listed for ${number(reads)} reads and ${number(lists)} requests of class A; ${number(findings['unnamed-file'])} (${number(unnamedBytes)} bytes) are named by no asset, ${number(young)} are too young to judge`;
  if (leftAlone === 0) return `${cost}. Removal of ${number(asked)} asked for.`;
  const what = mode === 'clean' ? 'were left alone' : 'would be left alone by --clean';
  return `${cost}. All ${number(old)} that are old enough ${what}: up to ${number(allowed ?? 0)} are allowed. If they are to go, run with --allow-files ${old}.`;
}

function renderLeftAlone({ mode, leftAlone, unknownAllowed }: ReconcileReport): string {
  const what = mode === 'clean' ? 'were left alone' : 'would be left alone by --clean';
  return `The assets of ${number(leftAlone)} unknown ids ${what}: up to ${number(unknownAllowed ?? 0)} are allowed. If they are of no project, run with --allow-unknown-ids ${leftAlone}.`;
}

function renderCollections({ collections, reads, recordReads }: ReconcileReport): string {
  const header = ['collection', 'assets', 'projects', 'tuples', 'reads', '(hops', 'counts', 'closer)', 'full scan'];
  const rows = collections.map((collection) => [
    collection.name,
    collection.assets === null ? '-' : number(collection.assets),
    number(collection.projects),
    number(collection.tuples),
    number(collection.reads.total),
    number(collection.reads.hops),
    number(collection.reads.counts),
    number(collection.reads.closer),
    collection.fullScan === null ? '-' : number(collection.fullScan),
  ]);
  const full = collections.reduce((sum, { fullScan }) => sum + (fullScan ?? 0), 0);
  const ratio =
    reads > 0 && full > 0 ? `; a full scan costs ${number(full)}, ${(full / reads).toFixed(1)} times as many` : '';
  const records = recordReads > 0 ? `, ${number(recordReads)} of them for project records` : '';
  return `${table(header, rows)}\n${number(reads)} reads${records}${ratio}`;
}

function renderFindings(report: ReconcileReport): string {
  const { scanned } = report;
  if (findingsTotal(report) === 0) {
    if (scanned === 'all') return 'No findings: the assets are in step with the projects.';
    return scanned === 'nothing'
      ? 'No asset was scanned: this run says nothing about them.'
      : 'No findings in the part that was scanned; this run says nothing about the rest.';
  }
  const lines = findingKinds
    .filter((kind) => report.findings[kind] > 0)
    .flatMap((kind) => [
      `${number(report.findings[kind]).padStart(countWidth)}  ${labels[kind]}`,
      ...report.examples.filter((example) => example.kind === kind).map(renderExample),
    ]);
  return `Findings${scanned === 'all' ? '' : ' in the part that was scanned'}\n${lines.join('\n')}`;
}

function renderExample({ projectId, collections, path, detail }: FindingExample): string {
  const where = [projectId, collections.join(', ') || null, path].filter((part) => part !== null).join('  ');
  return `${' '.repeat(countWidth)}    ${printable(`${where}: ${detail}`)}`;
}

function renderRepaired(outcomes: RepairOutcomes, failures: readonly string[]): string {
  const parts = [
    `${number(outcomes.applied)} projects repaired (${number(outcomes.assets)} assets deleted or updated)`,
    ...(outcomes.deferred > 0 ? [`${number(outcomes.deferred)} put off by a pause, or under way elsewhere`] : []),
    ...(outcomes.settled > 0 ? [`${number(outcomes.settled)} settled by themselves`] : []),
    ...(outcomes.contradicted > 0 ? [`${number(outcomes.contradicted)} found alive at the final check`] : []),
    ...(outcomes.held > 0 ? [`${number(outcomes.held)} held`] : []),
    ...(outcomes.failed > 0 ? [`${number(outcomes.failed)} failed`] : []),
  ];
  return [`Repaired: ${parts.join(', ')}`, ...failures.map((failure) => `  ${printable(failure)}`)].join('\n');
}

const countWidth = 8;

function findingsTotal({ findings }: ReconcileReport): number {
  return findingsOf({ findings });
}

/** Columns: the first to the left, numbers to the right. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
