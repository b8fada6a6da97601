import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AssetCollection } from '../../src/config/defineConfig.ts';
import { canonicalText } from '../../src/reconcile/canonicalValue.ts';
import { projectsWithMissingCopies } from '../../src/reconcile/missingCopies.ts';
import { createPagePacer } from '../../src/reconcile/pagePacer.ts';
import { maxTuplesPerProject, type ProjectAssets } from '../../src/reconcile/projectAssets.ts';
import { compareStrings } from '../../src/reconcile/stringOrder.ts';
import { allIds, createModelIndex, type ModelAsset } from './modelIndex.ts';

function collectionWith(copies: number): AssetCollection {
  const fields = Array.from({ length: copies }, (_, index) => [`field${index}`, `copy${index}`] as const);
  return { name: 'media', kind: 'path', projectId: 'projectId', copies: Object.fromEntries(fields), recursive: false };
}

async function scan(assets: readonly ModelAsset[], copies: number) {
  const index = createModelIndex(collectionWith(copies), assets);
  const pacer = createPagePacer({ wasteShare: 0.05, maxPage: 300, streams: 1 });
  const projects: ProjectAssets[] = [];
  for await (const project of projectsWithMissingCopies({ index, pacer }, allIds)) projects.push(project);
  return { projects, reads: index.reads };
}

/** The distinct tuples of each project; a missing copy reads as null, and what matters is also told apart: whether some asset lacks one. */
function expected(assets: readonly ModelAsset[]) {
  const projects = new Map<string, { tuples: Set<string>; lacks: boolean }>();
  for (const { projectId, copies } of assets) {
    const known = projects.get(projectId) ?? { tuples: new Set(), lacks: false };
    known.tuples.add(canonicalText(copies));
    known.lacks ||= copies.includes(undefined);
    projects.set(projectId, known);
  }
  return projects;
}

const id = (number: number) => number.toString(16).padStart(24, '0');

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
          const all = expected(assets);
          assert.deepEqual(
            projects.map(({ projectId }) => projectId),
            [...all.keys()].toSorted(compareStrings),
          );
          for (const { projectId, tuples } of projects) {
            const known = all.get(projectId) ?? { tuples: new Set(), lacks: false };
            assert.deepEqual(
              tuples.map(canonicalText).toSorted(),
              [...known.tuples].slice(0, maxTuplesPerProject).toSorted(),
            );
          }
        }),
        { numRuns: 100 },
      );
    });
  }

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
