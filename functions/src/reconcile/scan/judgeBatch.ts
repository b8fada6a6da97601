import { projectIdProblem } from '../../events/projectId.ts';
import type { Version } from '../../events/version.ts';
import { deletionsAllowed } from '../../holds/limits.ts';
import { deletionPolicy } from '../brakes.ts';
import type { ToRepair } from '../findings.ts';
import type { ReconcileJob } from '../jobRecord.ts';
import { progressOf } from '../progress.ts';
import { addExample, type Run } from '../runRecord.ts';
import { justAfter } from './idOrder.ts';
import { isSuspect, type JudgeContext, judgeProject, type Verdict } from './judgeProject.ts';
import type { JoinedProject } from './projectAssets.ts';
import { readRecords } from './recordScan.ts';

/** Asks MongoDB about some projects, and judges each. */
async function judgeAll(run: Run, batch: readonly JoinedProject[]): Promise<ReadonlyMap<JoinedProject, Verdict>> {
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
  return new Map(
    batch.map((project) => {
      const { projectId, known: before } = project;
      const testimony = { snapshot: projects.get(projectId), before, known: fresh.get(projectId) ?? before };
      return [project, judgeProject(project, testimony, context)];
    }),
  );
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
  const verdicts = await judgeAll(run, batch);
  const toRepair: ToRepair[] = [];
  for (const [project, verdict] of verdicts) {
    count(run, project, verdict);
    const { kind: what } = verdict;
    if (what === 'in-step' || what === 'young' || what === 'held' || what === 'unusable') continue;
    if (what !== 'unknown-id' || mayBeAllowed(run)) toRepair.push({ projectId: project.projectId, what });
  }
  job.lookups += 1;
  range.from = justAfter(batch.at(-1)?.projectId ?? range.from);
  run.keeper.changed(job.mode === 'clean' ? toRepair : []);
  run.onProgress(progressOf(job));
}

function count(run: Run, project: JoinedProject, { kind, findings }: Verdict): void {
  const { job } = run;
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
  const { windowMs } = run.limits.brakes.deletions;
  if (kind === 'orphan' && deletedAt !== null && deletedAt > run.clock.now() - windowMs) job.recentOrphans += 1;
  for (const tally of job.collections) {
    const assets = project.collections.get(tally.name);
    if (assets === undefined) continue;
    tally.projects += 1;
    tally.tuples += assets.tuples.length;
  }
}

/** Whether the unknown ids that were found so far may still turn out to be within limits. Beyond that, they are only
 *  counted: any client may write as many as it likes. */
function mayBeAllowed({ job, limits, request }: Run): boolean {
  const found = job.findings['unknown-id'];
  const most = deletionsAllowed(deletionPolicy(limits.brakes), job.source.projects + found);
  return found <= (request.allow?.unknownIds ?? most);
}
