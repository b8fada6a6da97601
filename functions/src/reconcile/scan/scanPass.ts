import { judgeOrphans } from '../brakes.ts';
import type { ReconcileJob } from '../jobRecord.ts';
import { orphansOf } from '../progress.ts';
import { isOver, type PassEnd, type Run } from '../runRecord.ts';
import type { AssetIndex } from './assetIndex.ts';
import { type CountBudget, countedProjects, createCountBudget, type ListedRange } from './countedProjects.ts';
import { createFirestoreAssetIndex } from './firestoreAssetIndex.ts';
import { hopProjects } from './hopScan.ts';
import { compareStrings, type IdRange, justAfter } from './idOrder.ts';
import { judgeBatch } from './judgeBatch.ts';
import { projectsWithMissingCopies } from './missingCopies.ts';
import { createPagePacer, type PagePacer, wastedBy } from './pagePacer.ts';
import { type JoinedProject, mergeProjects, type ProjectAssets } from './projectAssets.ts';
import { recordsIn } from './recordScan.ts';

type Range = ReconcileJob['ranges'][number];

/** The first pass: scans all ranges side by side, compares assets with projects, and counts what differs. Changes no
 *  asset. In mode `clean`, what is to be repaired is kept below the job, five hundred findings in a document: brakes
 *  have to be judged over all findings before the first repair, and scanning again would cost the whole scan. */
export async function scanPass(run: Run): Promise<PassEnd> {
  const { job, collections, limits } = run;
  const pacer = createPagePacer({
    wasteShare: limits.wasteShare,
    maxPage: limits.maxPage,
    streams: job.ranges.length * collections.length,
    expected: expectedTuples(run),
    firstPage: (name) => firstPageOf(run, name),
    distinct: job.collections.reduce((sum, { tuples }) => sum + tuples, 0),
    waste: job.waste,
  });
  const projectsPerRange = job.source.projects / job.ranges.length;
  const waiting = job.ranges.filter(({ done }) => !done);
  const active = new Set<Promise<void>>();
  /** Ranges whose assets are still being read; the others wait for MongoDB only. */
  const reading = new Set<Range>();
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  let braked: PassEnd | undefined;
  const stop = () => braked !== undefined || isOver({ ...run, signal });
  const afterBatch = () => {
    braked ??= earlyBrake(run);
  };
  const watched: PagePacer = {
    ...pacer,
    settle(grant, result) {
      job.waste += wastedBy(result);
      pacer.settle(grant, result);
      startRanges();
    },
  };

  const budgets = countBudgetsOf(run);
  const scans = scansOf(run, watched, budgets);

  /** Starts as many ranges as are of use side by side, and as may end with a wasted read. */
  function startRanges(): void {
    while (waiting.length > 0 && !stop()) {
      const streams = collections.length;
      if (reading.size > 0 && !pacer.hasEarned(readsToStart(run, pacer, reading.size))) return;
      joinRanges(job, waiting, rangesToJoin(run, pacer, projectsPerRange));
      const range = waiting.shift();
      if (range === undefined) return;
      pacer.open(streams - budgets.size);
      reading.add(range);
      const onRead = () => {
        reading.delete(range);
        startRanges();
      };
      const scanning: Promise<void> = scanRange(run, range, { scans, budgets }, stop, { afterBatch, onRead })
        .catch((error: unknown) => failed.abort({ error }))
        .finally(() => active.delete(scanning));
      active.add(scanning);
    }
  }

  startRanges();
  while (active.size > 0) {
    await Promise.race(active);
    startRanges();
  }
  if (failed.signal.aborted) throw failed.signal.reason.error;
  if (job.ranges.every(({ done }) => done)) return { kind: 'complete' };
  return braked ?? { kind: 'out-of-time' };
}

/** The share of the tuples of the last run that is counted on: a brake stops a clean run where more projects went
 *  since. Were fewer tuples left, at most `wasteShare` of the missing ones would be wasted reads. */
const sureShare = 4 / 5;

/** Tuples that are counted on before they are found: most of what the last run has found, and never more than there are
 *  assets. */
function expectedTuples({ job, lastTuples }: Run): number {
  return job.collections.reduce(
    (sum, { name, assets }) => sum + sureShare * Math.min(lastTuples[name] ?? 0, assets ?? 0),
    0,
  );
}

/** Up to so many assets per project, most projects have one at most. */
const fewAssetsPerProject = 1.5;

/** Long pages at once where the counts speak for one asset per project. */
function firstPageOf({ job, limits }: Run, name: string): number {
  const assets = job.collections.find((collection) => collection.name === name)?.assets ?? null;
  return assets !== null && assets <= job.source.projects * fewAssetsPerProject ? limits.maxPage : 2;
}

/** Whether hops or counts, of which many are side by side, go on instead of long pages. */
function isHopping(run: Run, pacer: PagePacer): boolean {
  return pacer.isHopping() || isCounting(run) || run.job.collections.some(({ lacksCopies }) => lacksCopies);
}

/** Whether counts may tell of many projects at once that they are in step. A verification looks at every tuple itself,
 *  and for single projects a count costs more than it tells. */
export function isCounting({ request, limits }: Run): boolean {
  return limits.countBatch > 0 && request.mode !== 'verify' && request.projectIds === undefined;
}

/** Collection name -> what may be spent on counts there. */
function countBudgetsOf(run: Run): ReadonlyMap<string, CountBudget> {
  const counted = isCounting(run) ? run.job.collections : [];
  return new Map(counted.map(({ name, assets }) => [name, createCountBudget(assets ?? 0)]));
}

/** How much must be earned before one more range begins next to others: one query per stream of this range and of
 *  all that are left may be wasted. Where pages are long, ranges side by side are of use only if both can have their
 *  pages. */
function readsToStart(run: Run, pacer: PagePacer, reading: number): number {
  const streams = run.collections.length;
  return isHopping(run, pacer) ? 2 * streams : 2 * streams + run.limits.maxPage * streams * (reading + 1);
}

/** Pages that a range should have at least: a page that is cut off by the end of its range is a call for few
 *  documents. */
const pagesPerRange = 8;

/** How many of the ranges that wait become the next one. */
function rangesToJoin(run: Run, pacer: PagePacer, projectsPerRange: number): number {
  // Too many reads were wasted to begin every range on its own: what is left becomes one.
  if (!pacer.hasEarned(run.collections.length)) return run.job.ranges.length;
  if (isHopping(run, pacer)) return 1;
  const wanted = pagesPerRange * Math.min(run.limits.maxPage, pacer.longestPage());
  return Math.max(1, Math.ceil(wanted / projectsPerRange));
}

/** Makes one range of the first `count` of those that wait, as far as they lie side by side: what is judged already of
 *  one that was begun must not be scanned again. */
function joinRanges(job: ReconcileJob, waiting: Range[], count: number): void {
  const [first] = waiting;
  if (first === undefined) return;
  const at = job.ranges.indexOf(first);
  let joined = 1;
  for (; joined < count; joined += 1) {
    const next = waiting[joined];
    if (next === undefined || next !== job.ranges[at + joined] || next.from !== first.to) break;
    first.to = next.to;
  }
  job.ranges.splice(at + 1, joined - 1);
  waiting.splice(1, joined - 1);
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

/** Collection name -> how its part of a range is scanned. */
type Scans = ReadonlyMap<string, (part: ListedRange) => AsyncGenerator<ProjectAssets>>;

function scansOf(run: Run, pacer: PagePacer, budgets: ReadonlyMap<string, CountBudget>): Scans {
  const { job } = run;
  const tallies = new Map(job.collections.map((tally) => [tally.name, tally]));
  return new Map(
    indexesOf(run).map((index) => {
      const { name } = index.collection;
      const scan = (range: IdRange) =>
        tallies.get(name)?.lacksCopies
          ? projectsWithMissingCopies({ index, pacer }, range)
          : hopProjects({ index, pacer, order: 'tuples' }, range);
      const budget = budgets.get(name);
      if (budget === undefined) return [name, ({ range }) => scan(range)];
      const counting = {
        index,
        budget,
        scan(range: IdRange) {
          pacer.open(1);
          return scan(range);
        },
      };
      return [name, (part) => countedProjects(counting, part)];
    }),
  );
}

/** The next part of a range, with its projects as far as counting them may be worth it. */
async function nextPart(run: Run, { from, to }: IdRange, budgets: Iterable<CountBudget>): Promise<ListedRange> {
  if (!Array.from(budgets).some((budget) => budget.hasSome())) return { range: { from, to }, projects: [] };
  const { countBatch } = run.limits;
  const listed = await run.lookups.pass(1, () => run.inMongo.list(from, countBatch));
  const projects = listed.filter(({ projectId }) => to === null || compareStrings(projectId, to) < 0);
  const last = projects.length < countBatch ? undefined : projects.at(-1);
  return { range: { from, to: last === undefined ? to : justAfter(last.projectId) }, projects };
}

async function scanRange(
  run: Run,
  range: Range,
  { scans, budgets }: { readonly scans: Scans; readonly budgets: ReadonlyMap<string, CountBudget> },
  stop: () => boolean,
  { afterBatch, onRead }: { readonly afterBatch: () => void; readonly onRead: () => void },
): Promise<void> {
  /** The next batch is read while MongoDB answers about the one before. */
  let judging = Promise.resolve();
  const judge = (batch: readonly JoinedProject[]) => {
    if (batch.length === 0) return;
    judging = judging.then(async () => {
      await judgeBatch(run, range, batch);
      afterBatch();
      await run.keeper.room();
    });
    // Raised where it is awaited; until then it must not count as unhandled.
    judging.catch(() => undefined);
  };
  let batch: JoinedProject[] = [];
  let stopped = false;
  const { from, to } = range;
  for (let rest: IdRange | undefined = { from, to }; rest !== undefined && !stopped; ) {
    const part: ListedRange = await nextPart(run, rest, budgets.values());
    const streams = new Map(Array.from(scans, ([name, scan]) => [name, scan(part)]));
    const records = run.job.recordsTotal ? recordsIn(run, part.range) : undefined;
    for await (const project of mergeProjects(streams, records)) {
      batch.push(project);
      stopped = stop();
      if (batch.length < run.limits.lookupBatch && !stopped) continue;
      await judging;
      judge(batch);
      batch = [];
      if (stopped) break;
    }
    rest = part.range.to === to ? undefined : { from: part.range.to ?? from, to };
    stopped ||= rest !== undefined && stop();
  }
  onRead();
  if (!stopped) judge(batch);
  await judging;
  range.done = !stopped;
  run.keeper.changed([]);
}

/** In mode `clean`, there is no use in going on once there are more orphans than any limit allows. A report counts
 *  all. */
function earlyBrake(run: Run): PassEnd | undefined {
  if (run.job.mode !== 'clean') return undefined;
  // More projects may follow, but of those that are no orphans never more than MongoDB has.
  const projects = run.job.source.projects + orphansOf(run.job);
  const brake = judgeOrphans(
    { orphans: orphansOf(run.job), projects, recent: 0, complete: false },
    run.limits.brakes,
    run.request.allow ?? {},
  );
  return brake && { kind: 'braked', brake };
}
