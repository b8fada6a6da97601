import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalText } from '../../../src/reconcile/scan/canonicalText.ts';
import { type ComparableProject, comparable } from '../../../src/reconcile/scan/comparable.ts';
import { countedProjects, createCountBudget } from '../../../src/reconcile/scan/countedProjects.ts';
import { hopProjects } from '../../../src/reconcile/scan/hopScan.ts';
import { compareStrings } from '../../../src/reconcile/scan/idOrder.ts';
import { extraShare, projectsWithMissingCopies, readsPerRange } from '../../../src/reconcile/scan/missingCopies.ts';
import { createPagePacer } from '../../../src/reconcile/scan/pagePacer.ts';
import type { ProjectAssets } from '../../../src/reconcile/scan/projectAssets.ts';
import { allIds, collectionWith, createModelIndex, type ModelAsset } from './modelIndex.ts';

/** With nine copies, ten fields in all, a query takes nine tuples. */
const copiesOf = { 'no copy': 0, 'one copy': 1, 'nine copies': 9 } as const;

const id = (number: number) => number.toString(16).padStart(24, '0');

/** What is special about a project; most have nothing. */
type Special = 'stale' | 'one stale' | 'lacking' | 'one lacking' | 'gone' | 'unlisted' | 'refused' | 'long';

interface Project {
  readonly assets: number;
  readonly special: Special | undefined;
}

/** Beyond what an index holds, in which alone an old value differs from it. */
const long = 'x'.repeat(1_600);

function listedOf(projects: readonly Project[], copies: number): ComparableProject[] {
  const sources = Array.from({ length: copies }, (_, index) => `field${index}`);
  return projects.flatMap(({ special }, number) => {
    if (special === 'gone' || special === 'unlisted') return [];
    const isRefused = special === 'refused';
    const value = special === 'long' ? `${long} new` : 'name';
    const fields = Object.fromEntries(isRefused ? [] : sources.map((source) => [source, value]));
    return [comparable({ projectId: id(number), fields })];
  });
}

function firstCopyOf(special: Special): string | undefined {
  if (special.endsWith('lacking')) return undefined;
  if (special === 'long') return `${long} old`;
  return special.endsWith('stale') ? 'old' : 'name';
}

function assetsOf(projects: readonly Project[], copies: number): ModelAsset[] {
  return projects.flatMap(({ assets, special }, number) =>
    Array.from({ length: assets }, (_, asset): ModelAsset => {
      const isSpecial = special !== undefined && (!special.startsWith('one') || asset === 0);
      const first = isSpecial ? firstCopyOf(special) : 'name';
      return {
        path: `media/${number}-${asset}`,
        projectId: id(number),
        copies: Array.from({ length: copies }, (__, copy) =>
          copy === 0 ? first : special === 'long' ? `${long} new` : 'name',
        ),
      };
    }),
  );
}

/** Scans like a run: counted where the collection is, and closely where assets lack a copy. */
async function scan(projects: readonly Project[], copies: number) {
  const assets = assetsOf(projects, copies);
  const index = createModelIndex(collectionWith(copies), assets);
  const pacer = createPagePacer({ wasteShare: 0.05, maxPage: 300, streams: 1 });
  const lacks = assets.some((asset) => asset.copies.includes(undefined));
  const found: ProjectAssets[] = [];
  const options = {
    index,
    budget: createCountBudget(assets.length),
    scan: (range: typeof allIds) => {
      pacer.open(1);
      return lacks
        ? projectsWithMissingCopies({ index, pacer }, range)
        : hopProjects({ index, pacer, order: 'tuples' }, range);
    },
  };
  const listed = { range: allIds, projects: listedOf(projects, copies) };
  for await (const project of countedProjects(options, listed)) found.push(project);
  const { pages, every, counts } = index.reads;
  return { found, assets, listed, lacks, reads: pages + every + counts };
}

const tuplesOf = (assets: readonly ModelAsset[], projectId: string) =>
  [
    ...new Set(assets.filter((asset) => asset.projectId === projectId).map(({ copies }) => canonicalText(copies))),
  ].sort();

/** What a full scan finds is found, and what it does not find is not. */
function assertSameAsFullScan({ found, assets, listed }: Awaited<ReturnType<typeof scan>>): void {
  const ids = found.map(({ projectId }) => projectId);
  assert.deepEqual(ids, [...new Set(ids)].toSorted(compareStrings), 'each project once, in order');
  for (const { projectId } of assets) assert.ok(ids.includes(projectId), `${projectId} was not seen`);
  const expected = new Map(listed.projects.map(({ projectId, fields }) => [projectId, Object.values(fields)]));
  for (const { projectId, tuples } of found) {
    const seen = tuples.map(canonicalText).sort();
    const all = tuplesOf(assets, projectId);
    // Of a project without assets in a group that is in step, only that it is in step is known.
    assert.deepEqual(seen, all.length > 0 ? all : [canonicalText(expected.get(projectId))], projectId);
  }
}

const specials: readonly Special[] = [
  'stale',
  'one stale',
  'lacking',
  'one lacking',
  'gone',
  'unlisted',
  'refused',
  'long',
];

const projectsWith = (rarely: number) =>
  fc.array(
    fc.record({
      assets: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 12 })),
      special: fc.oneof(
        { weight: rarely, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(...specials) },
      ),
    }),
    { maxLength: 150, size: 'max' },
  );

// Attacks what counts conclude: that nothing differs where two numbers are equal.
describe('counted projects', () => {
  for (const [name, copies] of Object.entries(copiesOf)) {
    it(`find what a full scan finds, within its reads, whatever has drifted: ${name}`, async () => {
      const projects = fc.oneof(projectsWith(2), projectsWith(40), projectsWith(400));
      await fc.assert(
        fc.asyncProperty(projects, async (layout) => {
          const result = await scan(layout, copies);
          assertSameAsFullScan(result);
          const { assets, lacks, reads } = result;
          // Each of the ranges that are read between counted groups may end with a query without results: paid for.
          const most = (1 + extraShare + (lacks ? 0.001 : 0.05)) * assets.length + readsPerRange + 5;
          assert.ok(reads <= most, `${reads} reads, and a full scan costs ${assets.length}`);
        }),
        { numRuns: 150 },
      );
    });
  }

  for (const perProject of [1, 10, 100]) {
    it(`cost two reads per thirty where all are in step: ${perProject} assets each`, async () => {
      const projects = Array.from({ length: 600 }, () => ({ assets: perProject, special: undefined }));
      const result = await scan(projects, 1);
      assertSameAsFullScan(result);
      const counts = 2 * Math.ceil((30 * perProject) / 1_000);
      assert.equal(result.reads, (600 / 30) * counts);
    });
  }

  it('read only the thirty among which one has drifted', async () => {
    const projects = Array.from({ length: 600 }, (_, number) => ({
      assets: 10,
      special: number === 333 ? ('one stale' as const) : undefined,
    }));
    const result = await scan(projects, 1);
    assertSameAsFullScan(result);
    assert.ok(result.reads <= 2 * 20 + 1.05 * 31 + 2, `${result.reads} reads`);
  });

  it('are not counted for long where there are hardly any assets, or where nearly everything has drifted', async () => {
    const few = await scan(
      Array.from({ length: 3_000 }, (_, number) => ({ assets: number % 300 === 0 ? 1 : 0, special: undefined })),
      1,
    );
    assertSameAsFullScan(few);
    assert.ok(few.reads <= 10 + 5 + 5, `${few.reads} reads for 10 assets`);
    const drifted = await scan(
      Array.from({ length: 600 }, () => ({ assets: 10, special: 'stale' as const })),
      1,
    );
    assertSameAsFullScan(drifted);
    assert.ok(drifted.reads <= 1.05 * 601 + 0.001 * 6_000 + 5, `${drifted.reads} reads for 600 projects`);
  });
});
