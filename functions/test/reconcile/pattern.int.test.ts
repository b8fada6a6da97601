// Reconciliation of a path with wildcards: only documents that the pattern matches are judged, though Firestore answers
// with the whole collection group.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { noFindings } from '../../src/reconcile/findings.ts';
import { startWorld, type World } from './world.ts';

describe('reconciliation of tenants/{tenantId}/storyboards', () => {
  let world: World;
  let ids: string[];
  beforeEach(async () => {
    world = await startWorld({
      source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
      collections: [
        { path: 'tenants/{tenantId}/storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
      ],
    });
    ids = await world.addProjects(Array.from({ length: 10 }, () => 'name'));
    await world.addRecords(ids, 'live');
  });
  afterEach(() => world.close());

  const ofAll = (data: object) => ids.map((projectId) => ({ projectId, ...data }));

  it('finds nothing where only documents elsewhere in the group would be findings', async () => {
    const gone = new ObjectId().toHexString();
    await world.addRecords([gone], 'live');
    const wrong = [
      ...ofAll({ projectName: 'stale' }),
      ...ofAll({}),
      ...Array.from({ length: 700 }, () => ({ projectId: gone, projectName: 'x' })),
      { projectId: 7 },
      { other: 1 },
    ];
    await world.addAssets('tenants/t1/storyboards', ofAll({ projectName: 'name' }));
    await world.addAssets('storyboards', wrong);
    await world.addAssets('zoo/z/storyboards', wrong);
    for (const mode of ['report', 'clean'] as const) {
      const outcome = await world.run({ mode });
      assert.equal(outcome.kind, 'done');
      // The record of a project without assets that is gone is repaired by itself.
      assert.equal(outcome.report.findings['orphan-unknown'], 0);
      assert.equal(outcome.report.findings['stale-copy'], 0);
      assert.equal(outcome.report.findings['missing-copy'], 0);
      assert.equal(outcome.report.findings['missing-project-id'], 0);
      assert.equal(outcome.report.findings['unusable-project-id'], 0);
    }
    assert.equal(await world.countOf('storyboards'), wrong.length);
    assert.equal(await world.countOf('zoo/z/storyboards'), wrong.length);
    assert.equal(await world.countOf('tenants/t1/storyboards'), 10);
  });

  it('repairs what the pattern matches, hidden behind documents of the same project elsewhere', async () => {
    const gone = new ObjectId().toHexString();
    await world.addRecords([gone], 'live');
    const [first = '', second = ''] = ids;
    await world.addAssets('storyboards', [
      ...ofAll({ projectName: 'name' }),
      ...Array.from({ length: 350 }, () => ({ projectId: gone, projectName: 'x' })),
      ...Array.from({ length: 350 }, () => ({ projectId: second })),
    ]);
    await world.addAssets('tenants/t1/storyboards', [...ofAll({ projectName: 'name' }), { projectId: null }]);
    await world.addAssets('tenants/t2/storyboards', [
      { projectId: first, projectName: 'stale' },
      { projectId: second },
      { projectId: gone, projectName: 'x' },
    ]);
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, {
      ...noFindings(),
      'orphan-unknown': 1,
      'stale-copy': 1,
      'missing-copy': 1,
      'unusable-project-id': 1,
    });
    assert.equal(outcome.report.repaired?.assets, 3);
    assert.equal(await world.countOf('tenants/t2/storyboards'), 2);
    assert.equal(await world.countOf('storyboards'), 710);
    const after = await world.run({ mode: 'report' });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, { ...noFindings(), 'unusable-project-id': 1 });
    assert.deepEqual(world.log.alarms(), []);
  });
});
