import assert from 'node:assert/strict';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { startWorld, type World } from './world.ts';

const projects = 120;

const distributions: Record<string, (project: number) => number> = {
  'one asset each': () => 1,
  'ten each': () => 10,
  'one each, and one project with very many': (project) => (project === projects / 2 ? 1_000 : 1),
  'a mix of 1, 2, 10 and 50': (project) => [1, 2, 10, 50][project % 4] ?? 1,
  'very many in the first project only': (project) => (project === 0 ? 1_000 : 0),
};

describe('reads of a whole run', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  for (const [name, assetsOf] of Object.entries(distributions)) {
    it(`stay within five percent of one per tuple and range, and of a full scan: ${name}`, async () => {
      const ids = await world.addProjects(Array.from({ length: projects }, () => 'name'));
      const assets = ids.flatMap((projectId, number) =>
        Array.from({ length: assetsOf(number) }, () => ({ projectId, projectName: 'name' })),
      );
      await world.addAssets('storyboards', assets);
      await world.addAssets('analyses', assets);
      const before = world.client.server.meter.snapshot();
      const outcome = await world.run({ mode: 'report' });
      assert.equal(outcome.kind, 'done');
      const { report } = outcome;
      assert.ok(report.checksum.equal);

      const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
      const hops = sum(report.collections.map(({ reads }) => reads.hops));
      const tuples = sum(report.collections.map((collection) => collection.tuples));
      const ranges = Math.ceil(projects / defaultReconcileLimits.projectsPerRange) * report.collections.length;
      assert.equal(tuples, 2 * ids.filter((_, number) => assetsOf(number) > 0).length);
      assert.ok(hops <= 1.05 * (tuples + ranges), `${hops} reads for ${tuples} tuples and ${ranges} ranges`);
      assert.ok(
        hops <= 1.05 * (2 * assets.length + ranges),
        `${hops} reads, and a full scan costs ${2 * assets.length}`,
      );

      // What the report says is what the server bills, but for the run's own record.
      const used = world.client.server.meter.diff(before);
      const own = used.collections.syncJobs?.reads ?? 0;
      assert.equal(used.reads - own, report.reads);
    });
  }
});
