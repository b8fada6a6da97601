import assert from 'node:assert/strict';
import type { AssetCollection } from '../../../src/config/defineConfig.ts';
import type { AssetEntry, AssetIndex } from '../../../src/reconcile/scan/assetIndex.ts';
import { hopProjects } from '../../../src/reconcile/scan/hopScan.ts';
import { projectsWithMissingCopies } from '../../../src/reconcile/scan/missingCopies.ts';
import { createPagePacer } from '../../../src/reconcile/scan/pagePacer.ts';
import { mergeProjects } from '../../../src/reconcile/scan/projectAssets.ts';
import { allIds, createModelIndex, type ModelAsset } from './modelIndex.ts';

const maxPage = 50;

const collectionNamed = (name: string): AssetCollection => ({
  name,
  kind: 'path',
  projectId: 'projectId',
  copies: { name: 'projectName' },
  recursive: false,
  retentionMs: null,
  files: [],
  guard: false,
  hideDeleted: false,
});

/** Two assets for every tenth project, and one for each of the others. `lacks`: whether an asset of this project lacks
 *  the copy. */
function assetsOf(projects: number, lacks: (project: number) => boolean): ModelAsset[] {
  return Array.from({ length: projects }, (_, project) => project).flatMap((project) =>
    Array.from({ length: project % 10 === 0 ? 2 : 1 }, (_asset, number) => ({
      path: `media/${project}-${number}`,
      projectId: project.toString(16).padStart(24, '0'),
      copies: [lacks(project) ? undefined : 'name'],
    })),
  );
}

/** Counts the entries that queries have returned and whose projects have not come out of the scan. */
function createHeld() {
  const waiting = new Map<string, number>();
  let held = 0;
  let most = 0;
  const keep = (entries: readonly AssetEntry[]) => {
    for (const { projectId } of entries) {
      waiting.set(String(projectId), (waiting.get(String(projectId)) ?? 0) + 1);
    }
    held += entries.length;
    most = Math.max(most, held);
    return entries;
  };
  return {
    watch: (index: AssetIndex): AssetIndex => ({
      ...index,
      page: async (...query) => keep(await index.page(...query)),
      every: async (...query) => keep(await index.every(...query)),
    }),
    release(projectId: string) {
      held -= waiting.get(projectId) ?? 0;
      waiting.delete(projectId);
    },
    most: () => most,
  };
}

/** Scans two collections side by side; whoever takes the projects lets the scan read ahead as far as it may. */
async function mostHeld(projects: number, lacks: ((project: number) => boolean) | undefined): Promise<number> {
  const held = createHeld();
  const pacer = createPagePacer({ wasteShare: 0.05, maxPage, streams: 2 });
  pacer.open(2);
  const streams = new Map(
    ['storyboards', 'media'].map((name) => {
      const index = held.watch(createModelIndex(collectionNamed(name), assetsOf(projects, lacks ?? (() => false))));
      return [
        name,
        lacks
          ? projectsWithMissingCopies({ index, pacer }, allIds)
          : hopProjects({ index, pacer, order: 'tuples' }, allIds),
      ];
    }),
  );
  let found = 0;
  for await (const { projectId } of mergeProjects(streams)) {
    await new Promise((resolve) => setImmediate(resolve));
    held.release(projectId);
    found += 1;
  }
  assert.equal(found, projects);
  return held.most();
}

/** Assets that are read at once where a part is read asset by asset, as in `hopScan.ts`. */
const plainPage = 300;

describe('what a scan holds at once', () => {
  const cases = [
    // Of each collection: the page whose projects come out, and the one behind it.
    { name: 'hops', lacks: undefined, bound: 2 * 2 * maxPage },
    { name: 'parts that lack copies here and there', lacks: (project: number) => project % 100 === 7 },
    { name: 'parts that lack copies in a block', lacks: (project: number) => project >= 300 && project < 700 },
  ];
  for (const { name, lacks, bound = 2 * 2 * plainPage } of cases) {
    it(`does not grow with the number of projects: ${name}`, async () => {
      const few = await mostHeld(2_000, lacks);
      const many = await mostHeld(40_000, lacks);
      assert.ok(few <= bound && many <= bound, `${few} of 2,000 and ${many} of 40,000, at most ${bound} expected`);
    }).timeout(60_000);
  }
});
