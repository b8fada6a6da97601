import { projectIdProblem } from '../events/projectId.ts';
import { ProjectRecordError, parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import type { AssetIndex } from './assetIndex.ts';
import { judgeOrphans } from './brakes.ts';
import { addChecksums, checksumFromText, checksumText } from './checksum.ts';
import type { ToMend } from './findings.ts';
import { createFirestoreAssetIndex } from './firestoreAssetIndex.ts';
import { hopProjects } from './hopScan.ts';
import type { ReconcileJob } from './jobRecord.ts';
import { type JudgeContext, judgeProject, type KnownState } from './judgeProject.ts';
import { type JoinedProject, mergeProjects } from './mergeProjects.ts';
import { projectsWithMissingCopies } from './missingCopies.ts';
import { createPagePacer, type PagePacer } from './pagePacer.ts';
import { orphansOf, progressOf } from './progress.ts';
import { addExample, isOver, type PassEnd, type Run } from './run.ts';
import { justAfter } from './stringOrder.ts';

type Range = ReconcileJob['ranges'][number];

/** The first pass: goes over all ranges side by side, compares assets with projects, and counts what differs. Changes no asset.
 *  In mode `clean`, what is to be mended is kept below the job: brakes have to be judged over all findings before the first of them is mended, and
 *  keeping five hundred findings in one document costs one write and one read, where scanning again would cost the whole scan. */
export async function scanPass(run: Run): Promise<PassEnd> {
  const { job, collections, limits } = run;
  const open = job.ranges.filter(({ done }) => !done);
  const pacer = withWasteCounted(
    createPagePacer({
      wasteShare: limits.wasteShare,
      maxPage: limits.maxPage,
      streams: job.ranges.length * collections.length,
      distinct: job.collections.reduce((sum, { tuples }) => sum + tuples, 0),
      waste: job.waste,
    }),
    job,
  );
  const indexes = indexesOf(run);
  let braked: PassEnd | undefined;
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  const ends = await Promise.allSettled(
    open.map(async (range) => {
      const stop = () => braked !== undefined || isOver({ ...run, signal });
      try {
        await scanRange(run, range, indexes, pacer, stop, () => {
          braked ??= earlyBrake(run);
        });
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  if (braked) return braked;
  return job.ranges.every(({ done }) => done) ? { kind: 'complete' } : { kind: 'out-of-time' };
}

/** The queries of every collection of a run. */
export function indexesOf({
  firestore,
  gate,
  collections,
  job,
}: Pick<Run, 'firestore' | 'gate' | 'collections' | 'job'>) {
  return collections.map((collection): AssetIndex => {
    const tally = job.collections.find(({ name }) => name === collection.name);
    if (tally === undefined) throw new Error(`the run does not know the collection "${collection.name}"`);
    return createFirestoreAssetIndex({ firestore, gate, collection, meter: tally.reads });
  });
}

async function scanRange(
  run: Run,
  range: Range,
  indexes: readonly AssetIndex[],
  pacer: PagePacer,
  stop: () => boolean,
  afterBatch: () => void,
): Promise<void> {
  const lacking = new Set(run.job.collections.filter(({ lacksCopies }) => lacksCopies).map(({ name }) => name));
  const rest = { from: range.from, to: range.to };
  const streams = new Map(
    indexes.map((index) => [
      index.collection.name,
      lacking.has(index.collection.name)
        ? projectsWithMissingCopies({ index, pacer }, rest)
        : hopProjects({ index, pacer, order: 'tuples' }, rest),
    ]),
  );
  let batch: JoinedProject[] = [];
  for await (const project of mergeProjects(streams)) {
    batch.push(project);
    if (batch.length < run.limits.lookupBatch && !stop()) continue;
    await judgeBatch(run, range, batch);
    batch = [];
    afterBatch();
    await run.keeper.room();
    if (stop()) return;
  }
  await judgeBatch(run, range, batch);
  range.done = true;
  run.keeper.changed([]);
  afterBatch();
}

/** Asks for the truth about some projects, in their order, and counts what differs. All that it changes it changes at once, together with where the range goes on. */
async function judgeBatch(run: Run, range: Range, batch: readonly JoinedProject[]): Promise<void> {
  const last = batch.at(-1);
  if (last === undefined) return;
  const { job } = run;
  const usable = batch.map(({ projectId }) => projectId).filter((id) => projectIdProblem(id) === undefined);
  const { projects } = await run.lookups.pass(1, () => run.truth.ask(usable));
  const known = await knownStates(
    run,
    usable.filter((id) => !projects.has(id)),
  );
  const context: JudgeContext = {
    collections: new Map(run.collections.map((collection) => [collection.name, collection])),
    graceBegins: run.clock.now() - run.limits.graceMs,
  };
  const toMend: ToMend[] = [];
  const sums = { assets: checksumFromText(job.checksum.assets), truth: checksumFromText(job.checksum.truth) };
  for (const project of batch) {
    const { projectId } = project;
    const verdict = judgeProject(project, projects.get(projectId), known.get(projectId) ?? unknownState, context);
    sums.assets = addChecksums(sums.assets, verdict.assetsChecksum);
    sums.truth = addChecksums(sums.truth, verdict.truthChecksum);
    if (verdict.kind === 'young') job.young += 1;
    if (verdict.kind === 'orphan' || verdict.kind === 'drift') toMend.push({ projectId, what: verdict.kind });
    for (const finding of verdict.findings) {
      job.findings[finding.kind] += 1;
      addExample(run, finding);
    }
    for (const tally of job.collections) {
      const assets = project.collections.get(tally.name);
      if (assets === undefined) continue;
      tally.projects += 1;
      tally.tuples += assets.tuples.length;
    }
  }
  job.projects += batch.length;
  job.lookups += 1;
  job.checksum = { assets: checksumText(sums.assets), truth: checksumText(sums.truth) };
  range.from = justAfter(last.projectId);
  run.keeper.changed(job.mode === 'clean' ? toMend : []);
  run.onProgress(progressOf(job));
}

const unknownState: KnownState = { kind: 'unknown', version: null };

/** What Lockstep knows of projects that MongoDB does not have: one read each. */
async function knownStates(run: Run, projectIds: readonly string[]): Promise<ReadonlyMap<string, KnownState>> {
  if (projectIds.length === 0) return new Map();
  const { firestore, gate, job } = run;
  const refs = projectIds.map((id) => projectRecordRef(firestore, id));
  const documents = await gate.pass(refs.length, () => firestore.getAll(...refs));
  job.recordReads += refs.length;
  return new Map(
    projectIds.map((id, index) => {
      try {
        return [id, parseProjectRecord(id, documents[index]?.data()).desired];
      } catch (error) {
        // Says nothing about the project, so only MongoDB counts; the mending meets the same record and reports it.
        if (error instanceof ProjectRecordError) return [id, unknownState];
        throw error;
      }
    }),
  );
}

/** In mode `clean`, there is no use in going on once there are more orphans than could ever be believed. A report counts them all. */
function earlyBrake({ job, limits, request }: Run): PassEnd | undefined {
  if (job.mode !== 'clean') return undefined;
  const seen = { orphans: orphansOf(job), projects: job.projects, complete: false };
  const brake = judgeOrphans(seen, limits.brakes, request.allow ?? {});
  return brake && { kind: 'braked', brake };
}

/** A pacer whose waste is kept with the run. */
function withWasteCounted(pacer: PagePacer, job: ReconcileJob): PagePacer {
  return {
    acquire: (collection) => pacer.acquire(collection),
    settle(grant, result) {
      job.waste += result.documents - result.distinct;
      pacer.settle(grant, result);
    },
  };
}
