// The guard against writes of assets that come after the deletion of their project: before, during and after it, and
// with a creation in between. Attacks I5 (never a live project's asset) and I6 (bounded).
import assert from 'node:assert/strict';
import { hourMs, minuteMs, secondMs } from '../../src/clock.ts';
import { recordCollections } from '../../src/config/defineConfig.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import { eventId } from '../../src/events/contract.ts';
import { maxOrdinal, timeOf, versionOf } from '../../src/events/version.ts';
import { createGuard, type Guard, NotReachedError, type WrittenAsset } from '../../src/lateWrites/guard.ts';
import { defaultLateWriteLimits } from '../../src/lateWrites/limits.ts';
import {
  emptyProjectRecord,
  type ProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../../src/records/projectRecord.ts';
import { event } from '../sync/worker.fixture.ts';
import { type LateWritesFixture, startLateWrites } from './lateWrites.fixture.ts';

describe('the guard of late writes', () => {
  let fixture: LateWritesFixture;
  beforeEach(async () => {
    fixture = await startLateWrites();
  });
  afterEach(() => fixture.close());

  const published = () =>
    fixture.events.messages.map(({ data }) => {
      const decoded = decodeEvent(data);
      assert.ok(decoded.ok);
      return decoded.event;
    });
  const assets = async () => [...(await fixture.documents('storyboards')).keys()].sort();

  it('publishes a deletion for a write after it, and that removes the asset', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(7 * secondMs);
    await fixture.write('storyboards/late', { projectId: 'p1' });
    const outcome = await fixture.check('storyboards/late');
    assert.equal(outcome.kind, 'published');
    assert.deepEqual(await assets(), ['storyboards/late'], 'it deletes nothing itself');
    const [deletion, ...more] = published();
    assert.deepEqual(more, []);
    assert.equal(deletion?.type, 'ProjectDeleted');
    assert.equal(deletion?.projectId, 'p1');
    assert.deepEqual(deletion?.origin, {
      service: 'lockstep',
      channel: 'guard',
      reason: 'late write of storyboards/late',
    });
    assert.equal(timeOf(deletion?.version ?? ''), Math.floor(fixture.clock.now() / secondMs) * secondMs);
    await fixture.workOff();
    assert.deepEqual(await assets(), []);
    const { appliedRevision, revision } = await fixture.record('p1');
    assert.equal(appliedRevision, revision);
  });

  it('finds an asset that was moved to a deleted project', async () => {
    fixture.alive.set('p2', { name: 'lives' });
    await fixture.write('storyboards/moved', { projectId: 'p2' });
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('storyboards/moved', { projectId: 'p1' });
    assert.equal((await fixture.check('storyboards/moved')).kind, 'published');
    await fixture.workOff();
    assert.deepEqual(await assets(), []);
  });

  it('reads the record of the project once and no more for the asset of a project that lives', async () => {
    fixture.alive.set('p1', { name: 'lives' });
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'lives' }));
    await fixture.write('storyboards/s1', { projectId: 'p1' });
    await fixture.write('storyboards/s2', { projectId: 'unknown' });
    const writtenAt = fixture.clock.now();
    const [collection] = fixture.dependencies.config.collections;
    assert.ok(collection);
    const before = fixture.server.meter.snapshot();
    for (const projectId of ['p1', 'unknown']) {
      const outcome = await fixture.guard.check({ collection, path: 'storyboards/s1', projectId, writtenAt });
      assert.equal(outcome.kind, 'no-tombstone');
    }
    const { reads, writes, deletes } = fixture.server.meter.diff(before);
    assert.deepEqual({ reads, writes, deletes }, { reads: 2, writes: 0, deletes: 0 });
    assert.deepEqual(published(), []);
  });

  it('leaves a write before the deletion to it, also when the news of the write comes later', async () => {
    await fixture.write('storyboards/early', { projectId: 'p1' });
    const [collection] = fixture.dependencies.config.collections;
    assert.ok(collection);
    const write = { collection, path: 'storyboards/early', projectId: 'p1', writtenAt: fixture.clock.now() };
    fixture.clock.advance(10 * secondMs);
    await fixture.deleteProject('p1');
    assert.equal((await fixture.guard.check(write)).kind, 'covered');
    // So close to the deletion that the clocks of the two databases cannot tell which was first.
    assert.equal((await fixture.guard.check({ ...write, writtenAt: fixture.clock.now() })).kind, 'moved-on');
    assert.deepEqual(published(), []);
  });

  it('leaves a write to a deletion that is under way, paused or held', async () => {
    const control = fixture.firestore.doc(`${recordCollections.control}/state`);
    const pause = { what: 'deletions', by: 'operator', reason: 'test', since: fixture.clock.now() };
    await control.set({ paused: [pause] });
    await fixture.write('storyboards/early', { projectId: 'p1' });
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('storyboards/during', { projectId: 'p1' });
    assert.equal((await fixture.check('storyboards/during')).kind, 'under-way');
    assert.deepEqual(published(), []);
  });

  it('leaves the assets of a deleted project that a person has decided to keep, whoever goes on to write them', async () => {
    for (const id of ['s1', 's2']) await fixture.write(`storyboards/${id}`, { projectId: 'p1' });
    fixture.clock.advance(minuteMs);
    const version = versionOf({ seconds: Math.floor(fixture.clock.now() / secondMs), increment: 1 }, 0);
    const discarded: ProjectRecord = {
      ...emptyProjectRecord('p1'),
      desired: { kind: 'deleted', version, deletedVersion: version, fields: {} },
      revision: 1,
      appliedRevision: 1,
      hold: { state: 'discarded', since: fixture.clock.now(), eventId: eventId('p1', version), version },
    };
    await projectRecordRef(fixture.firestore, 'p1').set(projectRecordData(discarded));
    fixture.clock.advance(minuteMs);
    await fixture.write('storyboards/s1', { projectId: 'p1', note: 'kept' });
    const { kind } = await fixture.check('storyboards/s1');
    await fixture.workOff();
    assert.deepEqual(await assets(), ['storyboards/s1', 'storyboards/s2']);
    assert.equal(kind, 'kept');
    assert.equal((await fixture.record('p1')).hold?.state, 'discarded');
  });

  it('leaves the asset of a project that was created again, also before the news of that', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    fixture.alive.set('p1', { name: 'again' });
    await fixture.write('storyboards/s1', { projectId: 'p1' });
    assert.equal((await fixture.check('storyboards/s1')).kind, 'alive');
    const seconds = Math.floor(fixture.clock.now() / secondMs);
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'again' }, seconds));
    assert.equal((await fixture.check('storyboards/s1')).kind, 'no-tombstone');
    assert.deepEqual(published(), []);
    assert.deepEqual(await assets(), ['storyboards/s1']);
  });

  it('does no harm when the project is created again between its question and the deletion', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    await fixture.write('storyboards/s1', { projectId: 'p1' });
    assert.equal((await fixture.check('storyboards/s1')).kind, 'published');
    fixture.clock.advance(secondMs);
    fixture.alive.set('p1', { name: 'again' });
    await fixture.workOff();
    assert.deepEqual(await assets(), ['storyboards/s1'], 'the final check has seen that the project lives');
  });

  it('makes one deletion of a thousand late writes, and reads once for each', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    const paths = Array.from({ length: 1000 }, (_none, index) => `storyboards/late-${index}`);
    for (let from = 0; from < paths.length; from += 500) {
      const batch = fixture.firestore.batch();
      for (const path of paths.slice(from, from + 500)) batch.set(fixture.firestore.doc(path), { projectId: 'p1' });
      await batch.commit();
    }
    const [collection] = fixture.dependencies.config.collections;
    assert.ok(collection);
    const writtenAt = fixture.clock.now();
    const before = fixture.server.meter.snapshot();
    const outcomes = await Promise.all(
      paths.map((path) => fixture.guard.check({ collection, path, projectId: 'p1', writtenAt })),
    );
    const { reads, writes } = fixture.server.meter.diff(before);
    assert.deepEqual({ reads, writes }, { reads: 1001, writes: 0 });
    assert.equal(outcomes.filter(({ kind }) => kind === 'published').length, 1);
    assert.equal(outcomes.filter(({ kind }) => kind === 'folded').length, 999);
    assert.equal(published().length, 1);
    await fixture.workOff();
    assert.deepEqual(await assets(), []);
  });

  it('publishes another deletion when a minute is over, or from another process', async () => {
    await fixture.deleteProject('p1');
    const kinds: string[] = [];
    const writeAndCheck = async (path: string, guard?: Guard) => {
      await fixture.write(path, { projectId: 'p1' });
      kinds.push((await fixture.check(path, guard)).kind);
    };
    fixture.clock.advance(minuteMs);
    await writeAndCheck('storyboards/a');
    await fixture.workOff();
    fixture.clock.advance(30 * secondMs);
    await writeAndCheck('storyboards/b');
    await writeAndCheck('storyboards/c', fixture.createGuard());
    fixture.clock.advance(30 * secondMs);
    await writeAndCheck('storyboards/d');
    assert.deepEqual(kinds, ['published', 'folded', 'published', 'published']);
  });

  it('lets another late write take over when the first one could not be published', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    for (const id of ['a', 'b', 'c']) await fixture.write(`storyboards/${id}`, { projectId: 'p1' });
    fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((id) => fixture.check(`storyboards/${id}`)));
    const kinds = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.kind : 'failed'));
    assert.deepEqual(kinds.sort(), ['failed', 'folded', 'published']);
  });

  it('has a write checked again when MongoDB has not reached its time', async () => {
    await fixture.deleteProject('p1');
    const version = versionOf({ seconds: Math.floor(fixture.clock.now() / secondMs), increment: 1 }, maxOrdinal);
    const idle = createGuard({
      ...fixture.dependencies,
      truth: { ask: async () => ({ version, projects: new Map() }) },
      limits: defaultLateWriteLimits,
    });
    fixture.clock.advance(7 * secondMs);
    await fixture.write('storyboards/late', { projectId: 'p1' });
    await assert.rejects(fixture.check('storyboards/late', idle), NotReachedError);
    assert.deepEqual(published(), []);
    assert.equal((await fixture.check('storyboards/late')).kind, 'published', 'as soon as it has');
  });

  it('publishes a deletion where the record is ahead of MongoDB, which was set back, and that reports it', async () => {
    await fixture.deleteProject('p1');
    for (const [index, aheadMs] of [15 * secondMs, 20 * hourMs].entries()) {
      fixture.clock.advance(minuteMs);
      const record = await fixture.record('p1');
      const version = versionOf({ seconds: Math.floor((fixture.clock.now() + aheadMs) / secondMs), increment: 1 }, 0);
      const desired = { ...record.desired, version, deletedVersion: version };
      await projectRecordRef(fixture.firestore, 'p1').set(projectRecordData({ ...record, desired }));
      await fixture.write('storyboards/late', { projectId: 'p1' });
      assert.equal((await fixture.check('storyboards/late', fixture.createGuard())).kind, 'published');
      await fixture.workOff();
      // What comes out of such a record is left to a reconciliation, whose brakes see all of them.
      assert.equal(fixture.deadLetters.messages.length, index + 1);
      assert.match(
        fixture.deadLetters.messages.at(-1)?.attributes.error ?? '',
        /MongoDB has no such project; reconcile/,
      );
    }
  });

  it('publishes nothing for an asset that is gone by now, or has moved on', async () => {
    await fixture.deleteProject('p1');
    fixture.clock.advance(minuteMs);
    const [collection] = fixture.dependencies.config.collections;
    assert.ok(collection);
    await fixture.write('storyboards/moved', { projectId: 'p2' });
    for (const path of ['storyboards/gone', 'storyboards/moved']) {
      const write: WrittenAsset = { collection, path, projectId: 'p1', writtenAt: fixture.clock.now() };
      assert.equal((await fixture.guard.check(write)).kind, 'moved-on');
    }
    assert.deepEqual(published(), []);
  });

  it('remembers only so many projects', async () => {
    const guard = createGuard({ ...fixture.dependencies, limits: { ...defaultLateWriteLimits, mostRemembered: 2 } });
    for (const projectId of ['p1', 'p2', 'p3']) await fixture.deleteProject(projectId);
    fixture.clock.advance(minuteMs);
    const kinds: string[] = [];
    for (const projectId of ['p1', 'p2', 'p3', 'p3', 'p1']) {
      await fixture.write(`storyboards/${projectId}`, { projectId });
      kinds.push((await fixture.check(`storyboards/${projectId}`, guard)).kind);
    }
    assert.deepEqual(kinds, ['published', 'published', 'published', 'folded', 'published']);
  });
});
