import type { AssetEntry, AssetIndex, EntryCounts, IdRange } from './assetIndex.ts';
import { isEvenSplit, isWorthHalving } from './halving.ts';
import { assetsOf, type HopOptions, hopProjects } from './hopScan.ts';
import { createProjectGatherer, type ProjectAssets, type ProjectGatherer } from './projectAssets.ts';
import { readsToCount, readsToSplit, type SplitBudget } from './splitBudget.ts';
import { justAfter, splitBetween } from './stringOrder.ts';

/** Assets read at once where a range is read asset by asset. */
const plainPage = 300;

export interface MissingCopiesOptions extends Omit<HopOptions, 'order'> {
  /** One for all ranges of the collection. */
  readonly budget: SplitBudget;
}

/** A part of a range. */
interface Part {
  readonly range: IdRange;
  readonly counts: EntryCounts;
  /** As in `LackingPart`. */
  readonly evenSplits: number;
  /** An asset of its first project, and one of its last, where they are known. */
  readonly first?: AssetEntry | undefined;
  readonly last?: AssetEntry | undefined;
}

/** The projects of a range like `hopProjects`, but also those with assets that lack a copy, which are in no index over the copies.
 *  Such a range has fewer entries in the index over (project id, copies …) than in the one over project ids. It is halved until the difference is pinned down, as long as
 *  that is worth it and the budget allows it; a part without difference is hopped over as usual. */
export async function* projectsWithMissingCopies(
  options: MissingCopiesOptions,
  range: IdRange,
): AsyncGenerator<ProjectAssets> {
  const { budget } = options;
  const billed = { ...options, index: billedTo(budget, options.index) };
  const counts = await billed.index.count(range);
  budget.openRange(counts.ids);
  /** Those that come last are next. Each split adds one, so there are never more than splits on the way to one project. */
  const parts: Part[] = [{ range, counts, evenSplits: 0 }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const step = await nextStep(billed, part);
    if (step.kind === 'halves') {
      parts.push(step.right, step.left);
      continue;
    }
    let projects = 0;
    for await (const project of step.projects) {
      projects += 1;
      yield project;
    }
    budget.closePart(part.counts.ids, projects);
  }
}

type Step =
  | { readonly kind: 'read'; readonly projects: AsyncIterable<ProjectAssets> | readonly ProjectAssets[] }
  | { readonly kind: 'halves'; readonly left: Part; readonly right: Part };

async function nextStep(options: MissingCopiesOptions, part: Part): Promise<Step> {
  const { index, budget } = options;
  const { ids, tuples } = part.counts;
  const lacking = ids - tuples;
  const oneCopy = hasOneCopy(index);
  if (ids === 0) return { kind: 'read', projects: [] };
  if (lacking <= 0) return { kind: 'read', projects: hopProjects({ ...options, order: 'tuples' }, part.range) };
  // Every asset here lacks the only copy, so one asset per project tells all.
  if (lacking === ids && oneCopy) {
    return { kind: 'read', projects: hopProjects({ ...options, order: 'ids' }, part.range) };
  }
  const known = { assets: ids, lacking, evenSplits: part.evenSplits, oneCopy };
  const whole: Step = { kind: 'read', projects: readWhole(index, part.range) };
  return isWorthHalving({ ...known, assetsPerProject: budget.assetsPerProject() })
    ? ((await halve(options, part)) ?? whole)
    : whole;
}

/** Cuts a part about in the middle between its first and its last project. Undefined when the budget does not allow it. */
async function halve(options: MissingCopiesOptions, part: Part): Promise<Step | undefined> {
  const { index, budget } = options;
  const { ids } = part.counts;
  const ends = await endsOf(options, part);
  if (ends === undefined) return undefined;
  const { first, last } = ends;
  // Deleted since they were counted.
  if (first === undefined || last === undefined) return { kind: 'read', projects: [] };
  const from = String(first.projectId);
  const end = String(last.projectId);
  if (from === end) return { kind: 'read', projects: oneProject(options, from, first) };
  const reads = readsToSplit(ids);
  if (!budget.reserve(reads)) return undefined;
  const middle = splitBetween(from, end);
  const ranges = { left: { from, to: middle }, right: { from: middle, to: justAfter(end) } };
  const [left, right] = await Promise.all([index.count(ranges.left), index.count(ranges.right)]);
  budget.release(reads);
  budget.splitPart(ids, [left.ids, right.ids]);
  const evenSplits = isEvenSplit(sharesOf(left), sharesOf(right)) ? part.evenSplits + 1 : 0;
  return {
    kind: 'halves',
    left: { range: ranges.left, counts: left, evenSplits, first },
    right: { range: ranges.right, counts: right, evenSplits, last },
  };
}

/** Assets of the first and of the last project of a part. */
async function endsOf({ index, budget }: MissingCopiesOptions, { range, first, last }: Part) {
  const reads = (first ? 0 : 1) + (last ? 0 : 1);
  if (!budget.reserve(reads)) return undefined;
  const ends = await Promise.all([
    first ?? index.page('ids', { kind: 'from', id: range.from }, range.to, 1).then((page) => page.at(0)),
    last ?? index.last(range),
  ]);
  budget.release(reads);
  return { first: ends[0], last: ends[1] };
}

const sharesOf = ({ ids, tuples }: EntryCounts) => ({ assets: ids, lacking: ids - tuples });

const hasOneCopy = ({ collection }: AssetIndex) => Object.keys(collection.copies).length === 1;

/** A project with many assets of which some lack a copy. With one copy it is known what those say; with several, only reading tells which they lack. */
async function* oneProject(
  options: MissingCopiesOptions,
  projectId: string,
  first: AssetEntry,
): AsyncGenerator<ProjectAssets> {
  const { index } = options;
  const gatherer = createProjectGatherer(index.collection.name, projectId, first.path);
  gatherer.add(first.copies, first.createdAt);
  if (hasOneCopy(index)) {
    gatherer.add([undefined], 0);
    const range = { from: projectId, to: justAfter(projectId) };
    for await (const seen of hopProjects({ ...options, order: 'tuples' }, range)) {
      for (const tuple of seen.tuples) gatherer.add(tuple, seen.newestCreatedAt);
    }
  } else {
    for await (const asset of assetsOf(index, projectId)) {
      gatherer.add(asset.copies, asset.createdAt);
      if (gatherer.full()) break;
    }
  }
  yield gatherer.done();
}

async function* readWhole(index: AssetIndex, range: IdRange): AsyncGenerator<ProjectAssets> {
  let after: AssetEntry | null = null;
  let open: ProjectGatherer | undefined;
  for (;;) {
    const page: readonly AssetEntry[] = await index.every(range, after, plainPage);
    for (const asset of page) {
      const projectId = String(asset.projectId);
      if (projectId !== open?.projectId) {
        if (open) yield open.done();
        open = createProjectGatherer(index.collection.name, projectId, asset.path);
      }
      open.add(asset.copies, asset.createdAt);
    }
    after = page.at(-1) ?? null;
    if (after === null || page.length < plainPage) break;
  }
  if (open) yield open.done();
}

/** The same index; what its queries cost is told to the budget. */
function billedTo(budget: SplitBudget, index: AssetIndex): AssetIndex {
  const documents = (entries: readonly AssetEntry[]) => {
    // A query without results costs one read.
    budget.spend(Math.max(1, entries.length));
    return entries;
  };
  return {
    ...index,
    page: async (...query) => documents(await index.page(...query)),
    every: async (...query) => documents(await index.every(...query)),
    async last(range) {
      const entry = await index.last(range);
      budget.spend(1);
      return entry;
    },
    async count(range) {
      const counts = await index.count(range);
      budget.spend(readsToCount(counts.ids) + readsToCount(counts.tuples));
      return counts;
    },
  };
}
