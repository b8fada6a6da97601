import { type AssetEntry, type AssetIndex, type EntryCounts, readsToCount } from './assetIndex.ts';
import { everyAssetOf, type HopOptions, hopProjects } from './hopScan.ts';
import { type IdRange, justAfter, splitBetween } from './idOrder.ts';
import { createProjectGatherer, type ProjectAssets, type ProjectGatherer } from './projectAssets.ts';

/** The share of a range's assets that may be spent on splits which save nothing. With the counts of the whole
 *  collection before (four reads per thousand assets) a run stays within 1.05 full scans. */
export const extraShare = 0.045;

/** Two counts of a range cost a read each, however few assets it has, and its end may be a query without results. */
export const readsPerRange = 3;

/** Parts with at most so many assets are read asset by asset: half of one is not worth what a split costs. */
const readWholeBelow = 32;

export type MissingCopiesOptions = Omit<HopOptions, 'order'>;

/** A part of a range. */
interface Part {
  readonly range: IdRange;
  readonly counts: EntryCounts;
  /** An asset of its first project, and one of its last, where they are known. */
  readonly first?: AssetEntry | undefined;
  readonly last?: AssetEntry | undefined;
}

/** The projects of a range like `hopProjects`, but also those with assets that lack a copy: those are in no index over
 *  the copies, which so has fewer entries than the one over project ids.
 *
 *  Such a range is halved until the difference is pinned down; parts without difference are hopped over. A split has to
 *  be paid for beforehand, from `extraShare` and from what hops have saved: one asset among 4,000 of 400 projects costs
 *  under 600 reads, and the worst case stays within (1 + `extraShare`) * assets + `readsPerRange`. */
export async function* projectsWithMissingCopies(
  options: MissingCopiesOptions,
  range: IdRange,
): AsyncGenerator<ProjectAssets> {
  const { index } = options;
  // What is counted for a pattern of paths are also documents that are no assets: such counts say nothing of one asset.
  const hasOneCopy = Object.keys(index.collection.copies).length === 1 && index.collection.kind !== 'pattern';
  const counts = await index.count(range);
  let spare = extraShare * counts.ids;
  /** The next one is at the end; each split adds one, so there are never more than splits on the way to one project. */
  const parts: Part[] = [{ range, counts }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { ids, tuples } = part.counts;
    if (ids === 0) continue;
    // Where every asset lacks the only copy, one asset per project tells all.
    const order = tuples >= ids ? 'tuples' : tuples === 0 && hasOneCopy ? 'ids' : undefined;
    if (order !== undefined) {
      let found = 0;
      for await (const project of hopProjects({ ...options, order }, part.range)) {
        found += project.tuples.length;
        yield project;
      }
      spare += Math.max(0, ids - found);
      continue;
    }
    const cost = readsToSplit(part);
    if (ids <= readWholeBelow || spare < cost) {
      yield* readWhole(index, part.range);
      continue;
    }
    spare -= cost;
    const ends = await endsOf(index, part);
    // Deleted since they were counted.
    if (ends === undefined) continue;
    if (ends.first.projectId !== ends.last.projectId) {
      parts.push(...(await halve(index, ends)));
    } else if (hasOneCopy) {
      yield await loneProject(options, ends.first);
      spare += Math.max(0, ids - readsOfLoneProject);
    } else {
      yield* readWhole(index, part.range);
    }
  }
}

/** Both counts of each half (rounded up twice), the unknown ends, and the query without results of one more part. */
function readsToSplit({ counts, first, last }: Part): number {
  return 2 * (readsToCount(counts.ids) + 1) + (first ? 0 : 1) + (last ? 0 : 1) + 1;
}

async function endsOf(index: AssetIndex, { range, first, last }: Part) {
  const [begin, end] = await Promise.all([
    first ?? index.page('ids', { kind: 'from', id: range.from }, range.to, 1).then((page) => page.at(0)),
    last ?? index.last(range),
  ]);
  return begin === undefined || end === undefined ? undefined : { first: begin, last: end };
}

/** Two parts, the second one first, cut about in the middle between the first and the last project. */
async function halve(
  index: AssetIndex,
  { first, last }: { readonly first: AssetEntry; readonly last: AssetEntry },
): Promise<readonly [Part, Part]> {
  const from = String(first.projectId);
  const end = String(last.projectId);
  const middle = splitBetween(from, end);
  const left = { from, to: middle };
  const right = { from: middle, to: justAfter(end) };
  const [leftCounts, rightCounts] = await Promise.all([index.count(left), index.count(right)]);
  return [
    { range: right, counts: rightCounts, last },
    { range: left, counts: leftCounts, first },
  ];
}

/** What `loneProject` costs where the project has one tuple besides: that one, and a query without results. */
const readsOfLoneProject = 3;

/** A project alone in its part whose assets partly lack the only copy: what those say is known without reading. */
async function loneProject(options: MissingCopiesOptions, first: AssetEntry): Promise<ProjectAssets> {
  const projectId = String(first.projectId);
  const gatherer = createProjectGatherer(projectId, first.path);
  gatherer.add(first.copies, first.createdAt);
  gatherer.add([undefined], 0);
  const range = { from: projectId, to: justAfter(projectId) };
  for await (const seen of hopProjects({ ...options, order: 'tuples' }, range)) {
    for (const tuple of seen.tuples) gatherer.add(tuple, seen.newestCreatedAt);
  }
  return gatherer.done();
}

async function* readWhole(index: AssetIndex, range: IdRange): AsyncGenerator<ProjectAssets> {
  let open: ProjectGatherer | undefined;
  for await (const asset of everyAssetOf(index, range)) {
    const projectId = String(asset.projectId);
    if (projectId !== open?.projectId) {
      if (open) yield open.done();
      open = createProjectGatherer(projectId, asset.path);
    }
    open.add(asset.copies, asset.createdAt);
  }
  if (open) yield open.done();
}
