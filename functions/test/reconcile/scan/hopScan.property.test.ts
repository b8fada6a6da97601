import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AssetCollection } from '../../../src/config/defineConfig.ts';
import { canonicalText } from '../../../src/reconcile/scan/canonicalText.ts';
import { hopProjects } from '../../../src/reconcile/scan/hopScan.ts';
import { compareStrings } from '../../../src/reconcile/scan/idOrder.ts';
import { createPagePacer } from '../../../src/reconcile/scan/pagePacer.ts';
import { maxTuplesPerProject, type ProjectAssets } from '../../../src/reconcile/scan/projectAssets.ts';
import { allIds, createModelIndex, type ModelAsset } from './modelIndex.ts';

const wasteShare = 0.05;
const storyboards: AssetCollection = {
  name: 'storyboards',
  kind: 'path',
  projectId: 'projectId',
  copies: { name: 'projectName' },
  recursive: false,
  retentionMs: null,
  files: [],
  guard: false,
  hideDeleted: false,
};

/** The assets of projects: `perProject[i]` of them, under so many different names. */
function assetsOf(perProject: readonly number[], names: (project: number) => number = () => 1): ModelAsset[] {
  return perProject.flatMap((count, project) =>
    Array.from({ length: count }, (_, number) => ({
      path: `storyboards/${project}-${number}`,
      projectId: project.toString(16).padStart(24, '0'),
      copies: [`name ${number % names(project)}`],
    })),
  );
}

async function scan(assets: readonly ModelAsset[], order: 'tuples' | 'ids' = 'tuples', maxPage = 300) {
  const index = createModelIndex(storyboards, assets);
  const pacer = createPagePacer({ wasteShare, maxPage, streams: 1 });
  pacer.open(1);
  const projects: ProjectAssets[] = [];
  for await (const project of hopProjects({ index, pacer, order }, allIds)) projects.push(project);
  return { projects, reads: index.reads };
}

function distinctTuples(assets: readonly ModelAsset[]): Map<string, Set<string>> {
  const expected = new Map<string, Set<string>>();
  for (const { projectId, copies } of assets) {
    expected.set(projectId, (expected.get(projectId) ?? new Set()).add(canonicalText(copies)));
  }
  return expected;
}

function assertComplete(projects: readonly ProjectAssets[], assets: readonly ModelAsset[]): void {
  const expected = distinctTuples(assets);
  assert.deepEqual(
    projects.map(({ projectId }) => projectId),
    [...expected.keys()].toSorted(compareStrings),
  );
  for (const { projectId, tuples } of projects) {
    const all = expected.get(projectId) ?? new Set();
    assert.equal(tuples.length, Math.min(all.size, maxTuplesPerProject), projectId);
    for (const tuple of tuples) assert.ok(all.has(canonicalText(tuple)));
  }
}

function assertCheap(reads: number, assets: readonly ModelAsset[], streams = 1): void {
  const tuples = [...distinctTuples(assets).values()].reduce((sum, { size }) => sum + size, 0);
  assert.ok(
    reads <= (1 + wasteShare) * (tuples + streams),
    `${reads} reads for ${tuples} tuples in ${assets.length} assets`,
  );
  assert.ok(reads <= Math.max(1, assets.length) + streams, `${reads} reads, and a full scan costs ${assets.length}`);
}

const distributions: Record<string, number[]> = {
  '1 each': Array.from({ length: 2_000 }, () => 1),
  '10 each': Array.from({ length: 400 }, () => 10),
  '100 each': Array.from({ length: 100 }, () => 100),
  '10,000 in one': [10_000],
  'many small, then one huge': [...Array.from({ length: 1_000 }, () => 1), 10_000],
  'one huge, then many small': [5_000, ...Array.from({ length: 1_000 }, () => 1)],
  'every tenth has a hundred': Array.from({ length: 600 }, (_, index) => (index % 10 === 9 ? 100 : 1)),
  'ones and twos': Array.from({ length: 900 }, (_, index) => 1 + (index % 2)),
};

describe('hop scan', () => {
  for (const [name, perProject] of Object.entries(distributions)) {
    it(`finds everything within five percent of the least reads: ${name}`, async () => {
      const assets = assetsOf(perProject);
      const { projects, reads } = await scan(assets);
      assertComplete(projects, assets);
      assertCheap(reads.pages, assets);
    });
  }

  it('reads in pages where every project has one asset', async () => {
    const { reads } = await scan(assetsOf(Array.from({ length: 5_000 }, () => 1)));
    // A page may be a twentieth of what was found before it: n pages find 20 * (1.05^n - 1) projects.
    assert.ok(reads.queries < 200, `${reads.queries} queries for 5,000 projects`);
  });

  it('does not try pages again and again where projects have many assets', async () => {
    const assets = assetsOf(Array.from({ length: 500 }, () => 20));
    const { reads } = await scan(assets);
    assert.ok(reads.pages <= 510, `${reads.pages} reads for 500 projects`);
  });

  it('holds for any distribution, page limit and number of stale names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })), { maxLength: 120 }),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        async (perProject, names, maxPage) => {
          const assets = assetsOf(perProject, (project) => names[project % names.length] ?? 1);
          const { projects, reads } = await scan(assets, 'tuples', maxPage);
          assertComplete(projects, assets);
          assertCheap(reads.pages, assets);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('sorts as Firestore does, whatever the ids are made of', async () => {
    const odd = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }).filter((id) => id.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(odd, { maxLength: 30 }), async (ids) => {
        const assets = ids.map((projectId, number) => ({ path: `storyboards/${number}`, projectId, copies: ['n'] }));
        const { projects } = await scan(assets);
        assertComplete(projects, assets);
      }),
      { numRuns: 100 },
    );
  });

  it('comes to an end where copies are longer than an index entry', async () => {
    const long = 'x'.repeat(1_600);
    const assets = [
      ...assetsOf([3, 2]),
      ...[`${long}a`, `${long}b`, 'short'].map((name, number) => ({
        path: `storyboards/long-${number}`,
        projectId: '000000000000000000000001',
        copies: [name],
      })),
      ...assetsOf([0, 0, 0, 4]),
    ];
    const { projects } = await scan(assets);
    assertComplete(projects, assets);
  });

  it('passes ids that are far too long in one hop', async () => {
    const long = 'e'.repeat(2_000);
    const assets = [
      ...assetsOf([2]),
      ...Array.from({ length: 50 }, (_, number) => ({
        path: `storyboards/long-${number}`,
        projectId: `${long}${number}`,
        copies: ['n'],
      })),
      { path: 'storyboards/z', projectId: 'f', copies: ['n'] },
    ];
    const { projects, reads } = await scan(assets);
    assert.deepEqual(
      projects.map(({ projectId }) => projectId.length),
      [24, 257, 1],
    );
    assert.ok(reads.pages <= 5);
  });
});
