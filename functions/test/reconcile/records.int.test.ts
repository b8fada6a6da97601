// Attacks I10: what MongoDB says in a majority read outranks what a record claims, and a repair that changed nothing is
// a failure.
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { maxOrdinal, versionOf } from '../../src/events/version.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import type { Applier } from '../../src/reconcile/runRecord.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { shiftedClock } from '../support/clock.ts';
import { startWorld, type World, worldConfig } from './world.ts';

const day = 24 * 60 * 60;
const hour = 60 * 60 * 1000;

describe('records compared with MongoDB', () => {
  let world: World;
  let ids: string[];
  beforeEach(async () => {
    world = await startWorld();
    ids = await world.addProjects(Array.from({ length: 10 }, () => 'name'));
  });
  afterEach(() => world.close());

  const kindOf = async (id: string): Promise<unknown> =>
    (await projectRecordRef(world.firestore, id).get()).get('desired.kind');
  const gone = (count: number) => Array.from({ length: count }, () => new ObjectId().toHexString());

  it('a tombstone of a living project is found, and repaired', async () => {
    const [first = '', ...others] = ids;
    await world.addRecords(others, 'live');
    await world.addRecords([first], 'deleted');
    const seen = await world.run({ mode: 'report' });
    assert.equal(seen.kind, 'done');
    assert.deepEqual(seen.report.findings, { ...noFindings(), 'tombstone-of-living': 1 });
    assert.equal(seen.report.examples[0]?.projectId, first);
    assert.equal(seen.report.records, 10);
    assert.equal(await kindOf(first), 'deleted', 'a report changes nothing');

    const cleaned = await world.run({ mode: 'clean' });
    assert.equal(cleaned.kind, 'done');
    assert.deepEqual([cleaned.report.repaired?.applied, cleaned.report.repaired?.failed], [1, 0]);
    assert.equal(await kindOf(first), 'live');
    const after = await world.run({ mode: 'report' });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, noFindings());
  });

  it('a live record of a project that is gone is found, and repaired, also where it has no assets', async () => {
    const [missing = ''] = gone(1);
    await world.addRecords([...ids, missing], 'live');
    const seen = await world.run({ mode: 'report' });
    assert.equal(seen.kind, 'done');
    assert.deepEqual(seen.report.findings, { ...noFindings(), 'live-record-of-missing': 1 });
    const cleaned = await world.run({ mode: 'clean' });
    assert.equal(cleaned.kind, 'done');
    assert.equal(cleaned.report.repaired?.applied, 1);
    assert.equal(await kindOf(missing), 'deleted');
    const after = await world.run({ mode: 'report' });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, noFindings());
  });

  it('live records of missing projects count as orphans do, for a wrong MongoDB has none of them', async () => {
    await world.addRecords([...ids, ...gone(4)], 'live');
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'braked');
    assert.equal(outcome.brake.kind, 'too-many-orphans');
    assert.match(outcome.brake.saw, /^4 of 14 projects .*; up to 3 are allowed/);
  });

  it('tombstones of projects that are gone are in step, and so are those of a deletion within the grace period', async () => {
    await world.addRecords(gone(20), 'deleted');
    world.advance(-day * 1000);
    const now = Math.floor(world.dependencies().clock.now() / 1000);
    await world.addRecords(gone(3), 'live', versionOf({ seconds: now - 60, increment: 1 }, 0));
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings['live-record-of-missing'], 0);
  });

  it('a version beyond the operation time of MongoDB is found, and repaired: what it claims does not count', async () => {
    const ahead = versionOf({ seconds: Math.floor(Date.now() / 1000) + day, increment: 1 }, maxOrdinal);
    const [first = '', second = '', ...others] = ids;
    const [missing = ''] = gone(1);
    await world.addRecords(others, 'live');
    await world.addRecords([first], 'live', ahead);
    await world.addRecords([second, missing], 'deleted', ahead);
    await world.addAssets('storyboards', [
      { projectId: first, projectName: 'claimed' },
      { projectId: missing, projectName: 'x' },
    ]);
    const outcome = await world.run({ mode: 'report' });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, {
      ...noFindings(),
      'record-ahead': 2,
      'stale-copy': 1,
      // Its version from the future does not make it young.
      'orphan-with-tombstone': 1,
    });
    const cleaned = await world.run({ mode: 'clean' });
    assert.equal(cleaned.kind, 'done');
    assert.deepEqual([cleaned.report.repaired?.applied, cleaned.report.failures], [3, []]);
    const [asset, ...more] = (await world.firestore.collection('storyboards').get()).docs;
    assert.equal(asset?.get('projectName'), 'name');
    assert.deepEqual(more, [], 'the asset of the missing project is gone');
    assert.deepEqual([await kindOf(first), await kindOf(second), await kindOf(missing)], ['live', 'live', 'deleted']);
    const after = await world.run({ mode: 'report' });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, noFindings());
  });

  it('a repair that changed nothing is a failure, in the report and in what it counts', async () => {
    const [first = '', second = '', ...others] = ids;
    await world.addRecords(others, 'live');
    await world.addRecords([first], 'deleted');
    const [missing = ''] = gone(1);
    await world.addRecords([missing], 'live');
    await world.addAssets('storyboards', [
      { projectId: second, projectName: 'old' },
      { projectId: missing, projectName: 'x' },
    ]);
    const idle = { apply: async () => ({ kind: 'applied', processed: 0 }) as const };
    const outcome = await world.run({ mode: 'clean' }, { applier: idle });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.repaired?.applied, outcome.report.repaired?.failed], [0, 3]);
    const failures = outcome.report.failures.join('\n');
    assert.match(
      failures,
      new RegExp(`${first}: it is as it was after its repair: its record says that it is deleted`),
    );
    assert.match(failures, new RegExp(`${second}: .*projectName: "old", should be "name"`));
    assert.match(failures, new RegExp(`${missing}: .*no such project in MongoDB`));
  });

  it('a deletion that left old assets is a failure, though its own record is young then; new ones are not its', async () => {
    const old = await startWorld(worldConfig, shiftedClock(-2 * hour));
    try {
      // By the clock of MongoDB, as everywhere but in these tests.
      old.advance(-day * 1000);
      await old.addProjects(Array.from({ length: 10 }, () => 'name'));
      const [left = ''] = gone(1);
      await old.addRecords([left], 'live');
      await old.addAssets('storyboards', [{ projectId: left, projectName: 'x' }]);
      const idle: Applier = {
        async apply({ projectId, version }) {
          await old.addRecords([projectId], 'deleted', version);
          return { kind: 'applied', processed: 0 };
        },
      };
      const outcome = await old.run({ mode: 'clean' }, { applier: idle });
      assert.equal(outcome.kind, 'done');
      assert.deepEqual([outcome.report.repaired?.applied, outcome.report.repaired?.failed], [0, 1]);
      assert.match(outcome.report.failures.join(), /it is as it was after its repair: .*assets/);
    } finally {
      await old.close();
    }
  });

  it('a repair that meets another worker is made when that one has finished or is known to be dead', async () => {
    const [orphan = ''] = gone(1);
    await world.addRecords([...ids, orphan], 'live');
    await world.addAssets('storyboards', [{ projectId: orphan }]);
    const { applier, clock } = world.dependencies();
    let ahead = 0;
    const now = () => clock.now() + ahead;
    const until = now() + 60_000;
    const asked: number[] = [];
    const outcome = await world.run(
      { mode: 'clean' },
      {
        clock: {
          now,
          after(ms, run) {
            if (ms < 1_000) return clock.after(ms, run);
            return clock.after(1, () => {
              ahead += ms;
              run();
            });
          },
        },
        applier: {
          apply(event, options) {
            asked.push(now());
            return now() < until ? Promise.resolve({ kind: 'deferred', until }) : applier.apply(event, options);
          },
        },
      },
    );
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.repaired?.applied, outcome.report.repaired?.deferred], [1, 0]);
    assert.ok(asked.length > 3 && (asked[1] ?? 0) - (asked[0] ?? 0) < 5_000, 'it asks soon, too');
    assert.equal(await world.countOf('storyboards'), 0);
  });

  it('a project that changes again during its repair is left to its event', async () => {
    const [first = ''] = ids;
    await world.addAssets('storyboards', [{ projectId: first, projectName: 'old' }]);
    const renaming = {
      async apply() {
        await world.source.projects.updateOne({ _id: new ObjectId(first) }, { $set: { name: 'newer' } });
        return { kind: 'applied', processed: 1 } as const;
      },
    };
    const outcome = await world.run({ mode: 'clean' }, { applier: renaming });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual([outcome.report.repaired?.applied, outcome.report.repaired?.failed], [1, 0]);
  });

  it('costs one read per record, in pages, and next to nothing where there is none', async () => {
    const bare = await world.run({ mode: 'report' });
    assert.equal(bare.kind, 'done');
    assert.equal(bare.report.recordReads, 1);
    await world.addRecords(ids, 'live');
    const limits = { ...defaultReconcileLimits, ranges: 1 };
    const before = world.client.server.meter.snapshot();
    const outcome = await world.run({ mode: 'report' }, { limits });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.recordReads, 1 + ids.length);
    const used = world.client.server.meter.diff(before);
    assert.equal(used.collections.syncProjects?.reads, outcome.report.recordReads);
  });

  it('compares the record of a project that was named, and none in a run over single collections', async () => {
    const [first = '', second = '', ...others] = ids;
    await world.addRecords(others, 'live');
    await world.addRecords([first, second], 'deleted');
    const named = await world.run({ mode: 'report', projectIds: [second] });
    assert.equal(named.kind, 'done');
    assert.equal(named.report.findings['tombstone-of-living'], 1);
    const single = await world.run({ mode: 'report', collections: ['analyses'] });
    assert.equal(single.kind, 'done');
    assert.equal(single.report.records, 0);
  });
});
