// Work that a person has paused, or that a deployment only counts: attacks I1, I9 and "nothing is written meanwhile".
import assert from 'node:assert/strict';
import { controlCacheMs, controlRef, type Pausable } from '../../src/control/control.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { defaultHoldLimits } from '../../src/holds/limits.ts';
import { historyEntryRef, parseHistoryEntry } from '../../src/records/historyEntry.ts';
import { syncJobRef } from '../../src/records/syncJob.ts';
import { LeaseLostError, WorkPausedError } from '../../src/sync/errors.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { continueParked } from '../../src/sync/parked.ts';
import { until } from '../support/until.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('work that is put off', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  async function setPaused(...paused: readonly Pausable[]): Promise<void> {
    const one = (what: Pausable) => ({ what, by: 'operator', reason: 'test', since: fixture.clock.now() });
    await controlRef(fixture.firestore).set({ paused: paused.map(one) });
    fixture.clock.advance(controlCacheMs);
  }

  async function seed(projectId: string, count = 1): Promise<void> {
    const batch = fixture.firestore.batch();
    for (let number = 0; number < count; number += 1) {
      const id = `${projectId}-${String(number).padStart(5, '0')}`;
      batch.set(fixture.firestore.doc(`media/${id}`), { projectId, projectName: 'old' });
    }
    batch.set(fixture.firestore.doc(`storyboards/${projectId}`), { projectId, projectName: 'old' });
    await batch.commit();
  }

  /** What runs regularly publishes what is due; returns what was published, and delivers it. */
  async function sweep(isShadow = false): Promise<number> {
    const { firestore, events, control, log } = fixture.dependencies;
    const published = await continueParked({ firestore, control, log, isShadow, events: async () => events });
    for (const message of fixture.events.messages.splice(0)) await fixture.deliverMessage(message);
    return published;
  }

  const names = async (group: string) =>
    [...(await fixture.documents(group)).values()].map(({ projectName }) => projectName);
  const jobOf = async ({ id }: ProjectEvent) => (await syncJobRef(fixture.firestore, id).get()).data() ?? {};
  const historyOf = async ({ id }: ProjectEvent) => {
    const ref = historyEntryRef(fixture.firestore, id);
    return parseHistoryEntry(ref.path, (await ref.get()).data());
  };
  const isBehind = async (projectId: string) => {
    const { revision, appliedRevision } = await fixture.record(projectId);
    return appliedRevision < revision;
  };

  it('by a pause of deletions is kept by its job and done on resume; renames flow on', async () => {
    await seed('p1');
    await seed('p2');
    await setPaused('deletions');
    const deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    await fixture.deliver(event('ProjectUpdated', 'p2', { name: 'new' }));
    assert.deepEqual((await names('media')).sort(), ['new', 'old']);
    const { status, parkedFor, event: kept, expireAt, reason } = await jobOf(deletion);
    assert.deepEqual(
      [status, parkedFor, typeof kept, expireAt, reason],
      ['pending', 'deletions', 'string', null, 'paused: deletions'],
    );
    assert.equal((await historyOf(deletion)).outcome, 'deferred');
    const { lease, parked } = await fixture.record('p1');
    assert.deepEqual([lease, parked?.eventId, await isBehind('p1')], [null, deletion.id, true]);

    assert.equal(await sweep(), 0, 'it is paused still');
    await setPaused();
    assert.equal(await sweep(), 1);
    assert.deepEqual(await names('media'), ['new']);
    assert.deepEqual([await isBehind('p1'), (await fixture.record('p1')).parked], [false, null]);
    const done = await jobOf(deletion);
    assert.deepEqual([done.status, done.parkedFor, done.event], ['done', undefined, undefined]);
    assert.equal((await historyOf(deletion)).outcome, 'applied');
    assert.equal(await sweep(), 0);
  });

  it('stays parked when its event met the next pause before it was noted that the event is out', async () => {
    await seed('p1');
    await setPaused('deletions');
    const deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    await setPaused();
    const { firestore, events, control, log } = fixture.dependencies;
    const intoThePause = {
      ...events,
      async publish(message: Parameters<typeof events.publish>[0]) {
        await setPaused('deletions');
        await fixture.deliverMessage(message);
      },
    };
    await continueParked({ firestore, control, log, isShadow: false, events: async () => intoThePause });
    assert.equal((await jobOf(deletion)).parkedFor, 'deletions', 'nothing else stands for it');
    await setPaused();
    assert.equal(await sweep(), 1);
    assert.deepEqual([await names('media'), await isBehind('p1')], [[], false]);
  });

  it('costs one read a look while it waits, however much of it there is', async () => {
    await setPaused('deletions');
    for (const projectId of ['p1', 'p2', 'p3']) {
      await seed(projectId);
      await fixture.deliver(event('ProjectDeleted', projectId));
    }
    await fixture.dependencies.control.read();
    const before = fixture.server.meter.snapshot().reads;
    assert.equal(await sweep(), 0);
    assert.equal(fixture.server.meter.snapshot().reads - before, 1);
  });

  it('by a pause of one collection is done for the others, and goes on with that one', async () => {
    await seed('p1', 3);
    for (let board = 0; board < 30; board += 1)
      await fixture.firestore.doc(`storyboards/${board}`).set({ projectId: 'p1' });
    await setPaused('collection:media');
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.deliver(rename);
    assert.deepEqual(
      [new Set(await names('storyboards')), await names('media')],
      [new Set(['new']), ['old', 'old', 'old']],
    );
    assert.equal((await jobOf(rename)).parkedFor, 'collection:media');
    assert.equal(await isBehind('p1'), true);
    await setPaused();
    const before = fixture.server.meter.snapshot().reads;
    assert.equal(await sweep(), 1);
    assert.deepEqual(await names('media'), ['new', 'new', 'new']);
    assert.ok(fixture.server.meter.snapshot().reads - before < 20, 'it did the others again');
    assert.equal(await isBehind('p1'), false);
  });

  it('ends when the project is created again, and nothing of it is published then', async () => {
    await seed('p1');
    await setPaused('deletions');
    const deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'again' }));
    assert.deepEqual(await names('media'), ['again']);
    assert.equal((await jobOf(deletion)).status, 'superseded');
    assert.ok((await jobOf(deletion)).expireAt !== null, 'nothing needs its event any more');
    assert.equal((await fixture.record('p1')).parked, null);
    assert.equal((await historyOf(deletion)).outcome, 'superseded');
    await setPaused();
    assert.equal(await sweep(), 0);
  });

  it('is one job of a project at a time, whatever comes meanwhile', async () => {
    await seed('p1');
    await setPaused('collection:media');
    const [first, second] = [
      event('ProjectUpdated', 'p1', { name: 'a' }),
      event('ProjectUpdated', 'p1', { name: 'b' }),
    ];
    await fixture.deliver(first);
    await fixture.deliver(second);
    assert.deepEqual([(await jobOf(first)).status, (await jobOf(second)).status], ['superseded', 'pending']);
    await setPaused();
    assert.equal(await sweep(), 1);
    assert.deepEqual(await names('media'), ['b']);
  });

  it('is kept also when a late delivery, of which nobody knows any more, takes it up and dies', async () => {
    await seed('p1');
    const created = event('ProjectCreated', 'p1', { name: 'old' });
    await fixture.deliver(created);
    await setPaused('deletions');
    const deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    for (const late of [created, deletion]) {
      const dead = fixture.worker2({ truth: { ask: () => new Promise(() => {}) } });
      void dead.apply(late, budget(fixture));
      await until(async () => (await fixture.record('p1')).lease !== null);
      // It has shown that it is at work.
      await until(async () => (await jobOf(late)).status === 'running');
      const { parkedFor, event: kept, expireAt } = await jobOf(deletion);
      assert.deepEqual([parkedFor, typeof kept, expireAt], ['deletions', 'string', null]);
      assert.equal((await fixture.record('p1')).parked?.eventId, deletion.id);
      fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    }
    await setPaused();
    assert.equal(await sweep(), 1);
    assert.deepEqual(await names('media'), []);
    assert.equal((await jobOf(deletion)).status, 'done');
  });

  it('is not taken for parked again by a worker that lost its lease on the way there (I9)', async () => {
    await seed('p1');
    const { control } = fixture.dependencies;
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    await setPaused('collection:media', 'collection:storyboards');
    await fixture.deliver(rename);
    await setPaused();
    const { firestore, events, log } = fixture.dependencies;
    assert.equal(await continueParked({ firestore, control, log, isShadow: false, events: async () => events }), 1);
    await setPaused('collection:media', 'collection:storyboards');
    let hasStalled = false;
    const stalling = fixture.worker2({
      control: {
        async read() {
          const isClaimed = (await fixture.record('p1')).lease !== null;
          if (isClaimed && !hasStalled) {
            hasStalled = true;
            fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
            const repair = { ...budget(fixture), force: true };
            fixture.alive.set('p1', { name: 'new' });
            assert.equal((await fixture.worker.apply(rename, repair)).kind, 'parked');
          }
          return control.read();
        },
      },
    });
    await assert.rejects(stalling.apply(rename, budget(fixture)), LeaseLostError);
    assert.ok(hasStalled);
    await fixture.deliver(rename);
    await setPaused();
    fixture.events.messages.length = 0;
    assert.equal(await sweep(), 1);
    assert.deepEqual(await names('media'), ['new']);
  });

  it('is judged as one of many deletions on resume', async () => {
    await fixture.close();
    fixture = await startSyncFixture({ limits: { hold: { ...defaultHoldLimits, maxProjects: 1 } } });
    await setPaused('deletions');
    const deletions = ['p1', 'p2', 'p3', 'p4'].map((projectId) => event('ProjectDeleted', projectId));
    for (const deletion of deletions) {
      await seed(deletion.projectId);
      await fixture.deliver(deletion);
    }
    await setPaused();
    assert.equal(await sweep(), 4);
    const held = (await Promise.all(deletions.map(jobOf))).filter(({ status }) => status === 'held');
    assert.equal(held.length, 4);
    for (const { projectId } of deletions) assert.equal((await fixture.record(projectId)).parked, null);
  });

  it('stops within a few seconds in the middle of a deletion of many, and goes on from there', async () => {
    await seed('p1', 450);
    await seed('p1');
    const many = assetsPerPage * 2;
    for (let start = 0; start < many; start += 400) {
      const batch = fixture.firestore.batch();
      for (let number = start; number < start + 400; number += 1)
        batch.set(fixture.firestore.doc(`analyses/${String(number).padStart(5, '0')}`), { projectId: 'p1' });
      await batch.commit();
    }
    const deletion = event('ProjectDeleted', 'p1');
    let pages = 0;
    let pausing: Promise<void> | undefined;
    const throttle = oneAtATime(() => {
      pages += 1;
      fixture.clock.advance(controlCacheMs);
      if (pages === 1) pausing = setPaused('deletions');
    });
    const worker = fixture.worker2({ throttle });
    const outcome = await worker.apply(deletion, budget(fixture));
    await pausing;
    assert.equal(outcome.kind, 'parked');
    const left = (await fixture.documents('analyses')).size;
    assert.ok(left > 0, 'it went on to the end');
    await setPaused();
    assert.equal(await sweep(), 1);
    assert.equal((await fixture.documents('analyses')).size, 0);
  });

  for (const type of ['ProjectUpdated', 'ProjectDeleted'] as const) {
    it(`is not begun by what waited for its turn when the pause took hold: ${type}`, async () => {
      await seed('p1');
      const { throttle } = fixture.dependencies;
      const pausing = {
        ...throttle,
        async enter() {
          await throttle.enter();
          await setPaused('collection:media', 'collection:storyboards', 'deletions');
        },
      };
      const change = event(type, 'p1', type === 'ProjectUpdated' ? { name: 'new' } : {});
      const outcome = await fixture.worker2({ throttle: pausing }).apply(change, budget(fixture));
      assert.equal(outcome.kind, 'parked');
      assert.deepEqual(await names('media'), ['old']);
      await setPaused();
      assert.equal(await sweep(), 1);
      assert.deepEqual(await names('media'), type === 'ProjectUpdated' ? ['new'] : []);
    });
  }

  it('is refused where nothing could stand for it: one asset whose dead letter was redriven', async () => {
    await seed('p1');
    await setPaused('collection:media');
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.deliver(rename);
    const asset = { ...budget(fixture), asset: 'media/p1-00000' };
    await assert.rejects(fixture.worker.apply(rename, asset), WorkPausedError);
    const message = encodeEvent(rename);
    const redriven = { ...message, attributes: { ...message.attributes, asset: 'media/p1-00000' } };
    await assert.rejects(fixture.deliverMessage(redriven), WorkPausedError);
    assert.deepEqual(fixture.deadLetters.messages, []);
  });

  it('is left alone by a repair, which finds it again', async () => {
    await seed('p1');
    await setPaused('deletions');
    const repair = { ...budget(fixture), force: true };
    assert.equal((await fixture.worker.apply(event('ProjectDeleted', 'p1'), repair)).kind, 'parked');
    assert.deepEqual(await names('media'), ['old']);
    const { lease, parked, desired } = await fixture.record('p1');
    assert.deepEqual([lease, parked, desired.kind], [null, null, 'unknown']);
  });

  it('is refused, and counted as no failure, while nobody can read what is paused', async () => {
    await seed('p1');
    await controlRef(fixture.firestore).set({ paused: 'everything' });
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await assert.rejects(fixture.deliver(rename), { name: 'ControlError' });
    }
    assert.deepEqual(fixture.deadLetters.messages, []);
    await setPaused();
    await fixture.deliver(rename);
    assert.deepEqual(await names('media'), ['new']);
  });

  describe('in shadow mode', () => {
    const shadowed = () => ({ ...fixture.dependencies, limits: { ...fixture.dependencies.limits, isShadow: true } });

    async function deliverShadowed(each: ProjectEvent): Promise<void> {
      const { isShadow: _, ...limits } = fixture.dependencies.limits;
      const worker = fixture.worker2({ limits: { ...limits, isShadow: true } });
      await handleMessage({ ...shadowed(), worker, converged: null }, encodeEvent(each), budget(fixture));
    }

    it('writes no asset, counts what it would touch, and is brought in step when the mode is live', async () => {
      await seed('p1', 3);
      await seed('p2', 2);
      const rename = event('ProjectUpdated', 'p1', { name: 'new' });
      const deletion = event('ProjectDeleted', 'p2');
      await deliverShadowed(rename);
      await deliverShadowed(deletion);
      assert.deepEqual(new Set(await names('media')), new Set(['old']));
      assert.equal((await fixture.documents('media')).size, 5);
      const jobs = [await jobOf(rename), await jobOf(deletion)];
      assert.deepEqual(
        jobs.map(({ status, processed, parkedFor }) => [status, processed, parkedFor]),
        [
          ['pending', 4, 'shadow'],
          ['pending', 3, 'shadow'],
        ],
      );
      assert.equal((await historyOf(rename)).outcome, 'shadow');
      assert.deepEqual([await isBehind('p1'), await isBehind('p2')], [true, true]);
      assert.equal(await sweep(true), 0, 'it is in shadow mode still');

      assert.equal(await sweep(), 2);
      assert.deepEqual(await names('media'), ['new', 'new', 'new']);
      assert.deepEqual([await isBehind('p1'), await isBehind('p2')], [false, false]);
      assert.equal((await historyOf(rename)).outcome, 'applied');
    });

    it('is over for what is in step already', async () => {
      await deliverShadowed(event('ProjectCreated', 'p1', { name: 'a' }));
      assert.deepEqual([await isBehind('p1'), (await fixture.record('p1')).parked], [false, null]);
    });

    it('ends within its budget, and counts on in a continuation', async () => {
      await seed('p1', 450);
      const rename = event('ProjectUpdated', 'p1', { name: 'new' });
      const worker = fixture.worker2({
        limits: { ...fixture.dependencies.limits, isShadow: true },
        throttle: oneAtATime(() => fixture.clock.advance(1_000)),
      });
      let rounds = 0;
      let outcome = await worker.apply(rename, { ...budget(fixture), deadline: fixture.clock.now() + 500 });
      for (; outcome.kind === 'continued' && rounds < 20; rounds += 1)
        outcome = await worker.apply(rename, { ...budget(fixture), deadline: fixture.clock.now() + 500 });
      assert.equal(outcome.kind, 'parked');
      assert.equal((await jobOf(rename)).processed, 451);
      assert.deepEqual(new Set(await names('media')), new Set(['old']));
    });

    it('leaves nothing out where the mode becomes live half way through: what was counted is not done', async () => {
      await seed('p1', 450);
      const boards = fixture.firestore.batch();
      for (let index = 0; index < 60; index += 1)
        boards.set(fixture.firestore.doc(`storyboards/s${index}`), { projectId: 'p1' });
      await boards.commit();
      const rename = event('ProjectUpdated', 'p1', { name: 'new' });
      const deletion = event('ProjectDeleted', 'p1');
      for (const each of [rename, deletion]) {
        const worker = fixture.worker2({
          limits: { ...fixture.dependencies.limits, isShadow: true },
          throttle: oneAtATime(() => fixture.clock.advance(1_000)),
        });
        const outcome = await worker.apply(each, { ...budget(fixture), deadline: fixture.clock.now() + 500 });
        assert.equal(outcome.kind, 'continued');
        for (const message of fixture.events.messages.splice(0)) await fixture.deliverMessage(message);
        if (each === rename) assert.deepEqual(new Set(await names('media')), new Set(['new']));
      }
      for (const name of ['media', 'storyboards']) assert.equal((await fixture.documents(name)).size, 0);
    });
  });
});

function budget(fixture: SyncFixture) {
  return { deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal };
}
