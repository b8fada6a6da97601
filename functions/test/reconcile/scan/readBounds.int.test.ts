import assert from 'node:assert/strict';
import { type Clock, sleep, systemClock } from '../../../src/clock.ts';
import { defaultReconcileLimits } from '../../../src/reconcile/limits.ts';
import { findingsOf } from '../../../src/reconcile/progress.ts';
import { readsPerRange } from '../../../src/reconcile/scan/missingCopies.ts';
import type { ProjectTruth } from '../../../src/source/truth.ts';
import { startWorld, type World, worldConfig } from '../world.ts';

const projects = 120;

/** Everything is read, and nothing counted. */
const hopping = { ...defaultReconcileLimits, countBatch: 0 };

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

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
      const outcome = await world.run({ mode: 'report' }, { limits: hopping });
      assert.equal(outcome.kind, 'done');
      const { report } = outcome;
      assert.equal(findingsOf(report), 0);

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

  for (const perProject of [1, 10]) {
    it(`are two per thirty projects and collection where all is in step: ${perProject} assets each`, async () => {
      const ids = await world.addProjects(Array.from({ length: projects }, (_, number) => `name ${number}`));
      const names = new Map(
        (await world.source.projects.find().toArray()).map(({ _id, name }) => [String(_id), String(name)]),
      );
      const assets = ids.flatMap((projectId) =>
        Array.from({ length: perProject }, () => ({ projectId, projectName: names.get(projectId) })),
      );
      await world.addAssets('storyboards', assets);
      await world.addAssets('analyses', assets);
      const before = world.client.server.meter.snapshot();
      const limits = { ...defaultReconcileLimits, ranges: 1 };
      const outcome = await world.run({ mode: 'report' }, { limits });
      assert.equal(outcome.kind, 'done');
      const { report } = outcome;
      assert.equal(findingsOf(report), 0);
      assert.equal(report.projects, projects);
      // In `scenes` there is no asset, which one read finds out.
      assert.deepEqual(
        report.collections.map(({ reads }) => reads.hops),
        [0, 0, 1],
      );
      const [storyboards, analyses] = report.collections.map(({ reads }) => reads.total);
      const ofAll = countsOfCollection + (perProject === 1 ? 0 : countsOfCollection);
      assert.equal(storyboards, ofAll + 2 * (projects / 30));
      assert.equal(analyses, (ofAll * 3) / 4 + 2 * (projects / 30));
      const used = world.client.server.meter.diff(before);
      assert.equal(used.reads - (used.collections.syncJobs?.reads ?? 0), report.reads);
    });
  }

  it('are all of them where a verification looks at every tuple', async () => {
    const ids = await world.addProjects(Array.from({ length: projects }, () => 'name'));
    await world.addAssets(
      'analyses',
      ids.flatMap((projectId) => [{ projectId }, { projectId }]),
    );
    const outcome = await world.run({ mode: 'verify' }, { verify: async () => ({ kind: 'complete' }) });
    assert.equal(outcome.kind, 'done');
    const [, analyses] = outcome.report.collections;
    assert.ok((analyses?.reads.hops ?? 0) >= projects);
  });

  /** What counts of the whole collection cost at least: all assets, those with a project id, those with text in it,
   *  those with the copy. */
  const countsOfCollection = 4;

  const lacking: Record<string, { readonly perProject: number; readonly lacks: (asset: number) => boolean }> = {
    'one asset each, 1 in 10 lacks the copy': { perProject: 1, lacks: (asset) => asset % 10 === 0 },
    'ten each, 1 in 10': { perProject: 10, lacks: (asset) => asset % 10 === 0 },
    'ten each, 1 in 40': { perProject: 10, lacks: (asset) => asset % 40 === 0 },
    'ten each, 1 in 100': { perProject: 10, lacks: (asset) => asset % 100 === 0 },
    'ten each, one asset': { perProject: 10, lacks: (asset) => asset === 777 },
    'ten each, a block': { perProject: 10, lacks: (asset) => asset >= 300 && asset < 500 },
    'ten each, all': { perProject: 10, lacks: () => true },
  };

  for (const [name, { perProject, lacks }] of Object.entries(lacking)) {
    it(`all together stay within a twentieth above a full scan where assets lack the copy: ${name}`, async () => {
      const ids = await world.addProjects(Array.from({ length: projects }, () => 'name'));
      const assets = Array.from({ length: projects * perProject }, (_, number) => ({
        projectId: ids[Math.floor(number / perProject)],
        ...(!lacks(number) && { projectName: 'name' }),
      }));
      await world.addAssets('storyboards', assets);
      const before = world.client.server.meter.snapshot();
      const outcome = await world.run({ mode: 'report', collections: ['storyboards'] });
      assert.equal(outcome.kind, 'done');
      const { report } = outcome;
      const differing = new Set(assets.filter(({ projectName }) => !projectName).map(({ projectId }) => projectId));
      assert.equal(report.findings['missing-copy'], differing.size);

      const [reads] = report.collections.map((collection) => collection.reads);
      assert.ok(reads);
      const all = reads.hops + reads.counts + reads.closer;
      const ranges = Math.ceil(projects / defaultReconcileLimits.projectsPerRange);
      const bound = 1.05 * assets.length + readsPerRange * ranges + countsOfCollection;
      assert.ok(all <= bound, `${all} reads in ${ranges} ranges, and a full scan costs ${assets.length}`);
      assert.equal(world.client.server.meter.diff(before).collections.storyboards?.reads, all);
    });
  }

  it('are in memory no longer than until MongoDB has answered, however many projects there are', async () => {
    const limits = { ...hopping, ranges: 1, lookupBatch: 20, maxPage: 10 };
    const peaks: number[] = [];
    for (const more of [200, 600]) {
      const ids = await world.addProjects(Array.from({ length: more }, () => 'name'));
      await world.addAssets(
        'analyses',
        ids.map((projectId) => ({ projectId })),
      );
      const before = world.client.server.meter.snapshot();
      const readSoFar = () => world.client.server.meter.diff(before).collections.analyses?.reads ?? 0;
      const { truth } = world.dependencies();
      let judged = 0;
      let peak = 0;
      const slow: ProjectTruth = {
        async ask(projectIds) {
          // The scan goes on meanwhile, as far as it may.
          for (let reads = -1; reads !== readSoFar(); await sleep(systemClock, 15)) reads = readSoFar();
          peak = Math.max(peak, readSoFar() - judged);
          judged += projectIds.length;
          return truth.ask(projectIds);
        },
      };
      const request = { mode: 'report', collections: ['analyses'] } as const;
      const outcome = await world.run(request, { truth: slow, limits });
      assert.equal(outcome.kind, 'done');
      assert.equal(judged, outcome.report.projects);
      peaks.push(peak);
    }
    // The batch that is judged and the next one, a page that was read for it and the one behind; and the counts are
    // reads too.
    const most = 2 * limits.lookupBatch + 2 * limits.maxPage + countsOfCollection;
    assert.ok(Math.max(...peaks) <= most, `${peaks} assets read and not judged, at most ${most} expected`);
    // Fewer would mean that nothing is read while MongoDB answers.
    assert.ok(Math.min(...peaks) > limits.lookupBatch + countsOfCollection, `${peaks}`);
  });
});

describe('queries of a run', () => {
  /** No timer of the server takes just so long, but the delay that the test asks for, ms. */
  const delayMs = 7;
  let world: World;
  let inFlight = 0;
  let most = 0;

  /** Counts the queries that are being delayed. */
  const countingClock: Clock = {
    now: systemClock.now,
    after(ms, run) {
      if (ms !== delayMs) return systemClock.after(ms, run);
      inFlight += 1;
      most = Math.max(most, inFlight);
      const cancel = systemClock.after(ms, () => {
        inFlight -= 1;
        run();
      });
      return () => {
        inFlight -= 1;
        cancel();
      };
    },
  };

  beforeEach(async () => {
    inFlight = 0;
    most = 0;
    world = await startWorld(worldConfig, countingClock);
    const ids = await world.addProjects(Array.from({ length: projects }, () => 'name'));
    const assets = ids.flatMap((projectId) => Array.from({ length: 4 }, () => ({ projectId, projectName: 'name' })));
    await world.addAssets('storyboards', assets);
    world.client.server.faults.inject('RunQuery', { latencyMs: delayMs }, Number.POSITIVE_INFINITY);
  });
  afterEach(() => world.close());

  const ranges = Math.ceil(projects / defaultReconcileLimits.projectsPerRange);

  async function mostInFlight(parallelQueries: number): Promise<number> {
    const limits = { ...hopping, parallelQueries };
    const outcome = await world.run({ mode: 'report', collections: ['storyboards'] }, { limits });
    assert.equal(outcome.kind, 'done');
    assert.equal(findingsOf(outcome.report), 0);
    assert.equal(inFlight, 0);
    return most;
  }

  it('of one collection are side by side, one for each range under way', async () => {
    const reached = await mostInFlight(defaultReconcileLimits.parallelQueries);
    // The last ranges may begin later: each may end with a wasted query, which has to be earned.
    assert.ok(reached > 1 && reached <= ranges, `${reached} at a time in ${ranges} ranges`);
  });

  for (const parallelQueries of [1, 2]) {
    it(`are never more than ${parallelQueries} at a time where the limit is ${parallelQueries}`, async () => {
      assert.equal(await mostInFlight(parallelQueries), parallelQueries);
    });
  }
});
