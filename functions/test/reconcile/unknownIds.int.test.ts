// Any client that may write an asset may invent a project id. Attacks I11: that stops nobody but itself; and I8: where
// Lockstep has no record of anything, a wrong MongoDB still deletes nothing.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { findingsCollection } from '../../src/reconcile/jobRecord.ts';
import { connectSource } from '../../src/source/connect.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { startWorld, type World, worldConfig } from './world.ts';

describe('ids that never existed', () => {
  let world: World;
  let ids: string[];
  let orphan: string;

  beforeEach(async () => {
    world = await startWorld();
    ids = await world.addProjects(Array.from({ length: 10 }, () => 'name'));
    orphan = new ObjectId().toHexString();
    await world.addRecords([...ids, orphan], 'live');
    await world.addAssets('storyboards', [
      ...ids.slice(1).map((projectId) => ({ projectId, projectName: 'name' })),
      { projectId: ids[0], projectName: 'old' },
      { projectId: orphan, projectName: 'gone' },
    ]);
  });
  afterEach(() => world.close());

  const invent = (count: number) =>
    world.addAssets(
      'analyses',
      Array.from({ length: count }, (_, number) => ({ projectId: `invented-${number}` })),
    );
  const alarms = () => world.log.lines.filter(({ level }) => level === 'alarm').map(({ fields }) => fields.brake);

  it('are removed with the others while they are few', async () => {
    await invent(3);
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings['unknown-id'], 3);
    assert.equal(outcome.report.findings['orphan-unknown'], 1);
    assert.equal(outcome.report.leftAlone, 0);
    assert.equal(await world.countOf('analyses'), 0);
    assert.equal(await world.countOf('storyboards'), 10);
  });

  for (const count of [4, 700]) {
    it(`are left alone while all else is repaired, with an alarm of their own: ${count} of them`, async () => {
      await invent(count);
      const outcome = await world.run({ mode: 'clean' });
      assert.equal(outcome.kind, 'done');
      assert.deepEqual([outcome.report.leftAlone, outcome.report.unknownAllowed !== null], [count, true]);
      assert.equal(outcome.report.repaired?.applied, 2, 'the orphan and the stale copy');
      assert.equal(await world.countOf('analyses'), count);
      assert.equal(await world.countOf('storyboards'), 10);
      assert.deepEqual(alarms(), ['too-many-unknown-ids']);
      const next = await world.run({ mode: 'clean' });
      assert.equal(next.kind, 'done', 'the next run is not stopped either');
    });
  }

  it('are only counted beyond what could be allowed, however many there are', async () => {
    await invent(700);
    let kept = 0;
    const { applier } = world.dependencies();
    const watching: typeof applier = {
      async apply(event, options) {
        const jobs = await world.firestore.collectionGroup(findingsCollection).get();
        kept = jobs.docs.reduce((sum, document) => sum + document.get('entries').length, 0);
        return applier.apply(event, options);
      },
    };
    await world.run({ mode: 'clean' }, { applier: watching });
    assert.ok(kept < 300, `${kept} findings were kept`);
  });

  it('are removed up to the number that a person allows', async () => {
    await invent(20);
    const less = await world.run({ mode: 'clean', allow: { unknownIds: 19 } });
    assert.equal(less.kind, 'done');
    assert.equal(await world.countOf('analyses'), 20);
    const enough = await world.run({ mode: 'clean', allow: { unknownIds: 20 } });
    assert.equal(enough.kind, 'done');
    assert.equal(enough.report.leftAlone, 0);
    assert.equal(await world.countOf('analyses'), 0);
  });

  it('do not make room for more orphans', async () => {
    const orphans = Array.from({ length: 3 }, () => new ObjectId().toHexString());
    await world.addRecords(orphans, 'live');
    await world.addAssets(
      'analyses',
      orphans.map((projectId) => ({ projectId })),
    );
    await invent(100);
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'braked');
    assert.match(outcome.brake.saw, /^4 of 14 projects/);
  });

  it('are what all ids are at the very first run against another database: nothing is deleted, and an alarm says so', async () => {
    const fresh = await startWorld();
    const config = defineConfig({ ...worldConfig, source: { ...worldConfig.source, database: 'staging' } });
    const source = await connectSource(fresh.mongo.uri, config);
    try {
      const known = await fresh.addProjects(Array.from({ length: 15 }, () => 'name'));
      await fresh.addAssets(
        'analyses',
        known.map((projectId) => ({ projectId })),
      );
      await source.projects.insertMany(Array.from({ length: 15 }, () => ({ _id: new ObjectId(), name: 'staging' })));
      const truth = createProjectTruth(source, config);
      const outcome = await fresh.run({ mode: 'clean' }, { source, truth, config });
      assert.equal(outcome.kind, 'done');
      assert.equal(outcome.report.leftAlone, 15);
      assert.equal(await fresh.countOf('analyses'), 15);
      assert.equal(fresh.log.alarms().length, 1);
    } finally {
      await source.close();
      await fresh.close();
    }
  });
});
