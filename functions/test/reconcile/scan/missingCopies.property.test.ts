import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalText } from '../../../src/reconcile/scan/canonicalText.ts';
import { compareStrings, rangesFromSample } from '../../../src/reconcile/scan/idOrder.ts';
import { extraShare, projectsWithMissingCopies, readsPerRange } from '../../../src/reconcile/scan/missingCopies.ts';
import { createPagePacer } from '../../../src/reconcile/scan/pagePacer.ts';
import { maxTuplesPerProject, type ProjectAssets } from '../../../src/reconcile/scan/projectAssets.ts';
import { createRandom } from '../../chaos/random.ts';
import { allIds, collectionWith, createModelIndex, type ModelAsset } from './modelIndex.ts';

async function scan(assets: readonly ModelAsset[], copies: number) {
  const index = createModelIndex(collectionWith(copies), assets);
  const pacer = createPagePacer({ wasteShare: 0.05, maxPage: 300, streams: 1 });
  const projects: ProjectAssets[] = [];
  for await (const project of projectsWithMissingCopies({ index, pacer }, allIds)) projects.push(project);
  return { projects, reads: index.reads };
}

/** The distinct tuples of each project, as a full comparison finds them. */
function expected(assets: readonly ModelAsset[]): Map<string, Set<string>> {
  const projects = new Map<string, Set<string>>();
  for (const { projectId, copies } of assets) {
    projects.set(projectId, (projects.get(projectId) ?? new Set()).add(canonicalText(copies)));
  }
  return projects;
}

function assertComplete(projects: readonly ProjectAssets[], assets: readonly ModelAsset[]): void {
  const all = expected(assets);
  assert.deepEqual(
    projects.map(({ projectId }) => projectId),
    [...all.keys()].toSorted(compareStrings),
  );
  for (const { projectId, tuples } of projects) {
    const known = [...(all.get(projectId) ?? [])].slice(0, maxTuplesPerProject);
    assert.deepEqual(tuples.map(canonicalText).toSorted(), known.toSorted(), projectId);
  }
}

const id = (number: number) => number.toString(16).padStart(24, '0');

/** Which assets lack a copy. Shares are of all assets, chances are between 0 and 1. */
type Lacks =
  | { readonly kind: 'every'; readonly every: number }
  | { readonly kind: 'spread'; readonly chance: number }
  | { readonly kind: 'projects'; readonly chance: number }
  | { readonly kind: 'block'; readonly from: number; readonly to: number };

interface Layout {
  readonly copies: number;
  /** Assets per project, in turns. */
  readonly perProject: readonly number[];
  readonly assets: number;
  readonly lacks: Lacks;
  /** What `spread` and `projects` are thrown from. */
  readonly seed?: number;
}

const chance = fc.oneof(fc.constantFrom(0.001, 0.01, 0.1, 0.5, 0.9), fc.double({ min: 0, max: 1, noNaN: true }));

const layouts: fc.Arbitrary<Layout> = fc.record({
  copies: fc.constantFrom(1, 1, 2),
  perProject: fc.oneof(
    fc.constantFrom([1], [10], [100], [1, 10, 100]),
    fc.array(fc.constantFrom(1, 2, 10, 100), { minLength: 1, maxLength: 12 }),
  ),
  assets: fc.integer({ min: 0, max: 2_500 }),
  lacks: fc.oneof(
    fc.record({ kind: fc.constant('every' as const), every: fc.integer({ min: 2, max: 200 }) }),
    fc.record({ kind: fc.constant('spread' as const), chance }),
    fc.record({ kind: fc.constant('projects' as const), chance }),
    fc.tuple(chance, chance).map(([a, b]) => ({ kind: 'block' as const, from: Math.min(a, b), to: Math.max(a, b) })),
  ),
  seed: fc.nat({ max: 1_000_000 }),
});

function assetsOf({ copies, perProject, assets: total, lacks, seed = 0 }: Layout): ModelAsset[] {
  const assets: ModelAsset[] = [];
  const random = createRandom(String(seed));
  const ofProject: boolean[] = [];
  const isLacking = (number: number, project: number): boolean => {
    switch (lacks.kind) {
      case 'every':
        return number % lacks.every === 0;
      case 'spread':
        return random.chance(lacks.chance);
      case 'projects':
        ofProject[project] ??= random.chance(lacks.chance);
        return ofProject[project];
      case 'block':
        return number >= lacks.from * total && number < lacks.to * total;
    }
  };
  for (let project = 0; assets.length < total; project += 1) {
    const end = Math.min(total, assets.length + (perProject[project % perProject.length] ?? 1));
    while (assets.length < end) {
      const number = assets.length;
      const copy = isLacking(number, project) ? undefined : 'name';
      const others = Array.from({ length: copies - 1 }, () => 'other');
      assets.push({ path: `media/${number}`, projectId: id(project), copies: [copy, ...others] });
    }
  }
  return assets;
}

/** Scans some ranges side by side, as a run does. */
async function scanInRanges(assets: readonly ModelAsset[], copies: number, count: number) {
  const index = createModelIndex(collectionWith(copies), assets);
  const projects = new Set(assets.map(({ projectId }) => projectId));
  const ranges = rangesFromSample([...projects], count);
  const pacer = createPagePacer({ wasteShare: 0.05, maxPage: 300, streams: ranges.length });
  pacer.open(ranges.length);
  const found = await Promise.all(
    ranges.map(async (range) => {
      const inRange: ProjectAssets[] = [];
      for await (const project of projectsWithMissingCopies({ index, pacer }, range)) inRange.push(project);
      return inRange;
    }),
  );
  const { pages, every, counts } = index.reads;
  return { projects: found.flat(), reads: pages + every + counts };
}

describe('missing copies', () => {
  for (const copies of [1, 2]) {
    it(`finds every project and tuple, with ${copies} copies`, async () => {
      const copy = fc.constantFrom('a', null, undefined);
      const asset = fc.record({
        project: fc.integer({ min: 0, max: 12 }),
        copies: fc.array(copy, { minLength: copies, maxLength: copies }),
        times: fc.integer({ min: 1, max: 60 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(asset, { maxLength: 25 }), async (groups) => {
          let number = 0;
          const assets = groups.flatMap((group) =>
            Array.from({ length: group.times }, () => {
              number += 1;
              return { path: `media/${number}`, projectId: id(group.project), copies: group.copies };
            }),
          );
          const { projects } = await scan(assets, copies);
          assertComplete(projects, assets);
        }),
        { numRuns: 100 },
      );
    });
  }

  it('costs no more than a twentieth above a full scan, and a few reads per range, whatever lies where', async () => {
    await fc.assert(
      fc.asyncProperty(layouts, fc.integer({ min: 1, max: 4 }), async (layout, ranges) => {
        const assets = assetsOf(layout);
        const { projects, reads } = await scanInRanges(assets, layout.copies, ranges);
        assertComplete(projects, assets);
        const bound = (1 + extraShare) * assets.length + readsPerRange * ranges;
        assert.ok(reads <= bound, `${reads} reads in ${ranges} ranges, and a full scan costs ${assets.length}`);
      }),
      { numRuns: 250 },
    );
  });

  for (const perProject of [1, 10]) {
    for (const every of [9, 10, 20, 40, 100]) {
      it(`wastes little on splits: ${perProject} assets per project, 1 in ${every} lacks the copy`, async () => {
        const assets = assetsOf({
          copies: 1,
          perProject: [perProject],
          assets: 4_000,
          lacks: { kind: 'every', every },
        });
        const { projects, reads } = await scanInRanges(assets, 1, 1);
        assertComplete(projects, assets);
        assert.ok(reads <= 1.05 * assets.length, `${reads} reads, and a full scan costs ${assets.length}`);
      });
    }
  }

  it('cuts out a block, however many assets are in it', async () => {
    for (const [from, to] of [
      [0, 0.5],
      [0.25, 0.75],
      [0.3, 0.4],
      [0.9, 1],
    ] as const) {
      const assets = assetsOf({ copies: 1, perProject: [10], assets: 4_000, lacks: { kind: 'block', from, to } });
      const { projects, reads } = await scanInRanges(assets, 1, 1);
      assertComplete(projects, assets);
      assert.ok(reads < 1_000, `${reads} reads for 400 projects, of which those from ${from} to ${to} lack the copy`);
    }
  });

  it('asks about projects with very many assets one by one', async () => {
    const assets = assetsOf({ copies: 1, perProject: [100], assets: 4_000, lacks: { kind: 'every', every: 10 } });
    const { projects, reads } = await scanInRanges(assets, 1, 1);
    assertComplete(projects, assets);
    assert.ok(reads < 400, `${reads} reads for 40 projects`);
  });

  it('pins down one asset among many by halving', async () => {
    const assets = Array.from({ length: 4_000 }, (_, number) => ({
      path: `media/${number}`,
      projectId: id(Math.floor(number / 10)),
      copies: [number === 2_345 ? undefined : 'name'],
    }));
    const { projects, reads } = await scan(assets, 1);
    const lacking = projects.filter(({ tuples }) => tuples.some((tuple) => tuple[0] === undefined));
    assert.deepEqual(
      lacking.map(({ projectId }) => projectId),
      [id(234)],
    );
    const total = reads.pages + reads.every + reads.counts;
    assert.ok(total < 600, `${total} reads for 400 projects`);
  });

  it('costs one read per project where every asset lacks the copy', async () => {
    const assets = Array.from({ length: 4_000 }, (_, number) => ({
      path: `media/${number}`,
      projectId: id(Math.floor(number / 10)),
      copies: [undefined],
    }));
    const { projects, reads } = await scan(assets, 1);
    assert.equal(projects.length, 400);
    assert.ok(reads.pages + reads.every + reads.counts < 440);
  });
});
