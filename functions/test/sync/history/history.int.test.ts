// The history of events, against a real client and a local Firestore: each event has one entry, which never disagrees
// with the record of its project.
import assert from 'node:assert/strict';
import { eventView } from '../../../src/api/views/projects.ts';
import type { ProjectEvent } from '../../../src/events/contract.ts';
import type { EventOutcome } from '../../../src/events/outcomes.ts';
import { eventViewOf, openEventViews } from '../../../src/records/eventView.ts';
import { type HistoryEntry, historyEntryRef, parseHistoryEntry } from '../../../src/records/historyEntry.ts';
import { projectRecordRef } from '../../../src/records/projectRecord.ts';
import { syncJobRef } from '../../../src/records/syncJob.ts';
import { AttemptFailedError, ProjectBusyError } from '../../../src/sync/errors.ts';
import { differencesFromHistory } from '../../../src/sync/foldHistory.ts';
import { until } from '../../support/until.ts';
import { event, type SyncFixture, startSyncFixture } from '../worker.fixture.ts';

describe('the history of events', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
    await fixture.firestore.doc('media/m').set({ projectId: 'p1', projectName: 'old' });
  });
  afterEach(() => fixture.close());

  async function entries(): Promise<Map<string, HistoryEntry>> {
    const stored = await fixture.firestore.collection('syncEvents').get();
    const parsed = stored.docs.map((document) => parseHistoryEntry(document.ref.path, document.data()));
    return new Map(parsed.map((entry) => [entry.id, entry]));
  }

  async function outcomesOf(...events: readonly ProjectEvent[]): Promise<(EventOutcome | undefined)[]> {
    const known = await entries();
    return events.map(({ id }) => known.get(id)?.outcome);
  }

  async function assertAgrees(): Promise<void> {
    assert.deepEqual(differencesFromHistory(await fixture.record('p1'), (await entries()).values(), 0), []);
  }

  const by = (actor: string, each: ProjectEvent): ProjectEvent => ({ ...each, origin: { ...each.origin, actor } });
  const budget = () => ({ deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal });

  it('says of an event who it is from, what brought it to the assets, and how long that took', async () => {
    fixture.clock.advance(1_500);
    const rename = by('ada', event('ProjectUpdated', 'p1', { name: 'new', other: 1 }));
    await fixture.deliver(rename);
    const entry = (await entries()).get(rename.id);
    assert.ok(entry);
    const { outcome, jobId, lagMs, changes, origin, settledAt } = entry;
    assert.deepEqual(
      { outcome, jobId, lagMs, changes },
      { outcome: 'applied', jobId: rename.id, lagMs: 1_500, changes: { name: 'new' } },
    );
    assert.deepEqual([origin?.actor, settledAt], ['ada', fixture.clock.now()]);
    assert.equal(
      (await historyEntryRef(fixture.firestore, rename.id).get()).get('expireAt').toMillis(),
      fixture.clock.now() + fixture.dependencies.limits.historyMs,
    );
    await assertAgrees();
  });

  it('names each of four people whose updates became one job, and the job the one whose value the assets show', async () => {
    const [first, ...others] = ['ada', 'ben', 'cleo', 'dan'].map((who) =>
      by(who, event('ProjectUpdated', 'p1', { name: who })),
    );
    assert.ok(first && others.length === 3);
    const { config, limits } = fixture.dependencies;
    let met: Promise<void> | undefined;
    const worker = fixture.worker2({
      config,
      limits: { ...limits, countAfterMs: 0 },
      control: {
        // Between the claim and the first page the others come.
        async read() {
          if ((await fixture.record('p1')).lease !== null) {
            met ??= (async () => {
              for (const other of others) await assert.rejects(fixture.deliver(other), ProjectBusyError);
            })();
            await met;
          }
          return { paused: [] };
        },
      },
    });
    assert.equal((await worker.apply(first, budget())).kind, 'applied');
    assert.equal((await fixture.firestore.doc('media/m').get()).get('projectName'), 'dan');
    const job = await syncJobRef(fixture.firestore, first.id).get();
    assert.deepEqual([job.get('initiator'), job.get('status')], ['dan', 'done']);
    assert.deepEqual(await outcomesOf(first, ...others), ['superseded', 'superseded', 'superseded', 'applied']);
    const known = await entries();
    assert.deepEqual(
      [first, ...others].map(({ id }) => known.get(id)?.origin?.actor),
      ['ada', 'ben', 'cleo', 'dan'],
    );
    for (const { id } of [first, ...others]) assert.equal(known.get(id)?.jobId, first.id);
    await assertAgrees();
    for (const other of others) await fixture.deliver(other);
    assert.deepEqual(await outcomesOf(first, ...others), ['superseded', 'superseded', 'superseded', 'applied']);
  });

  it('has an event that comes too late, once, and no second entry of what is delivered again', async () => {
    const [older, newer] = [
      event('ProjectUpdated', 'p1', { name: 'older' }),
      event('ProjectUpdated', 'p1', { name: 'newer' }),
    ];
    await fixture.deliver(newer);
    await fixture.deliver(older);
    assert.deepEqual(await outcomesOf(older, newer), ['superseded', 'applied']);
    const receivedAt = (await entries()).get(older.id)?.receivedAt;
    fixture.clock.advance(1_000);
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(older);
    await fixture.deliver(newer);
    const after = fixture.server.meter.snapshot();
    assert.equal(after.writes, before.writes);
    assert.equal((await entries()).get(older.id)?.receivedAt, receivedAt);
    await assertAgrees();
  });

  it('says that MongoDB contradicted a deletion, and what it said', async () => {
    fixture.alive.set('p1', { name: 'alive', status: 'ok' });
    const deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    const entry = (await entries()).get(deletion.id);
    assert.deepEqual([entry?.outcome, entry?.facts[0]?.fields], ['contradicted', { name: 'alive', status: 'ok' }]);
    await assertAgrees();
  });

  it('says of a deletion that arrives late, and makes MongoDB be asked, that another event superseded it', async () => {
    fixture.alive.set('p1', { name: 'new', status: 'ok' });
    const created = event('ProjectCreated', 'p1', { name: 'old', status: 'ok' });
    const deletion = event('ProjectDeleted', 'p1');
    const updated = event('ProjectUpdated', 'p1', { name: 'new' });
    for (const each of [created, updated, deletion]) await fixture.deliver(each);
    const entry = (await entries()).get(deletion.id);
    assert.deepEqual([entry?.outcome, entry?.facts[0]?.fields], ['superseded', { name: 'new', status: 'ok' }]);
    await assertAgrees();
  });

  it('follows a hold from its beginning to its end', async () => {
    await fixture.close();
    const { hold } = fixture.dependencies.limits;
    fixture = await startSyncFixture({ limits: { hold: { ...hold, maxProjects: 1 } } });
    const deletions = ['p1', 'p2', 'p3', 'p4'].map((projectId) => event('ProjectDeleted', projectId));
    for (const { projectId } of deletions) await fixture.firestore.doc(`media/${projectId}`).set({ projectId });
    for (const deletion of deletions) await fixture.deliver(deletion);
    const held = (await outcomesOf(...deletions)).indexOf('held');
    const one = deletions[held];
    assert.ok(one, 'nothing was held');
    const again = event('ProjectCreated', one.projectId, { name: 'again' });
    await fixture.deliver(again);
    assert.deepEqual(await outcomesOf(one, again), ['superseded', 'applied']);
  });

  it('says of an event that it is dead-lettered, by the work or before it, and what it became later', async () => {
    const poison = event('ProjectDeleted', 'p1');
    const failing = fixture.worker2({
      truth: { ask: () => Promise.reject(new Error('MongoDB is unavailable')) },
      limits: { ...fixture.dependencies.limits, maxAttempts: 2 },
    });
    await assert.rejects(failing.apply(poison, budget()), AttemptFailedError);
    assert.deepEqual(
      (await fixture.record('p1')).open.map(({ id, outcome }) => [id, outcome]),
      [[poison.id, 'accepted']],
    );
    await assert.rejects(failing.apply(poison, budget()), AttemptFailedError);
    const future = event('ProjectDeleted', 'p2', {}, 0xfff_ffff0);
    await projectRecordRef(fixture.firestore, 'p3').set({ schemaVersion: 99 });
    const unreadable = event('ProjectUpdated', 'p3', { name: 'x' });
    await fixture.deliver(future);
    await fixture.deliver(unreadable);
    const given = [poison, future, unreadable];
    assert.deepEqual(
      await outcomesOf(...given),
      given.map(() => 'dead-lettered'),
    );
    assert.deepEqual([...(await entries()).values()].map(({ folded }) => folded).sort(), [false, false, true]);
    await assertAgrees();
    await fixture.deliver(poison);
    assert.deepEqual(await outcomesOf(poison), ['applied']);
  });

  it('is told by the record while the work is under way, and shown in one form with what is written', async () => {
    const deletion = by('ada', event('ProjectDeleted', 'p1'));
    const dead = fixture.worker2({ truth: { ask: () => new Promise(() => {}) } });
    void dead.apply(deletion, budget());
    await until(async () => (await fixture.record('p1')).lease !== null);
    await assertAgrees();
    const [open] = openEventViews(await fixture.record('p1'));
    assert.deepEqual([eventView.parse(open).outcome, open?.actor, open?.jobId], ['accepted', 'ada', deletion.id]);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await fixture.deliver(deletion);
    assert.deepEqual(openEventViews(await fixture.record('p1')), []);
    const stored = await historyEntryRef(fixture.firestore, deletion.id).get();
    assert.equal(eventView.parse(eventViewOf(stored.ref.path, stored.data())).outcome, 'applied');
  });

  it('keeps of long values what tells them from others, and agrees with the record', async () => {
    const long = 'x'.repeat(300_000);
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: long, status: { nested: [long] } }));
    const [entry] = (await entries()).values();
    assert.ok(JSON.stringify(entry).length < 2_000);
    await assertAgrees();
  });

  it('is not written where it is switched off', async () => {
    await fixture.close();
    fixture = await startSyncFixture({ limits: { historyMs: 0 } });
    await fixture.firestore.doc('media/m').set({ projectId: 'p1', projectName: 'old' });
    const [older, newer] = [
      event('ProjectUpdated', 'p1', { name: 'older' }),
      by('ada', event('ProjectUpdated', 'p1', { name: 'newer' })),
    ];
    const before = fixture.server.meter.snapshot().writes;
    await fixture.deliver(newer);
    await fixture.deliver(older);
    await fixture.deliver(event('ProjectDeleted', 'p9', {}, 0xfff_ffff0));
    assert.equal(fixture.server.meter.snapshot().writes - before, 3, 'record, job, asset');
    assert.equal((await entries()).size, 0);
    assert.equal((await syncJobRef(fixture.firestore, newer.id).get()).get('initiator'), 'ada');
  });

  it('takes the id of an event as it takes that of a job', () => {
    const { firestore } = fixture;
    assert.equal(historyEntryRef(firestore, 'a/../b').path, 'syncEvents/a%2F%2E%2E%2Fb');
    assert.equal(historyEntryRef(firestore, '__x__').path, 'syncEvents/%5F_x__');
  });
});
