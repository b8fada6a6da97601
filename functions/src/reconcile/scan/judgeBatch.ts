import { projectIdProblem } from '../../events/projectId.ts';
import type { Version } from '../../events/version.ts';
import { deletionsAllowed } from '../../holds/limits.ts';
import type { ProjectSnapshot } from '../../source/lookup.ts';
import { deletionPolicy } from '../brakes.ts';
import type { FindingExample, ToRepair } from '../findings.ts';
import type { ReconcileJob } from '../jobRecord.ts';
import { progressOf } from '../progress.ts';
import { addRecentOrphan } from '../recentOrphans.ts';
import { addExample, type Run } from '../runRecord.ts';
import { addToChecksum, emptyChecksum } from './checksum.ts';
import { justAfter } from './idOrder.ts';
import { isSuspect, type JudgeContext, judgeProject, type Verdict } from './judgeProject.ts';
import type { JoinedProject, ProjectAssets } from './projectAssets.ts';
import { readRecords } from './recordScan.ts';

/** What was found about a project, and what it was judged by. */
export interface Judged {
  readonly project: JoinedProject;
  readonly verdict: Verdict;
  /** Undefined when MongoDB does not have it. */
  readonly snapshot: ProjectSnapshot | undefined;
}

/** Asks MongoDB about some projects, and judges each. */
async function judgeAll(run: Run, batch: readonly JoinedProject[]): Promise<readonly Judged[]> {
  const usable = batch.filter(({ projectId }) => projectIdProblem(projectId) === undefined);
  const { version, projects } = await run.lookups.pass(1, () =>
    run.truth.ask(usable.map(({ projectId }) => projectId)),
  );
  const suspects = usable.filter((project) => isSuspect(project, projects.get(project.projectId)));
  const fresh = await readRecords(
    run,
    suspects.map(({ projectId }) => projectId),
  );
  const context = contextOf(run, version, run.clock.now() - run.limits.graceMs);
  return batch.map((project) => {
    const { projectId, known: before } = project;
    const snapshot = projects.get(projectId);
    const testimony = { snapshot, before, known: fresh.get(projectId) ?? before };
    return { project, snapshot, verdict: judgeProject(project, testimony, context) };
  });
}

/** What projects are judged by, after MongoDB was asked at a version. */
export function contextOf({ collections }: Run, askedAt: Version, graceBegins: number): JudgeContext {
  return {
    collections: new Map(collections.map((collection) => [collection.name, collection])),
    graceBegins,
    askedAt,
  };
}

/** Judges some projects of a range, in their order, and counts what was found. The counts, what is to be repaired, and
 *  where the range resumes change at once: whoever keeps the progress keeps all of it, or nothing. */
export async function judgeBatch(
  run: Run,
  range: ReconcileJob['ranges'][number],
  batch: readonly JoinedProject[],
): Promise<void> {
  const { job } = run;
  const all = await judgeAll(run, batch);
  const toRepair: ToRepair[] = [];
  for (const judged of all) {
    const { projectId } = judged.project;
    const { kind: what } = judged.verdict;
    const isFine = what === 'in-step' || what === 'young' || what === 'held' || what === 'unusable';
    if (!isFine && isLookedAtTwice(run)) {
      toRepair.push({ projectId, what });
      continue;
    }
    countJudged(run, judged);
    if (!isFine && job.mode === 'clean' && (what !== 'unknown-id' || mayBeAllowed(run))) {
      toRepair.push({ projectId, what });
    }
  }
  job.lookups += 1;
  range.from = justAfter(batch.at(-1)?.projectId ?? range.from);
  run.keeper.changed(toRepair);
  run.onProgress(progressOf(job));
}

/** Projects that a verification looks at twice at most; beyond that, it is no change under way that makes them
 *  differ. */
const maxLookedTwice = 500;

/** Whether a finding is left to the second look of a verification, and counted there. */
function isLookedAtTwice({ job: { verification } }: Run): boolean {
  if (verification === null || verification.lookedTwice >= maxLookedTwice) return false;
  verification.lookedTwice += 1;
  return true;
}

/** Counts what was found about a project. */
export function countJudged(run: Run, { project, verdict, snapshot }: Judged): void {
  const { job } = run;
  const { kind, findings } = verdict;
  if (kind === 'young') job.young += 1;
  if (project.collections.size > 0) job.projects += 1;
  if (project.known.kind !== 'none') job.records += 1;
  for (const finding of findings) {
    job.findings[finding.kind] += 1;
    addExample(run, finding);
  }
  // What says nothing about MongoDB must not count for it.
  const isEvidence = project.collections.size > 0 || project.known.kind === 'live';
  if (isEvidence && kind !== 'held' && kind !== 'unusable' && kind !== 'unknown-id') job.judged += 1;
  const { deletedAt } = project.known;
  if (kind === 'orphan' && deletedAt !== null) addRecentOrphan(run, deletedAt);
  for (const tally of job.collections) {
    const assets = project.collections.get(tally.name);
    if (assets === undefined) continue;
    tally.projects += 1;
    tally.tuples += assets.tuples.length;
    if (findings.some((finding) => isAboutAssets(finding) && finding.collections.includes(tally.name))) {
      tally.behind = (tally.behind ?? 0) + 1;
    }
    if (kind !== 'young') addChecksums(run, tally, assets, snapshot);
  }
  if (job.verification !== null && project.known.isPending) job.verification.pending += 1;
}

const isAboutAssets = ({ kind }: FindingExample) => kind !== 'tombstone-of-living' && kind !== 'record-ahead';

function addChecksums(
  { collections }: Run,
  tally: ReconcileJob['collections'][number],
  { projectId, tuples }: ProjectAssets,
  snapshot: ProjectSnapshot | undefined,
): void {
  const sources = Object.keys(collections.find(({ name }) => name === tally.name)?.copies ?? {});
  const { assets, projects } = tally.checksums ?? { assets: emptyChecksum, projects: emptyChecksum };
  const expected = snapshot && [projectId, ...sources.map((source) => snapshot.fields[source] ?? null)];
  tally.checksums = {
    assets: tuples.reduce((sum, tuple) => addToChecksum(sum, [projectId, ...tuple]), assets),
    projects: expected === undefined ? projects : addToChecksum(projects, expected),
  };
}

/** Whether the unknown ids that were found so far may still turn out to be within limits. Beyond that, they are only
 *  counted: any client may write as many as it likes. */
function mayBeAllowed({ job, limits, request }: Run): boolean {
  const found = job.findings['unknown-id'];
  const most = deletionsAllowed(deletionPolicy(limits.brakes), job.source.projects + found);
  return found <= (request.allow?.unknownIds ?? most);
}
