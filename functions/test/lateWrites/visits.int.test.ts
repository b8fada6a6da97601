// Visits of deleted projects: what was written late is found after 1, 10 or 60 minutes, whoever wrote it. Attacks I5
// (never a live project's asset), I6 (bounded) and I9 with deaths before and after each write.
import assert from 'node:assert/strict';
import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import { defineConfig, recordCollections } from '../../src/config/defineConfig.ts';
import { versionOf } from '../../src/events/version.ts';
import { defaultVisitLimits } from '../../src/lateWrites/limits.ts';
import { projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { event } from '../sync/worker.fixture.ts';
import { type LateWritesFixture, startLateWrites } from './lateWrites.fixture.ts';

const limits = { ...defaultVisitLimits, visitAfterMs: defaultSyncLimits.visitAfterMs };

const fivePlaces = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, subcollections: 'recursive' },
    { path: 'media', projectId: 'projectId' },
    { path: 'analyses', projectId: 'projectId' },
    { path: 'tenants/{tenantId}/boards', projectId: 'projectId' },
    { group: 'scenes', projectId: 'projectId' },
  ],
});

describe('visits of deleted projects', () => {
  let fixture: LateWritesFixture;
  beforeEach(async () => {
    fixture = await startLateWrites(fivePlaces);
  });
  afterEach(() => fixture.close());

  const visitOf = async (projectId: string) => (await fixture.record(projectId)).visit;
  const paths = async (group: string) => [...(await fixture.documents(group)).keys()].sort();

  async function costOf(action: () => Promise<unknown>) {
    const before = fixture.server.meter.snapshot();
    await action();
    const { reads, writes, deletes } = fixture.server.meter.diff(before);
    return { reads, writes, deletes };
  }

  it('are after 1, 10 and 60 minutes, for 6 reads and a write each in five collections', async () => {
    await fixture.deleteProject('p1');
    const doneAt = fixture.clock.now();
    const seen: (readonly [number, number] | null)[] = [];
    for (const afterMs of [minuteMs, 10 * minuteMs, hourMs]) {
      const visit = await visitOf('p1');
      seen.push(visit && [visit.number, visit.at - doneAt]);
      fixture.clock.advance(doneAt + afterMs - 1 - fixture.clock.now());
      assert.deepEqual(await costOf(() => fixture.visit()), { reads: 1, writes: 0, deletes: 0 }, 'none is due');
      fixture.clock.advance(1);
      assert.deepEqual(await costOf(() => fixture.visit()), { reads: 6, writes: 1, deletes: 0 });
    }
    assert.deepEqual(seen, [
      [1, minuteMs],
      [2, 10 * minuteMs],
      [3, hourMs],
    ]);
    assert.equal(await visitOf('p1'), null);
    fixture.clock.advance(hourMs);
    assert.deepEqual(await costOf(() => fixture.visit()), { reads: 1, writes: 0, deletes: 0 });
    assert.equal(fixture.events.messages.length, 0);
  });

  for (const path of ['storyboards/late', 'tenants/t1/boards/late', 'storyboards/other/scenes/late']) {
    it(`find ${path}, and the deletion that they publish removes it and is visited itself`, async () => {
      await fixture.deleteProject('p1');
      fixture.clock.advance(minuteMs / 2);
      await fixture.write(path, { projectId: 'p1' });
      fixture.clock.advance(minuteMs / 2);
      assert.equal(await fixture.visit(), 1);
      const group = path.split('/').at(-2) ?? '';
      assert.deepEqual(await paths(group), [path], 'the visit deletes nothing itself');
      await fixture.workOff();
      assert.deepEqual(await paths(group), []);
      assert.deepEqual(await visitOf('p1'), { number: 1, at: fixture.clock.now() + minuteMs });
    });
  }

  it('find an asset that was created as the visit began', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('media/late', { projectId: 'p1' });
    assert.equal(await fixture.visit(), 1);
    await fixture.workOff();
    assert.deepEqual(await paths('media'), []);
  });

  it('are not made of a project that was created again', async () => {
    await fixture.deleteProject('p1');
    fixture.alive.set('p1', { name: 'again' });
    fixture.clock.advance(secondMs);
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'again' }, Math.floor(fixture.clock.now() / secondMs)));
    await fixture.write('media/m1', { projectId: 'p1' });
    assert.equal(await visitOf('p1'), null);
    fixture.clock.advance(hourMs);
    assert.deepEqual(await costOf(() => fixture.visit()), { reads: 1, writes: 0, deletes: 0 });
    assert.deepEqual(await paths('media'), ['media/m1']);
  });

  it('publish nothing while the news of its creation is on its way', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    fixture.alive.set('p1', { name: 'again' });
    await fixture.write('media/m1', { projectId: 'p1' });
    assert.equal(await fixture.visit(), 0);
    assert.equal((await visitOf('p1'))?.number, 2);
    assert.equal(fixture.events.messages.length, 0);
  });

  it('do no harm when it is created again between the visit and the deletion', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('media/m1', { projectId: 'p1' });
    assert.equal(await fixture.visit(), 1);
    fixture.clock.advance(secondMs);
    fixture.alive.set('p1', { name: 'again' });
    await fixture.workOff();
    assert.deepEqual(await paths('media'), ['media/m1'], 'the final check has seen that the project lives');
    assert.equal(await visitOf('p1'), null);
  });

  it('wait while deletions are paused, and where nothing of assets is written', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('media/late', { projectId: 'p1' });
    const paused = { what: 'deletions', by: 'operator', reason: 'test', since: 0 } as const;
    const visits = await costOf(async () => {
      assert.equal(await fixture.visit({ control: { read: async () => ({ paused: [paused] }) } }), 0);
      assert.equal(await fixture.visit({ isShadow: true }), 0);
    });
    assert.deepEqual(visits, { reads: 0, writes: 0, deletes: 0 });
    assert.equal(await fixture.visit(), 1, 'as soon as it may');
  });

  it('end when another deletion begins, which is visited when it is done', async () => {
    await fixture.deleteProject('p1');
    await fixture.write('media/late', { projectId: 'p1' });
    const pause = { what: 'deletions', by: 'operator', reason: 'test', since: fixture.clock.now() };
    await fixture.firestore.doc(`${recordCollections.control}/state`).set({ paused: [pause] });
    fixture.clock.advance(10 * secondMs);
    await fixture.deleteProject('p1');
    assert.equal(await visitOf('p1'), null, 'parked');
    fixture.clock.advance(hourMs);
    assert.equal(await fixture.visit(), 0);
    assert.equal(fixture.events.messages.length, 0);
  });

  it('leave a record that was claimed after it was listed', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('media/late', { projectId: 'p1' });
    const truth = {
      async ask(projectIds: readonly string[]) {
        const statement = await fixture.dependencies.truth.ask(projectIds);
        await projectRecordRef(fixture.firestore, 'p1').update({ searchName: 'changed meanwhile' });
        return statement;
      },
    };
    assert.equal(await fixture.visit({ truth }), 1);
    assert.equal((await visitOf('p1'))?.number, 1, 'the visit is made again');
  });

  it('are made again after a death before the message, and after a death before the write behind it', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('media/late', { projectId: 'p1' });
    fixture.events.failures.push(new Error('died before the message'));
    assert.equal(await fixture.visit(), 0);
    assert.equal((await visitOf('p1'))?.number, 1);
    fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } });
    assert.equal(await fixture.visit(), 0);
    assert.equal(fixture.events.messages.length, 1);
    assert.equal((await visitOf('p1'))?.number, 1);
    fixture.clock.advance(secondMs);
    assert.equal(await fixture.visit(), 1);
    assert.equal(fixture.events.messages.length, 2, 'twice, which does no harm');
    await fixture.workOff();
    assert.deepEqual(await paths('media'), []);
    assert.match(JSON.stringify(fixture.log.lines), /a deleted project could not be visited; retrying/);
  });

  it('by several relays at once publish what does no harm, and count once', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('media/late', { projectId: 'p1' });
    await Promise.all([fixture.visit(), fixture.visit(), fixture.visit()]);
    assert.equal((await visitOf('p1'))?.number, 2);
    await fixture.workOff();
    assert.deepEqual(await paths('media'), []);
  });

  it('are made in the order in which they are due, and only so many in a round', async () => {
    for (const projectId of ['p1', 'p2', 'p3']) {
      await fixture.deleteProject(projectId);
      await fixture.write(`media/${projectId}`, { projectId });
    }
    fixture.clock.advance(minuteMs);
    assert.equal(await fixture.visit({ limits: { ...limits, mostVisits: 2 } }), 2);
    assert.equal(await fixture.visit({ limits: { ...limits, roundMs: 0 } }), 0, 'no time left');
    assert.equal(await fixture.visit({ limits: { ...limits, mostVisits: 2 } }), 1);
    const projects = fixture.events.messages.map(({ attributes }) => attributes.projectId);
    assert.deepEqual(projects.sort(), ['p1', 'p2', 'p3']);
  });

  it('leave documents that are no assets of a pattern where they are', async () => {
    await fixture.deleteProject('p1');
    await fixture.write('elsewhere/e1/deeper/d1/boards/b1', { projectId: 'p1' });
    fixture.clock.advance(minuteMs);
    assert.equal(await fixture.visit(), 0);
    assert.equal((await visitOf('p1'))?.number, 2);
  });

  it('are not made up for: one after two hours finds what all would have found', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(2 * hourMs);
    await fixture.write('media/late', { projectId: 'p1' });
    assert.equal(await fixture.visit(), 1);
    assert.equal(await visitOf('p1'), null);
  });

  it('are made again when MongoDB has not reached the time of what was found', async () => {
    await fixture.deleteProject('p1');
    const { version } = await fixture.dependencies.truth.ask([]);
    fixture.clock.advance(minuteMs);
    await fixture.write('media/late', { projectId: 'p1' });
    assert.equal(await fixture.visit({ truth: { ask: async () => ({ version, projects: new Map() }) } }), 0);
    assert.equal((await visitOf('p1'))?.number, 1);
    fixture.clock.advance(minuteMs);
    assert.equal(await fixture.visit(), 1);
  });

  it('of records that are ahead of MongoDB, which was set back, are reported, and keep no other from its visit', async () => {
    for (let index = 0; index < 100; index += 1) fixture.alive.set(`other-${index}`, {});
    for (const id of ['p1', 'p2', 'p3']) {
      await fixture.deleteProject(id);
      fixture.clock.advance(secondMs);
      await fixture.write(`media/${id}`, { projectId: id });
    }
    for (const id of ['p1', 'p2']) {
      const record = await fixture.record(id);
      const version = versionOf({ seconds: Math.floor(fixture.clock.now() / secondMs) + 30 * 86_400, increment: 1 }, 0);
      const desired = { ...record.desired, version, deletedVersion: version };
      await projectRecordRef(fixture.firestore, id).set(projectRecordData({ ...record, desired }));
    }
    for (let round = 0; round < 3; round += 1) {
      fixture.clock.advance(minuteMs);
      await fixture.visit({ limits: { ...limits, mostVisits: 2 } });
      await fixture.workOff();
    }
    // What comes out of such a record is left to a reconciliation, whose brakes see all of them.
    assert.deepEqual(await paths('media'), ['media/p1', 'media/p2']);
    const letters = fixture.deadLetters.messages.map(({ attributes }) => attributes);
    assert.deepEqual(letters.map(({ projectId }) => projectId).sort(), ['p1', 'p2']);
    for (const { error } of letters) assert.match(error ?? '', /claims what cannot have happened yet.*run reconcile/);
    assert.deepEqual([(await visitOf('p1'))?.number, (await visitOf('p2'))?.number], [2, 2]);
  });

  it('that come too early go behind the others', async () => {
    for (const id of ['p1', 'p2', 'p3']) await fixture.deleteProject(id);
    const { version } = await fixture.dependencies.truth.ask([]);
    fixture.clock.advance(minuteMs + secondMs);
    for (const id of ['p1', 'p2', 'p3']) await fixture.write(`media/${id}`, { projectId: id });
    const idle = { ask: async () => ({ version, projects: new Map() }) };
    assert.equal(await fixture.visit({ truth: idle, limits: { ...limits, mostVisits: 2 } }), 0);
    assert.equal(await fixture.visit({ limits: { ...limits, mostVisits: 2 } }), 1);
    assert.deepEqual(
      fixture.events.messages.map(({ attributes }) => attributes.projectId),
      ['p3'],
    );
    assert.match(JSON.stringify(fixture.log.lines), /put off: MongoDB has not reached/);
  });

  it('end with a record that cannot be read, and go on with others', async () => {
    for (const projectId of ['p1', 'p2']) await fixture.deleteProject(projectId);
    await projectRecordRef(fixture.firestore, 'p1').update({ desired: 'damaged' });
    await fixture.write('media/late', { projectId: 'p2' });
    fixture.clock.advance(minuteMs + secondMs);
    assert.equal(await fixture.visit(), 1);
    assert.match(JSON.stringify(fixture.log.lines), /is not visited any more: its record cannot be read/);
    assert.equal((await projectRecordRef(fixture.firestore, 'p1').get()).get('visitAt'), null);
  });
});
