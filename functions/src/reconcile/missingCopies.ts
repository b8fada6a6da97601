import type { AssetEntry, AssetIndex, EntryCounts, IdRange } from './assetIndex.ts';
import { assetsOf, type HopOptions, hopProjects } from './hopScan.ts';
import { createProjectGatherer, type ProjectAssets, type ProjectGatherer } from './projectAssets.ts';
import { justAfter, splitBetween } from './stringOrder.ts';

/** A range with at most so many assets is read asset by asset: halving it further would cost about as many reads. */
const readWholeBelow = 32;

/** Halving costs a few reads (two counts, two ends) per asset to be found and level; from one missing copy in this many assets on, reading all is cheaper. */
const readWholeShare = 8;

/** Assets read at once where a range is read asset by asset. */
const plainPage = 300;

/** The projects of a range like `hopProjects`, but also those with assets that lack a copy, which are in no index over the copies.
 *  Such a range has fewer entries in the index over (project id, copies …) than in the one over project ids. It is halved until the difference is pinned down; a part without difference is
 *  hopped over as usual. */
export async function* projectsWithMissingCopies(
  options: Omit<HopOptions, 'order'>,
  range: IdRange,
): AsyncGenerator<ProjectAssets> {
  const { index } = options;
  const parts: { range: IdRange; counts: EntryCounts }[] = [{ range, counts: await index.count(range) }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { counts } = part;
    const missing = counts.ids - counts.tuples;
    if (counts.ids === 0) continue;
    if (missing <= 0) {
      yield* hopProjects({ ...options, order: 'tuples' }, part.range);
    } else if (missing === counts.ids && Object.keys(index.collection.copies).length === 1) {
      // Every asset here lacks the only copy, so one asset per project tells all.
      yield* hopProjects({ ...options, order: 'ids' }, part.range);
    } else if (counts.ids <= readWholeBelow || missing * readWholeShare >= counts.ids) {
      yield* readWhole(index, part.range);
    } else {
      const [[first], last] = await Promise.all([
        index.page('ids', { kind: 'from', id: part.range.from }, part.range.to, 1),
        index.last(part.range),
      ]);
      const from = String(first?.projectId ?? part.range.from);
      const end = String(last?.projectId ?? from);
      if (first === undefined || last === undefined) continue;
      if (from === end) {
        yield await oneProject(options, from, first);
      } else {
        const middle = splitBetween(from, end);
        const left = { from, to: middle };
        const right = { from: middle, to: justAfter(end) };
        const [leftCounts, rightCounts] = await Promise.all([index.count(left), index.count(right)]);
        parts.push({ range: right, counts: rightCounts }, { range: left, counts: leftCounts });
      }
    }
  }
}

/** A project with many assets of which some lack a copy. With one copy it is known what those say; with several, only reading tells which they lack. */
async function oneProject(
  options: Omit<HopOptions, 'order'>,
  projectId: string,
  first: AssetEntry,
): Promise<ProjectAssets> {
  const { index } = options;
  const gatherer = createProjectGatherer(index.collection.name, projectId, first.path);
  gatherer.add(first.copies, first.createdAt);
  if (Object.keys(index.collection.copies).length === 1) {
    gatherer.add([undefined], 0);
    const range = { from: projectId, to: justAfter(projectId) };
    for await (const seen of hopProjects({ ...options, order: 'tuples' }, range)) {
      for (const tuple of seen.tuples) gatherer.add(tuple, seen.newestCreatedAt);
    }
    return gatherer.done();
  }
  for await (const asset of assetsOf(index, projectId)) {
    gatherer.add(asset.copies, asset.createdAt);
    if (gatherer.full()) break;
  }
  return gatherer.done();
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
