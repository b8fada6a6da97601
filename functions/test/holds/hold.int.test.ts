// The hold for mass deletions, on a real client and a local Firestore: a mistaken `deleteMany({})` must not empty it.
// Attacks I1, I2, I5 and I8.
import assert from 'node:assert/strict';
import { Timestamp } from 'firebase-admin/firestore';
import { decodeEvent, encodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { createHolds, type Holds } from '../../src/holds/decide.ts';
import type { HeldDeletion, HeldDeletionError } from '../../src/holds/job.ts';
import { defaultHoldLimits, type HoldLimits } from '../../src/holds/limits.ts';
import type { Publisher } from '../../src/publisher.ts';
import { parseHistoryEntry } from '../../src/records/historyEntry.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { syncJobRef } from '../../src/records/syncJob.ts';
import { AttemptFailedError, ProjectBusyError } from '../../src/sync/errors.ts';
import { differencesFromHistory } from '../../src/sync/foldHistory.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { transactAs } from '../support/transact.ts';
import { until } from '../support/until.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';

/** Small numbers, so that a flood is a handful: three deletions are allowed, or a tenth of all. */
const fewAtOnce: HoldLimits = { ...defaultHoldLimits, maxProjects: 3, maxShare: 0.1 };

describe('mass-deletion hold', () => {
  let fixture: SyncFixture;
  let holds: Holds;

  async function start(hold: HoldLimits): Promise<void> {
    fixture = await startSyncFixture({ limits: { hold } });
    holds = holdsOf(fixture);
  }
  afterEach(() => fixture.close());

  /** Projects that MongoDB does not have any more, each with an asset; and the events that say so. */
  async function doomed(count: number, prefix = 'gone'): Promise<ProjectEvent[]> {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(3, '0')}`);
    const batch = fixture.firestore.batch();
    for (const id of ids) batch.set(fixture.firestore.doc(`media/${id}`), { projectId: id, projectName: 'old' });
    await batch.commit();
    return ids.map((id) => event('ProjectDeleted', id));
  }

  /** Projects that live in MongoDB, so that the deleted ones are a part of many. */
  function others(count: number): void {
    for (let index = 0; index < count; index += 1) fixture.alive.set(`other-${index}`, { name: 'other' });
  }

  async function deliverAll(events: readonly ProjectEvent[]): Promise<void> {
    for (const next of events) await fixture.deliver(next);
  }

  const left = async (): Promise<string[]> => [...(await fixture.documents('media')).keys()].sort();
  const jobOf = (of: ProjectEvent) => syncJobRef(fixture.firestore, of.id).get();
  const alarms = () => fixture.log.lines.filter((line) => line.fields.alarm === 'hold');
  const lastOutcome = () => fixture.log.lines.findLast((line) => line.level === 'info')?.fields.outcome;

  /** Three deletions that are allowed, and a fourth that is held. */
  async function heldOne(): Promise<ProjectEvent> {
    others(5);
    const [held, ...allowed] = (await doomed(4)).reverse();
    assert.ok(held !== undefined);
    await deliverAll([...allowed, held]);
    assert.deepEqual(await left(), [`media/${held.projectId}`]);
    return held;
  }

  describe('by number', () => {
    beforeEach(() => start(fewAtOnce));

    it('lets as many deletions through as the limit says', async () => {
      others(5);
      await deliverAll(await doomed(3));
      assert.deepEqual(await left(), []);
      assert.deepEqual(alarms(), []);
    });

    it('holds what comes beyond it: nothing is deleted, the event is kept, an alarm tells what to do, the message is acknowledged', async () => {
      const held = await heldOne();
      const record = await fixture.record(held.projectId);
      assert.equal(record.desired.kind, 'deleted');
      assert.ok(record.appliedRevision < record.revision);
      assert.deepEqual(record.hold, {
        state: 'held',
        since: fixture.clock.now(),
        eventId: held.id,
        version: held.version,
      });
      assert.equal(record.lease, null);
      assert.deepEqual(record.attempts, {});
      assert.equal(record.expireAt, null);
      const job = await jobOf(held);
      assert.equal(job.get('status'), 'held');
      assert.equal(job.get('total'), 1);
      const kept = decodeEvent(Buffer.from(String(job.get('event'))));
      assert.deepEqual(kept.ok && kept.event, held);
      const [alarm, ...more] = alarms();
      assert.deepEqual(more, []);
      assert.equal(alarm?.fields.deletions, 4);
      assert.equal(alarm?.fields.allowed, 3);
      assert.match(String(alarm?.fields.decide), /run holds -- list/);
      assert.equal(lastOutcome(), 'held');
      assert.deepEqual(fixture.deadLetters.messages, []);
    });

    it('holds nothing for a project without assets', async () => {
      others(5);
      await deliverAll(await doomed(3));
      const bare = event('ProjectDeleted', 'bare');
      await fixture.deliver(bare);
      const record = await fixture.record('bare');
      assert.equal(record.hold, null);
      assert.equal(record.appliedRevision, record.revision);
      assert.ok(record.expireAt !== null);
    });

    it('carries out no more than the limit with several workers at once, in any order and with duplicates (I2)', async () => {
      others(5);
      const events = await doomed(24);
      const workers = Array.from({ length: 4 }, () => fixture.worker2({ throttle: createThrottle() }));
      const budget = { deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal };
      const outcomes = await Promise.all(
        [...events, ...events.toReversed()].map((next, index) => {
          const worker = workers[index % workers.length];
          assert.ok(worker);
          return worker.apply(next, budget).catch((error: unknown) => {
            if (error instanceof ProjectBusyError) return undefined;
            throw error;
          });
        }),
      );
      assert.ok(outcomes.some((outcome) => outcome?.kind === 'held'));
      const remaining = await left();
      assert.ok(remaining.length >= events.length - 3, `${events.length - remaining.length} were carried out`);
      await deliverAll(events);
      assert.deepEqual(await left(), remaining);
      for (const path of remaining) {
        assert.equal((await fixture.record(path.replace('media/', ''))).hold?.state, 'held');
      }
    });

    it('lets renames of other projects flow on, and deletions again when the window has moved on', async () => {
      const held = await heldOne();
      await fixture.firestore.doc('media/busy').set({ projectId: 'other-1', projectName: 'before' });
      await fixture.deliver(event('ProjectUpdated', 'other-1', { name: 'after' }));
      assert.equal((await fixture.documents('media')).get('media/busy')?.projectName, 'after');
      fixture.clock.advance(fewAtOnce.windowMs + 1);
      await deliverAll(await doomed(3, 'later'));
      assert.deepEqual(await left(), ['media/busy', `media/${held.projectId}`]);
    });

    it('takes a flood for a flood that could not be worked on for an hour', async () => {
      others(5);
      const events = await doomed(8);
      const unavailable = fixture.worker2({
        truth: { ask: () => Promise.reject(new Error('MongoDB is unavailable')) },
      });
      for (const next of events) {
        const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
        await assert.rejects(unavailable.apply(next, budget), AttemptFailedError);
      }
      fixture.clock.advance(60 * 60_000);
      await deliverAll(events);
      assert.equal((await left()).length, 8, 'all eight were learned of together');
    });

    it('does not take half of a deletion back that has begun', async () => {
      others(5);
      const big = event('ProjectDeleted', 'big');
      for (let start = 0; start < 900; start += 450) {
        const batch = fixture.firestore.batch();
        for (let index = start; index < start + 450; index += 1) {
          batch.set(fixture.firestore.doc(`analyses/big-${index}`), { projectId: 'big' });
        }
        await batch.commit();
      }
      const slow = fixture.worker2({
        throttle: oneAtATime(() => fixture.clock.advance(1_000)),
      });
      const short = { deadline: fixture.clock.now() + 500, signal: new AbortController().signal };
      assert.equal((await slow.apply(big, short)).kind, 'continued');
      await deliverAll(await doomed(4));
      await fixture.deliver(big);
      assert.equal((await fixture.documents('analyses')).size, 0);
    });

    it('counts a project that was created again after its assets had gone', async () => {
      others(5);
      for (const next of await doomed(5)) {
        await fixture.deliver(next);
        await fixture.deliver(event('ProjectCreated', next.projectId, { name: 'replaced' }));
      }
      const [first, second] = await left();
      // A migration that replaces every project by deleting and inserting it: the first three have lost their assets.
      assert.deepEqual([first, second], ['media/gone-003', 'media/gone-004']);
    });
  });

  describe('by share', () => {
    it('allows a share of many projects, and no more', async () => {
      await start(fewAtOnce);
      // 45 are left of 50: the fifth deletion is still a tenth of what there was, the sixth is not.
      others(45);
      await deliverAll(await doomed(7));
      assert.deepEqual(await left(), ['media/gone-005', 'media/gone-006']);
      assert.equal(alarms()[0]?.fields.allowed, 5);
    });

    it('asks MongoDB how many there are only when there is more than one deletion, and never for a rename', async () => {
      await start({ ...fewAtOnce, maxProjects: 5 });
      let asked = 0;
      const worker = fixture.worker2({
        countProjects: async () => {
          asked += 1;
          return 10;
        },
      });
      const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      const [first, second, third] = await doomed(3);
      assert.ok(first && second && third);
      await worker.apply(event('ProjectUpdated', 'other-1', { name: 'x' }), budget);
      await worker.apply(first, budget);
      assert.equal(asked, 0);
      await worker.apply(second, budget);
      await worker.apply(third, budget);
      assert.equal(asked, 2);
      assert.deepEqual(await left(), []);
    });

    it('deletes nothing when MongoDB does not tell how many there are (I8)', async () => {
      await start(fewAtOnce);
      others(5);
      const events = await doomed(4);
      await deliverAll(events.slice(0, 3));
      const worker = fixture.worker2({ countProjects: () => Promise.reject(new Error('MongoDB is unavailable')) });
      const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      const [last] = events.slice(3);
      assert.ok(last);
      await assert.rejects(worker.apply(last, budget), AttemptFailedError);
      assert.deepEqual(await left(), ['media/gone-003']);
    });

    it('allows one alone when no project is left, although there never were as many as the limit', async () => {
      await start({ ...fewAtOnce, maxProjects: 100 });
      await deliverAll(await doomed(8));
      assert.equal((await left()).length, 7);
    });
  });

  it('counts deletions that MongoDB tells of where an event said otherwise (I8)', async () => {
    await start(fewAtOnce);
    others(5);
    const ids = Array.from({ length: 6 }, (_, index) => `again-${index}`);
    await deliverAll(ids.map((id) => event('ProjectDeleted', id)));
    fixture.clock.advance(10 * fewAtOnce.windowMs);
    const batch = fixture.firestore.batch();
    for (const id of ids) batch.set(fixture.firestore.doc(`media/${id}`), { projectId: id, projectName: 'new' });
    await batch.commit();
    // Of lives whose creations have not come yet, and which a mistake has ended meanwhile.
    await deliverAll(ids.map((id) => event('ProjectUpdated', id, { status: 'draft' })));
    assert.deepEqual(await left(), ['media/again-3', 'media/again-4', 'media/again-5']);
    assert.equal(alarms().length, 3);
  });

  it('never holds when it is switched off', async () => {
    await start({ ...fewAtOnce, maxProjects: 0 });
    await deliverAll(await doomed(8));
    assert.deepEqual(await left(), []);
  });

  describe('crashes (I1)', () => {
    beforeEach(() => start(fewAtOnce));

    it('before the hold is written: the redelivery holds', async () => {
      others(5);
      const [first, second, third, last] = await doomed(4);
      assert.ok(first && second && third && last);
      await deliverAll([first, second, third]);
      const dead = fixture.worker2({ countProjects: () => new Promise(() => {}) });
      void dead.apply(last, { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal });
      await until(async () => (await fixture.record(last.projectId)).lease !== null);
      await assert.rejects(fixture.deliver(last), ProjectBusyError);
      fixture.clock.advance(defaultSyncLimits.leaseMs + 1);
      await fixture.deliver(last);
      assert.equal((await fixture.record(last.projectId)).hold?.state, 'held');
      assert.deepEqual(await left(), [`media/${last.projectId}`]);
    });

    it('after the hold is written and before the message is acknowledged: the redelivery finds it, as often as it comes', async () => {
      const held = await heldOne();
      const record = await fixture.record(held.projectId);
      const before = fixture.server.meter.snapshot();
      for (let time = 0; time < 12; time += 1) await fixture.deliver(held);
      const after = fixture.server.meter.snapshot();
      assert.deepEqual(await fixture.record(held.projectId), record);
      assert.equal(after.writes - before.writes, 0);
      assert.equal(lastOutcome(), 'held');
    });

    it('an answer that got lost: the hold is written once, and its own try knows it', async () => {
      others(5);
      const [first, second, third, last] = await doomed(4);
      assert.ok(first && second && third && last);
      await deliverAll([first, second, third]);
      // Commits of a held deletion: the claim, and the hold.
      let commits = 0;
      const { countProjects } = fixture.dependencies;
      const worker = fixture.worker2({
        async countProjects() {
          commits += 1;
          fixture.server.faults.inject('Commit', { error: { code: 'UNAVAILABLE' }, afterEffect: true }, 1);
          return countProjects();
        },
      });
      const outcome = await worker.apply(last, {
        deadline: fixture.clock.now() + 60_000,
        signal: new AbortController().signal,
      });
      assert.deepEqual(outcome, { kind: 'held', state: 'held' });
      assert.deepEqual([commits, fixture.server.faults.pending()], [1, 0]);
      assert.equal((await jobOf(last)).get('status'), 'held');
    });

    it('news between the judgement and the hold wins: the project lives', async () => {
      others(5);
      const [first, second, third, last] = await doomed(4);
      assert.ok(first && second && third && last);
      await deliverAll([first, second, third]);
      const { countProjects } = fixture.dependencies;
      const created = event('ProjectCreated', last.projectId, { name: 'again' });
      const worker = fixture.worker2({
        async countProjects() {
          await assert.rejects(fixture.deliver(created), ProjectBusyError);
          return countProjects();
        },
      });
      await worker.apply(last, { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal });
      assert.equal((await fixture.documents('media')).get(`media/${last.projectId}`)?.projectName, 'again');
      assert.equal((await fixture.record(last.projectId)).hold, null);
    });
  });

  describe('a held project', () => {
    beforeEach(() => start(fewAtOnce));

    it('that is created again lives: the hold is over, and its assets follow', async () => {
      const held = await heldOne();
      await fixture.deliver(event('ProjectCreated', held.projectId, { name: 'restored' }));
      assert.equal((await fixture.documents('media')).get(`media/${held.projectId}`)?.projectName, 'restored');
      assert.equal((await fixture.record(held.projectId)).hold, null);
      assert.equal((await jobOf(held)).get('status'), 'superseded');
      assert.deepEqual(await namesHeld(holds), []);
      await fixture.deliver(held);
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
    });

    it('stays held whatever older news comes late, and at a newer deletion', async () => {
      const held = await heldOne();
      const late = event('ProjectUpdated', held.projectId, { name: 'late' }, 1_700_000_000);
      await fixture.deliver(late);
      fixture.clock.advance(fewAtOnce.windowMs * 2);
      await fixture.deliver(event('ProjectDeleted', held.projectId));
      await fixture.deliver(held);
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
      assert.deepEqual(await namesHeld(holds), [held.projectId]);
    });

    it('stays held when a reconciliation finds it, which writes nothing', async () => {
      const held = await heldOne();
      const record = await fixture.record(held.projectId);
      fixture.clock.advance(24 * 60 * 60_000);
      const found = event('ProjectDeleted', held.projectId);
      const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      const outcome = await fixture.worker.apply(found, { ...budget, force: true });
      assert.deepEqual(outcome, { kind: 'held', state: 'held' });
      assert.deepEqual(await fixture.record(held.projectId), record);
    });
  });

  describe('a redriven asset', () => {
    beforeEach(() => start(fewAtOnce));

    /** The message of a dead letter about the asset of a project, whatever its event was. */
    function redriven(projectId: string) {
      const message = encodeEvent(event('ProjectUpdated', projectId, { name: 'new' }, 1_700_000_000));
      return { ...message, attributes: { ...message.attributes, asset: `media/${projectId}` } };
    }

    it('stays while the deletion of its project is held, and when a person has decided that its assets stay', async () => {
      const held = await heldOne();
      await fixture.deliverMessage(redriven(held.projectId));
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
      await holds.discard(nameOf(held));
      await fixture.deliverMessage(redriven(held.projectId));
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
      assert.equal(lastOutcome(), 'held');
    });

    it('waits for a deletion of its project that is not carried out, and goes once it is', async () => {
      const deletion = event('ProjectDeleted', 'p1');
      await fixture.firestore.doc('media/p1').set({ projectId: 'p1' });
      const failing = fixture.worker2({
        throttle: { ...oneAtATime(), enter: () => Promise.reject(new Error('dies')) },
      });
      const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      await assert.rejects(failing.apply(deletion, budget), AttemptFailedError);
      await assert.rejects(fixture.deliverMessage(redriven('p1')), ProjectBusyError);
      assert.deepEqual(await left(), ['media/p1']);
      await fixture.deliver(deletion);
      await fixture.firestore.doc('media/p1').set({ projectId: 'p1' });
      await fixture.deliverMessage(redriven('p1'));
      assert.deepEqual(await left(), []);
    });
  });

  it('judges a deletion that a repair of the living project meets: it is left to its own message (I8)', async () => {
    await start(fewAtOnce);
    others(5);
    const [last, ...allowed] = (await doomed(4)).reverse();
    assert.ok(last !== undefined);
    await deliverAll(allowed);
    const { projectId } = last;
    fixture.alive.set(projectId, { name: 'new' });
    const repair = event('ProjectUpdated', projectId, { name: 'new' });
    const deletion = event('ProjectDeleted', projectId);
    const { truth } = fixture.dependencies;
    const repairing = fixture.worker2({
      truth: {
        async ask(ids) {
          const answer = { ...(await truth.ask(ids)), version: repair.version };
          fixture.alive.delete(projectId);
          await assert.rejects(fixture.deliver(deletion), ProjectBusyError);
          return answer;
        },
      },
    });
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    assert.equal((await repairing.apply(repair, { ...budget, force: true })).kind, 'deferred');
    assert.deepEqual(await left(), [`media/${projectId}`]);
    await fixture.deliver(deletion);
    assert.deepEqual(await namesHeld(holds), [projectId]);
  });

  it('does not judge what a reconciliation has found and judged, but counts it', async () => {
    await start(fewAtOnce);
    others(5);
    const found = await doomed(6);
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    for (const next of found) {
      assert.equal((await fixture.worker.apply(next, { ...budget, force: true })).kind, 'applied');
    }
    assert.deepEqual(await left(), []);
    await deliverAll(await doomed(1, 'by-event'));
    assert.deepEqual(await left(), ['media/by-event-000']);
  });

  describe('release', () => {
    beforeEach(() => start(fewAtOnce));

    it('publishes the event again, and its delivery deletes, however many were deleted meanwhile', async () => {
      const held = await heldOne();
      assert.deepEqual(await holds.release(nameOf(held)), { kind: 'released', assets: 1, sequence: 1 });
      assert.equal((await jobOf(held)).get('status'), 'released');
      const [message, ...more] = fixture.events.messages;
      assert.ok(message && more.length === 0);
      assert.deepEqual(message, encodeEvent(held));
      await fixture.deliverMessage(message);
      assert.deepEqual(await left(), []);
      const record = await fixture.record(held.projectId);
      assert.equal(record.hold, null);
      assert.equal(record.appliedRevision, record.revision);
      assert.equal((await jobOf(held)).get('status'), 'done');
      assert.deepEqual(await holds.release(nameOf(held)), { kind: 'nothing-held' });
    });

    it('deletes nothing of a project that MongoDB has again', async () => {
      const held = await heldOne();
      await holds.release(nameOf(held));
      fixture.alive.set(held.projectId, { name: 'back' });
      await fixture.deliver(held);
      assert.equal((await fixture.documents('media')).get(`media/${held.projectId}`)?.projectName, 'back');
    });

    it('that crashed before the event was published is finished by another one', async () => {
      const held = await heldOne();
      fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
      await assert.rejects(holds.release(nameOf(held)), /Pub\/Sub is unavailable/);
      assert.deepEqual(await namesHeld(holds), [held.projectId]);
      assert.deepEqual(fixture.events.messages, []);
      assert.equal((await holds.release(nameOf(held))).kind, 'released');
      assert.equal(fixture.events.messages.length, 1);
      assert.deepEqual(await namesHeld(holds), []);
    });

    it('that crashed after the event was published is finished by another one, also when the work is done', async () => {
      const held = await heldOne();
      const { publish } = fixture.events;
      const crashing = holdsOf(fixture, undefined, {
        async publish(message) {
          await publish(message);
          fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } }, 1);
        },
      });
      await assert.rejects(crashing.release(nameOf(held)));
      assert.equal((await jobOf(held)).get('status'), 'releasing');
      // The assets moved to another project meanwhile, so that the work has nothing to tell but its end.
      await fixture.firestore.doc(`media/${held.projectId}`).update({ projectId: 'other-1' });
      await fixture.deliver(held);
      assert.equal((await jobOf(held)).get('status'), 'done');
      assert.deepEqual(await namesHeld(holds), []);
      assert.deepEqual(await holds.release(nameOf(held)), { kind: 'nothing-held' });
    });

    it('that crashed before the decision was written has decided nothing', async () => {
      const held = await heldOne();
      fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } }, 1);
      await assert.rejects(holds.release(nameOf(held)));
      await fixture.deliver(held);
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
    });

    it('does not end with what only says once more that the project is gone, which is work on it', async () => {
      const held = await heldOne();
      const late = { ...event('ProjectDeleted', held.projectId), origin: { service: 'lockstep', channel: 'guard' } };
      await holds.release(nameOf(held));
      await fixture.deliver(late);
      assert.deepEqual(await left(), []);
      await fixture.deliver(held);
      const record = await fixture.record(held.projectId);
      assert.deepEqual([record.hold, record.revision - record.appliedRevision], [null, 0]);
    });

    it('is for all that is known by then, also of what only says that the project is gone', async () => {
      const held = await heldOne();
      const late = { ...event('ProjectDeleted', held.projectId), origin: { service: 'lockstep', channel: 'guard' } };
      await fixture.deliver(late);
      const { hold, desired } = await fixture.record(held.projectId);
      assert.deepEqual([hold?.state, desired.version], ['held', late.version]);
      assert.ok(hold);
      await holds.release({ projectId: held.projectId, eventId: hold.eventId });
      await fixture.deliver(held);
      assert.deepEqual(await left(), []);
    });

    it('is for the deletion that was held: a later one is judged by itself', async () => {
      const held = await heldOne();
      await holds.release(nameOf(held));
      await fixture.deliver(event('ProjectCreated', held.projectId, { name: 'again' }));
      const again = event('ProjectDeleted', held.projectId);
      await fixture.deliver(again);
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
      assert.equal((await fixture.record(held.projectId)).hold?.eventId, again.id);
    });
  });

  describe('discard', () => {
    beforeEach(() => start(fewAtOnce));

    it('keeps the assets, for redeliveries and for reconciliation', async () => {
      const held = await heldOne();
      assert.deepEqual(await holds.discard(nameOf(held)), { kind: 'discarded', assets: 1, sequence: 1 });
      assert.deepEqual(await holds.discard(nameOf(held)), { kind: 'discarded', assets: 1, sequence: null });
      assert.equal((await jobOf(held)).get('status'), 'discarded');
      assert.deepEqual(await namesHeld(holds), []);
      fixture.clock.advance(fewAtOnce.windowMs * 2);
      await fixture.deliver(held);
      const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      const found = await fixture.worker.apply(event('ProjectDeleted', held.projectId), { ...budget, force: true });
      assert.deepEqual(found, { kind: 'held', state: 'discarded' });
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
      assert.equal((await fixture.record(held.projectId)).expireAt, null, 'the record is what keeps the assets');
    });

    it('ends with a newer deletion, which is judged by itself', async () => {
      const held = await heldOne();
      await holds.discard(nameOf(held));
      fixture.clock.advance(fewAtOnce.windowMs * 2);
      await fixture.deliver(event('ProjectDeleted', held.projectId));
      assert.deepEqual(await left(), []);
    });

    it('does not end with what only says once more that the project is gone, and was under way by then', async () => {
      const held = await heldOne();
      const late = ['guard', 'visit', 'restore'].map((channel) => ({
        ...event('ProjectDeleted', held.projectId),
        origin: { service: 'lockstep', channel },
      }));
      await holds.discard(nameOf(held));
      fixture.clock.advance(fewAtOnce.windowMs * 2);
      await deliverAll(late);
      assert.deepEqual(await left(), [`media/${held.projectId}`]);
      const record = await fixture.record(held.projectId);
      assert.deepEqual([record.hold?.state, record.desired.version], ['discarded', held.version]);
      const entries = await fixture.firestore.collection('syncEvents').where('projectId', '==', held.projectId).get();
      const read = entries.docs.map((entry) => parseHistoryEntry(entry.ref.path, entry.data()));
      assert.deepEqual(differencesFromHistory(record, read, 0), []);
      await fixture.deliver(event('ProjectCreated', held.projectId, { name: 'again' }));
      assert.equal((await fixture.record(held.projectId)).desired.kind, 'live');
    });

    it('can be taken back by a release', async () => {
      const held = await heldOne();
      await holds.discard(nameOf(held));
      assert.equal((await holds.release(nameOf(held))).kind, 'released');
      await fixture.deliver(held);
      assert.deepEqual(await left(), []);
    });

    it('comes too late after a release', async () => {
      const held = await heldOne();
      await holds.release(nameOf(held));
      assert.deepEqual(await holds.discard(nameOf(held)), { kind: 'too-late' });
    });
  });

  describe('its job', () => {
    beforeEach(() => start(fewAtOnce));

    /** When it expires, in ms from now; null for one that keeps an event. */
    async function expiresIn(of: ProjectEvent): Promise<number | null> {
      const expireAt: unknown = (await jobOf(of)).get('expireAt');
      return expireAt instanceof Timestamp ? expireAt.toMillis() - fixture.clock.now() : null;
    }
    const { jobRetentionMs } = defaultSyncLimits;

    it('is kept while a person may decide, and expires once the project is created again', async () => {
      const held = await heldOne();
      assert.equal(await expiresIn(held), null);
      await fixture.deliver(event('ProjectCreated', held.projectId, { name: 'restored' }));
      assert.deepEqual([await expiresIn(held), (await jobOf(held)).get('status')], [jobRetentionMs, 'superseded']);
    });

    it('is kept as long as a discard can be taken back, and says so after that', async () => {
      const held = await heldOne();
      await holds.discard(nameOf(held));
      const { finishedAt } = (await jobOf(held)).data() ?? {};
      assert.equal(await expiresIn(held), null);
      fixture.clock.advance(fewAtOnce.windowMs * 2);
      await fixture.deliver(event('ProjectDeleted', held.projectId));
      assert.deepEqual([await expiresIn(held), (await jobOf(held)).get('status')], [jobRetentionMs, 'discarded']);
      assert.deepEqual((await jobOf(held)).get('finishedAt'), finishedAt);
    });

    it('is done and expires when a release has nothing left to delete', async () => {
      const held = await heldOne();
      await holds.release(nameOf(held));
      assert.equal(await expiresIn(held), null);
      await fixture.firestore.doc(`media/${held.projectId}`).delete();
      await fixture.deliver(held);
      assert.deepEqual([await expiresIn(held), (await jobOf(held)).get('status')], [jobRetentionMs, 'done']);
    });

    it('does not wait for ever for a release that another event has overtaken', async () => {
      const held = await heldOne();
      await holds.release(nameOf(held));
      await fixture.deliver(event('ProjectCreated', held.projectId, { name: 'again' }));
      await fixture.deliver(held);
      assert.deepEqual([await expiresIn(held), (await jobOf(held)).get('status')], [jobRetentionMs, 'superseded']);
    });

    it('expires also when its record was removed by hand', async () => {
      const held = await heldOne();
      await projectRecordRef(fixture.firestore, held.projectId).delete();
      assert.deepEqual(await holds.release(nameOf(held)), { kind: 'nothing-held' });
      assert.deepEqual([await expiresIn(held), (await jobOf(held)).get('status')], [jobRetentionMs, 'superseded']);
    });
  });

  it('lists any number of held deletions in pages, and tells of a job that cannot be read', async () => {
    await start(fewAtOnce);
    others(5);
    const events = await doomed(16);
    await deliverAll(events);
    await fixture.firestore.doc('syncJobs/damaged').set({ status: 'held' });
    const entries: (HeldDeletion | HeldDeletionError)[] = [];
    for await (const page of holdsOf(fixture, 5).list()) {
      assert.ok(page.length <= 5);
      entries.push(...page);
    }
    const projects = entries.flatMap((entry) => (entry instanceof Error ? [] : [entry.projectId]));
    assert.deepEqual(
      projects,
      events.slice(3).map(({ projectId }) => projectId),
    );
    assert.equal(entries.filter((entry) => entry instanceof Error).length, 1);
  });
});

function holdsOf(
  { dependencies, events: topic }: SyncFixture,
  pageSize?: number,
  events: Pick<Publisher, 'publish'> = topic,
): Holds {
  const transact = transactAs('olga', { ...dependencies, events });
  const retentionMs = defaultSyncLimits.jobRetentionMs;
  return createHolds({ ...dependencies, transact, retentionMs, ...(pageSize !== undefined && { pageSize }) });
}

function nameOf({ projectId, id }: ProjectEvent) {
  return { projectId, eventId: id };
}

async function namesHeld(holds: Holds): Promise<string[]> {
  const names: string[] = [];
  for await (const page of holds.list()) {
    for (const entry of page) names.push(entry instanceof Error ? entry.message : entry.projectId);
  }
  return names;
}
