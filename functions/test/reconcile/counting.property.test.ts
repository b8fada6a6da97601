import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ObjectId } from 'mongodb';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { findingsOf } from '../../src/reconcile/progress.ts';
import { startWorld, type World } from './world.ts';

/** What may be wrong with a project; most have nothing. */
const drifts = ['stale', 'lacking', 'deleted', 'capitals', 'refused', 'empty', 'time'] as const;

// Attacks what counts conclude, with real queries: whatever has drifted, they lead to the findings of a run that reads
// every tuple.
describe('a run that counts what is in step', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  async function seed(layout: readonly { drift: (typeof drifts)[number] | null; assets: number }[]): Promise<void> {
    await world.client.server.clear();
    await world.source.projects.deleteMany({});
    await world.source.projects.insertOne({ _id: new ObjectId(), name: 'so that there is one' });
    const storyboards: object[] = [];
    const analyses: object[] = [];
    const gone: string[] = [];
    for (const { drift, assets } of layout) {
      const _id = new ObjectId();
      const name =
        drift === 'refused'
          ? { __x__: 1 }
          : drift === 'time'
            ? new Date(1_700_000_000_000)
            : drift === 'empty'
              ? null
              : 'name';
      if (drift === 'deleted') gone.push(_id.toHexString());
      else await world.source.projects.insertOne({ _id, name });
      for (let asset = 0; asset < assets; asset += 1) {
        const hex = _id.toHexString();
        const projectId = drift === 'capitals' && asset === 0 ? hex.toUpperCase() : hex;
        const shown = drift === 'stale' && asset === 0 ? 'old' : drift === 'refused' ? 'name' : name;
        storyboards.push({ projectId, ...(!(drift === 'lacking' && asset === 0) && { projectName: shown }) });
        if (asset % 2 === 0) analyses.push({ projectId });
      }
    }
    await world.addRecords(gone, 'live');
    await world.addAssets('storyboards', storyboards);
    await world.addAssets('analyses', analyses);
  }

  async function findings(countBatch: number) {
    const limits = { ...defaultReconcileLimits, countBatch };
    const allow = { shrink: true, source: true };
    const outcome = await world.run({ mode: 'report', allow }, { limits });
    assert.ok('report' in outcome);
    const { report } = outcome;
    const details = report.examples.map(({ kind, projectId, detail }) => `${kind} ${projectId} ${detail}`).sort();
    return { counts: report.findings, total: findingsOf(report), details: report.examples.length < 5 ? details : [] };
  }

  it('finds what a run finds that reads every tuple', async () => {
    const project = fc.record({
      drift: fc.oneof(
        { weight: 20, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.constantFrom(...drifts) },
      ),
      assets: fc.integer({ min: 0, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(project, { minLength: 20, maxLength: 90, size: 'max' }), async (layout) => {
        await seed(layout);
        assert.deepEqual(await findings(defaultReconcileLimits.countBatch), await findings(0));
      }),
      { numRuns: 15 },
    );
  });
});
