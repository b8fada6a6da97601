import { projectIdProblem } from '../../events/projectId.ts';
import { type AssetIndex, type ExpectedTuple, readsToCount, tuplesPerCount } from './assetIndex.ts';
import type { ComparableProject } from './comparable.ts';
import { type IdRange, justAfter } from './idOrder.ts';
import type { ProjectAssets } from './projectAssets.ts';

/** A part of a range, and all projects that MongoDB has there, in the order of their ids. */
export interface ListedRange {
  readonly range: IdRange;
  readonly projects: readonly ComparableProject[];
}

/** What two counts cost that told nothing: a read each, and what a scan of a smaller range costs more, at most three
 *  (its own two counts, and a query without results at its end). */
const readsPerTry = 5;

/** The share of the assets that may be spent on such counts before any has told something. */
const tryShare = 0.001;

/** The reads that counts of a collection may waste: few in the beginning, and what others have saved. So where
 *  nearly every group of projects has drifted, nothing is counted for long, and a run stays within its bounds. */
export interface CountBudget {
  /** Whether a group may be counted; waits while counts in flight may earn what it takes. */
  take(): Promise<boolean>;
  /** Takes in what came of it; to be called once for each group that was counted. */
  settle(saved: number): void;
  /** Whether there is, or may soon be, enough to count a group. */
  hasSome(): boolean;
}

export function createCountBudget(assets: number): CountBudget {
  let left = Math.min(assets, readsPerTry + tryShare * assets);
  let inFlight = 0;
  let waiting: (() => void)[] = [];
  return {
    hasSome: () => left >= readsPerTry || inFlight > 0,
    async take() {
      while (left < readsPerTry && inFlight > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      if (left < readsPerTry) return false;
      left -= readsPerTry;
      inFlight += 1;
      return true;
    },
    settle(saved) {
      left += saved;
      inFlight -= 1;
      const all = waiting;
      waiting = [];
      for (const wake of all) wake();
    },
  };
}

export interface CountOptions {
  readonly index: AssetIndex;
  readonly budget: CountBudget;
  /** Scans a range in which assets differ, or could not be counted. */
  readonly scan: (range: IdRange) => AsyncGenerator<ProjectAssets>;
}

/** The projects of a range like `scan`, for far fewer reads and calls where all is in step: some thirty projects for
 *  two reads. All their assets are counted, and of these the ones that show what MongoDB says: equal numbers, taken at
 *  one time, mean that there is no other asset in between, of whatever project and with or without copies. Of such a
 *  group nobody knows which projects have assets, so it is reported as if all had.
 *
 *  Where the numbers differ, that group is scanned. */
export async function* countedProjects(
  options: CountOptions,
  { range, projects }: ListedRange,
): AsyncGenerator<ProjectAssets> {
  const groups = groupsOf(options.index, range, projects).map((group) => ({ group, counted: inStep(options, group) }));
  // Raised where they are awaited; until then they must not count as unhandled.
  for (const { counted } of groups) counted.catch(() => undefined);
  let from = range.from;
  for (const { group, counted } of groups) {
    const assets = await counted;
    if (assets === null) continue;
    if (from !== group.range.from) yield* options.scan({ from, to: group.range.from });
    yield* assets;
    if (group.range.to === range.to) return;
    from = group.range.to ?? from;
  }
  yield* options.scan({ from, to: range.to });
}

interface Group {
  readonly range: IdRange;
  readonly tuples: readonly ExpectedTuple[];
}

function groupsOf({ collection }: AssetIndex, range: IdRange, projects: readonly ComparableProject[]): Group[] {
  const size = tuplesPerCount(collection);
  const sources = Object.keys(collection.copies);
  return Array.from({ length: Math.ceil(projects.length / size) }, (_, number) => {
    const at = number * size;
    const before = projects[at - 1];
    const last = projects[at + size - 1];
    const from = before === undefined ? range.from : justAfter(before.projectId);
    const to = last === undefined || at + size === projects.length ? range.to : justAfter(last.projectId);
    const tuples = projects.slice(at, at + size).flatMap((project) => expectedTuple(project, sources));
    return { range: { from, to }, tuples };
  });
}

/** None where a field cannot be compared: such a project is scanned if it has assets. */
function expectedTuple({ projectId, fields }: ComparableProject, sources: readonly string[]): ExpectedTuple[] {
  const copies = sources.map((source) => fields[source]).filter((value) => value !== undefined);
  return projectIdProblem(projectId) === undefined && copies.length === sources.length ? [{ projectId, copies }] : [];
}

/** What the assets of a group show, if it is in step; else null. */
async function inStep({ index, budget }: CountOptions, { range, tuples }: Group): Promise<ProjectAssets[] | null> {
  if (tuples.length === 0 || !(await budget.take())) return null;
  let saved = 0;
  try {
    const { ids, equal } = await index.countEqual(range, tuples);
    const reads = readsToCount(ids) + readsToCount(equal);
    saved = ids === equal ? readsPerTry - reads + Math.min(ids, tuples.length) : Math.min(0, 2 - reads);
    if (ids !== equal) return null;
    if (ids === 0) return [];
    const examplePath = index.collection.name;
    return tuples.map(({ projectId, copies }) => ({ projectId, tuples: [copies], newestCreatedAt: 0, examplePath }));
  } finally {
    budget.settle(saved);
  }
}
