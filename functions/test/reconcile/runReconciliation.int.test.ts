import assert from 'node:assert/strict';
import { FieldValue, GeoPoint, Timestamp } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { ReconcileRequestError } from '../../src/events/reconciliationRequest.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { findingsCollection, parseJob, stateDocument } from '../../src/reconcile/jobRecord.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { startWorld, type World, worldConfig } from './world.ts';

const minute = 60_000;

describe('reconciliation', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  const assetsOf = (projectId: string, count: number, projectName?: string | null) =>
    Array.from({ length: count }, () => ({ projectId, ...(projectName !== undefined && { projectName }) }));

  /** Ten projects in step, with three assets each in two collections. */
  async function healthy(): Promise<string[]> {
    const ids = await world.addProjects(Array.from({ length: 10 }, (_, number) => `name ${number}`));
    const projects = await world.source.projects.find().toArray();
    for (const { _id, name } of projects) {
      await world.addAssets('storyboards', assetsOf(String(_id), 3, String(name)));
      await world.addAssets('analyses', assetsOf(String(_id), 3));
    }
    return ids;
  }

  it('finds nothing where all is in step, and pays one read per project and collection', async () => {
    await healthy();
    const outcome = await world.run({ mode: 'report' });
    assert.equal(outcome.kind, 'done');
    const { report } = outcome;
    assert.deepEqual(report.findings, noFindings());
    assert.equal(report.projects, 10);
    assert.deepEqual(
      report.collections.map(({ name, assets, projects, tuples }) => [name, assets, projects, tuples]),
      [
        ['storyboards', 30, 10, 10],
        ['analyses', 30, 10, 10],
        ['scenes', 0, 0, 0],
      ],
    );
    const hops = report.collections.reduce((sum, { reads }) => sum + reads.hops, 0);
    assert.ok(hops <= 1.05 * (20 + 3), `${hops} reads`);
  });

  for (const [what, due] of [
    ['a time that no copy can have', new Date('+020226-01-01T00:00:00Z')],
    ['a text that is too large for a record', 'x'.repeat(1_200_000)],
    ['a name that is reserved, and as long as a record', { [`__${'x'.repeat(800_000)}__`]: 1 }],
  ] as const) {
    it(`repairs what a project has besides ${what}`, async () => {
      await world.close();
      world = await startWorld({
        source: { ...worldConfig.source, fields: ['name', 'due'] },
        collections: [{ path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName', due: 'due' } }],
      });
      const _id = new ObjectId();
      await world.source.projects.insertOne({ _id, name: 'new', due });
      await world.addAssets('storyboards', [{ projectId: String(_id), projectName: 'old', due: null }]);
      await world.run({ mode: 'clean' });
      const { docs } = await world.firestore.collection('storyboards').get();
      assert.deepEqual(
        docs.map((asset) => [asset.get('projectName'), asset.get('due')]),
        [['new', null]],
      );
    });
  }

  // I11: whoever may write an asset may write any of them.
  it('repairs a copy of any type that Firestore has, and the others', async () => {
    const ids = await healthy();
    const { firestore } = world;
    const reference = firestore.doc('projects/p');
    const odd = [reference, [reference], { to: reference }, new GeoPoint(1, 2), FieldValue.vector([1, 2 ** 60])];
    const others = [Buffer.from('x'), new Timestamp(-5, 999_999_000), 9_007_199_254_740_993n, Number.NaN, 'old'];
    await world.addAssets(
      'storyboards',
      [...odd, ...others].map((projectName, index) => ({ projectId: ids[index], projectName })),
    );
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.repaired?.applied, outcome.report.repaired?.failed], [ids.length, 0]);
    const again = await world.run({ mode: 'report' });
    assert.equal(again.kind, 'done');
    assert.deepEqual(again.report.findings, noFindings());
  });

  it('names a value that no copy can have, writes it nowhere, and repairs the others', async () => {
    const [first = '', second = ''] = await healthy();
    await world.source.projects.updateOne({ _id: new ObjectId(first) }, { $set: { name: { __name__: 'x' } } });
    await world.addAssets('storyboards', assetsOf(second, 1, 'old'));
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    const { report } = outcome;
    assert.equal(report.findings['stale-copy'], 2);
    assert.deepEqual([report.repaired?.applied, report.repaired?.failed], [1, 1]);
    assert.match(JSON.stringify(report), /MongoDB has a value that no copy can have/);
    assert.equal((await world.firestore.collection('syncFailures').get()).size, 0);
    const again = await world.run({ mode: 'report' });
    assert.equal(again.kind, 'done');
    assert.equal(again.report.findings['stale-copy'], 1);
  });

  it('repairs orphans, stale copies and missing copies, and the next run finds nothing', async () => {
    const [first = '', second = '', third = ''] = await healthy();
    const gone = new ObjectId().toHexString();
    const buried = new ObjectId().toHexString();
    await world.addRecords([gone], 'live');
    await projectRecordRef(world.firestore, buried).set(
      projectRecordData({
        ...emptyProjectRecord(buried),
        desired: { kind: 'deleted', version: '0'.repeat(20), deletedVersion: '0'.repeat(20), fields: {} },
      }),
    );
    await world.addAssets('storyboards', [
      ...assetsOf(gone, 4, 'gone'),
      ...assetsOf(first, 2, 'old'),
      ...assetsOf(second, 1),
    ]);
    await world.addAssets('analyses', [...assetsOf(gone, 2), ...assetsOf(buried, 3)]);
    await world.addAssets('boards/b/scenes', [...assetsOf(gone, 1), ...assetsOf(third, 1)]);

    const seen = await world.run({ mode: 'report' });
    assert.equal(seen.kind, 'done');
    const findings = {
      ...noFindings(),
      'orphan-unknown': 1,
      'orphan-with-tombstone': 1,
      'stale-copy': 1,
      'missing-copy': 1,
    };
    assert.deepEqual(seen.report.findings, findings);
    assert.deepEqual(seen.report.examples.find(({ kind }) => kind === 'orphan-unknown')?.collections, [
      'storyboards',
      'analyses',
      'scenes',
    ]);
    assert.equal(await world.countOf('storyboards'), 37);

    const repaired = await world.run({ mode: 'clean' });
    assert.equal(repaired.kind, 'done');
    assert.deepEqual(repaired.report.findings, findings);
    assert.equal(repaired.report.repaired?.applied, 4);
    assert.equal(repaired.report.repaired?.assets, 4 + 2 + 1 + 3 + 2 + 1);
    assert.equal(await world.countOf('storyboards'), 33);
    assert.equal(await world.countOf('analyses'), 30);

    const after = await world.run({ mode: 'report' });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, noFindings());
    assert.deepEqual(world.log.alarms(), []);
  });

  it('reports project ids that are none, and leaves those assets alone', async () => {
    await healthy();
    await world.addAssets('analyses', [
      { projectId: 'a/b' },
      { projectId: 7 },
      { projectId: null },
      { other: 1 },
      { projectId: '' },
    ]);
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    const findings = { ...noFindings(), 'unusable-project-id': 4, 'missing-project-id': 1 };
    assert.deepEqual(outcome.report.findings, findings);
    assert.equal(await world.countOf('analyses'), 35);
  });

  it('leaves alone what is younger than the grace period', async () => {
    await healthy();
    const gone = new ObjectId().toHexString();
    await world.addRecords([gone], 'live');
    await world.addAssets('analyses', assetsOf(gone, 1));
    world.advance(-24 * 60 * minute);
    const young = await world.run({ mode: 'clean' });
    assert.equal(young.kind, 'done');
    assert.deepEqual(young.report.findings, noFindings());
    assert.equal(young.report.young, 1);
    world.advance(61 * minute);
    const old = await world.run({ mode: 'clean' });
    assert.equal(old.kind, 'done');
    assert.equal(old.report.findings['orphan-unknown'], 1);
    assert.equal(await world.countOf('analyses'), 30);
  });

  it('reports projects whose deletion is held, and leaves their assets alone', async () => {
    await healthy();
    const held = new ObjectId().toHexString();
    const version = '0'.repeat(20);
    await projectRecordRef(world.firestore, held).set(
      projectRecordData({
        ...emptyProjectRecord(held),
        desired: { kind: 'deleted', version, deletedVersion: version, fields: {} },
        hold: { state: 'held', since: 0, eventId: `${held}:${version}`, version },
      }),
    );
    await world.addAssets('analyses', assetsOf(held, 2));
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, { ...noFindings(), held: 1 });
    assert.equal(await world.countOf('analyses'), 32);
  });

  it('reads in longer pages when the last run has found one asset per project', async () => {
    const ids = await world.addProjects(Array.from({ length: 300 }, () => 'name'));
    await world.addAssets(
      'analyses',
      ids.flatMap((projectId) => assetsOf(projectId, 1)),
    );
    const calls = async () => {
      const before = world.client.server.meter.snapshot();
      const limits = { ...defaultReconcileLimits, countBatch: 0 };
      const outcome = await world.run({ mode: 'report' }, { limits });
      assert.equal(outcome.kind, 'done');
      const [, analyses] = outcome.report.collections;
      assert.ok((analyses?.reads.hops ?? 0) <= 1.05 * (300 + 30));
      return world.client.server.meter.diff(before).rpcs.RunQuery ?? 0;
    };
    const first = await calls();
    const second = await calls();
    assert.ok(second < first, `${second} queries after ${first}`);
  });

  it('keeps its record in syncJobs, and nothing of what was to be repaired', async () => {
    await healthy();
    await world.addAssets('analyses', assetsOf(new ObjectId().toHexString(), 1));
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    const ref = world.firestore.collection('syncJobs').doc(outcome.report.jobId);
    const job = parseJob(ref.id, (await ref.get()).data());
    assert.equal(job.status, 'done');
    const { jobRetentionMs } = defaultReconcileLimits;
    assert.ok(Math.abs(job.expireAt - Number(job.finishedAt) - jobRetentionMs) < minute, 'it expires');
    const state = await world.firestore.collection('syncJobs').doc(stateDocument).get();
    assert.equal(state.get('expireAt'), undefined, 'what the runs share does not');
    assert.equal(job.chunks, 1);
    assert.equal((await ref.collection(findingsCollection).get()).size, 0);
  });

  it('scans one collection or one project when asked to', async () => {
    const [first = '', second = ''] = await healthy();
    await world.addAssets('storyboards', [
      ...assetsOf(first, 1, 'old'),
      ...assetsOf(second, 1, 'old'),
      ...assetsOf(second, 1),
    ]);
    const one = await world.run({ mode: 'report', projectIds: [second] });
    assert.equal(one.kind, 'done');
    assert.deepEqual(one.report.findings, { ...noFindings(), 'stale-copy': 1, 'missing-copy': 1 });
    assert.equal(one.report.projects, 1);
    const other = await world.run({ mode: 'report', collections: ['analyses'] });
    assert.equal(other.kind, 'done');
    assert.deepEqual(other.report.findings, noFindings());
    assert.deepEqual(
      other.report.collections.map(({ name }) => name),
      ['analyses'],
    );
    await assert.rejects(world.run({ collections: ['nowhere'] }), ReconcileRequestError);
  });
});
