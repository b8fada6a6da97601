// Notifying others that the assets of a project show a state: attacks "published after the record says so, at least
// once, and never of what is not so".
import assert from 'node:assert/strict';
import { Timestamp } from 'firebase-admin/firestore';
import { controlCacheMs, controlRef } from '../../src/control/control.ts';
import { type EncodedMessage, encodeEvent } from '../../src/events/codec.ts';
import { isOlderState, type ProjectConverged, projectConvergedSchema } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import { createHolds } from '../../src/holds/decide.ts';
import { defaultHoldLimits } from '../../src/holds/limits.ts';
import { projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { ProjectBusyError } from '../../src/sync/errors.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { recordedSince } from '../../src/sync/notifyConverged.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { continueParked } from '../../src/sync/parked.ts';
import { transactAs } from '../support/transact.ts';
import { until } from '../support/until.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture, testConfig } from './worker.fixture.ts';

const config = { ...testConfig, converged: true };

describe('notification of converged projects', () => {
  let fixture: SyncFixture;

  async function start(options: Parameters<typeof startSyncFixture>[0] = {}): Promise<void> {
    fixture = await startSyncFixture({ config, ...options });
  }
  afterEach(() => fixture.close());

  const read = ({ data }: EncodedMessage): ProjectConverged => projectConvergedSchema.parse(JSON.parse(String(data)));
  const published = () => fixture.converged.messages.map(read);
  const seed = (id: string, projectId: string) =>
    fixture.firestore.doc(`media/${id}`).set({ projectId, projectName: 'old' });
  async function sinceOf(projectId: string): Promise<string> {
    const { createTime } = await projectRecordRef(fixture.firestore, projectId).get();
    assert.ok(createTime);
    return recordedSince(createTime);
  }
  const budget = () => ({ deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal });

  it('says what the assets show, with version, counts and kind', async () => {
    await start();
    await seed('m1', 'p1');
    await seed('m2', 'p1');
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    const deleted = event('ProjectDeleted', 'p1');
    await fixture.deliver(renamed);
    await fixture.deliver(deleted);
    const [first, second] = published();
    const since = await sinceOf('p1');
    assert.match(since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.deepEqual(first, {
      specversion: 1,
      id: `p1:${since}:1`,
      type: 'ProjectConverged',
      projectId: 'p1',
      version: renamed.version,
      recordedSince: since,
      revision: 1,
      kind: 'live',
      fields: { name: 'new' },
      changed: 2,
      convergedAt: new Date(fixture.clock.now()).toISOString(),
    });
    assert.deepEqual(
      [second?.version, second?.kind, second?.fields, second?.changed],
      [deleted.version, 'deleted', {}, 2],
    );
    assert.deepEqual(fixture.converged.messages[1]?.attributes, {
      type: 'ProjectConverged',
      projectId: 'p1',
      version: deleted.version,
      kind: 'deleted',
      specversion: '1',
    });
  });

  it('orders states that have the same version, because a change came late', async () => {
    await start();
    const [first, second] = [
      event('ProjectUpdated', 'p1', { status: 'draft' }),
      event('ProjectUpdated', 'p1', { name: 'new' }),
    ];
    await fixture.deliver(second);
    await fixture.deliver(first);
    const [early, late] = published();
    assert.ok(early && late);
    assert.equal(early.version, late.version);
    assert.deepEqual(late.fields, { name: 'new', status: 'draft' });
    assert.deepEqual(
      [isOlderState(early, late), isOlderState(late, early), isOlderState(late, late)],
      [true, false, false],
    );
  });

  it('orders states by their record, not by version, which goes back where MongoDB was set back', async () => {
    await start();
    await seed('m1', 'p1');
    const version = versionOf({ seconds: Math.floor(fixture.clock.now() / 1_000) + 20 * 3_600, increment: 1 }, 0);
    const fields = { name: { value: 'before the restore', version } };
    await projectRecordRef(fixture.firestore, 'p1').set(
      projectRecordData({
        ...(await fixture.record('p1')),
        revision: 1,
        appliedRevision: 1,
        desired: { kind: 'live', version, deletedVersion: null, fields },
      }),
    );
    const before = { recordedSince: await sinceOf('p1'), revision: 1 };
    fixture.alive.set('p1', { name: 'true', status: 's' });
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'true' }));
    const corrected = published().at(-1);
    assert.ok(corrected);
    assert.equal(corrected.fields.name, 'true');
    assert.ok(corrected.version < version);
    assert.deepEqual([isOlderState(corrected, before), isOlderState(before, corrected)], [false, true]);
  });

  it('takes a record that was begun anew, because its tombstone expired, for newer', async () => {
    await start();
    for (const name of ['a', 'b']) await fixture.deliver(event('ProjectUpdated', 'p1', { name }));
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    await projectRecordRef(fixture.firestore, 'p1').delete();
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'c' }));
    const [last, anew] = published().slice(-2);
    assert.ok(last && anew);
    assert.ok(anew.revision < last.revision);
    assert.deepEqual([isOlderState(last, anew), isOlderState(anew, last)], [true, false]);
    assert.equal(new Set(published().map(({ id }) => id)).size, 4);
  });

  it('costs one read more, and nothing where it is off', async () => {
    const costOf = async (options: Parameters<typeof startSyncFixture>[0]) => {
      await start(options);
      await seed('m1', 'p1');
      fixture.server.meter.reset();
      await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'new' }));
      const { reads, writes } = fixture.server.meter.snapshot();
      return { reads, writes, published: fixture.converged.tries() };
    };
    const off = await costOf({ config: testConfig });
    await fixture.close();
    const on = await costOf({});
    assert.deepEqual([off.published, on.published], [0, 1]);
    assert.deepEqual([on.reads - off.reads, on.writes - off.writes], [1, 0]);
  });

  it('a worker that dies between its record and the notification leaves the message, whose redelivery notifies', async () => {
    await start();
    await seed('m1', 'p1');
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    fixture.converged.hold();
    const dying = fixture.deliver(renamed);
    await until(() => fixture.converged.open() === 1);
    const { revision, appliedRevision } = await fixture.record('p1');
    assert.equal(appliedRevision, revision, 'the record says so first');
    assert.deepEqual(published(), []);
    // Whatever becomes of the first one, its topic never had it.
    fixture.converged.failures.push(new Error('died'));
    fixture.converged.release();
    await assert.rejects(dying);
    await fixture.deliver(renamed);
    assert.deepEqual(
      published().map(({ version, changed }) => [version, changed]),
      [[renamed.version, null]],
    );
  });

  it('one that dies between the notification and its acknowledgement notifies of the same state again', async () => {
    await start();
    await seed('m1', 'p1');
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.deliver(renamed);
    await fixture.deliver(renamed);
    const [first, second] = published();
    assert.equal(first?.id, second?.id);
    assert.deepEqual(first?.fields, second?.fields);
  });

  it('is counted apart from the work, dead-lettered after as many failures, and made up for by a redrive', async () => {
    await start();
    await seed('m1', 'p1');
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    fixture.converged.fail(new Error('no such topic'));
    const { maxAttempts } = fixture.dependencies.limits;
    for (let attempt = 1; attempt < maxAttempts; attempt += 1) {
      await assert.rejects(fixture.deliver(renamed), /no such topic/);
    }
    assert.equal(fixture.deadLetters.messages.length, 0);
    await fixture.deliver(renamed);
    const letter = fixture.deadLetters.messages[0];
    assert.equal(letter?.attributes.reason, 'attempts');
    assert.match(letter?.attributes.error ?? '', /could not be notified.*no such topic/);
    // Nothing of the project has waited for it.
    fixture.converged.succeed();
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'newer' }));
    assert.equal((await fixture.firestore.doc('media/m1').get()).get('projectName'), 'newer');
    await fixture.deliver(renamed);
    assert.deepEqual(
      published().map(({ fields }) => fields.name),
      ['newer', 'newer'],
    );
  });

  it('that failed and then went out leaves nothing for ever', async () => {
    await start();
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    fixture.converged.fail(new Error('no such topic'));
    await assert.rejects(fixture.deliver(renamed), /no such topic/);
    fixture.converged.succeed();
    await fixture.deliver(renamed);
    const [failing, ...others] = (await fixture.firestore.collection('syncFailures').get()).docs;
    assert.deepEqual([failing?.get('status'), others.length], ['failing', 0]);
    assert.ok(failing?.get('expireAt') instanceof Timestamp);
  });

  it('comes with the continuation that ends the work, and counts all of it', async () => {
    await start();
    const batch = fixture.firestore.batch();
    const count = assetsPerPage;
    for (let index = 0; index < count; index += 1) {
      batch.set(fixture.firestore.doc(`media/m${index}`), { projectId: 'p1', projectName: 'old' });
    }
    await batch.commit();
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    const stop = new AbortController();
    const stopped = fixture.worker2({
      limits: { ...fixture.dependencies.limits, countAfterMs: 0 },
      throttle: oneAtATime(() => stop.abort(new Error('stopping'))),
    });
    await handleMessage(
      { ...fixture.dependencies, worker: stopped, converged: fixture.converged },
      encodeEvent(renamed),
      { ...budget(), signal: stop.signal },
    );
    assert.deepEqual(published(), []);
    const [continuation] = fixture.events.messages;
    assert.ok(continuation);
    await fixture.deliverMessage(continuation);
    assert.deepEqual(
      published().map(({ changed }) => changed),
      [count],
    );
  });

  it('is not made of what is held, and of a release once it is carried out', async () => {
    await start({ limits: { hold: { ...defaultHoldLimits, maxProjects: 1, maxShare: 0 } } });
    for (let index = 0; index < 9; index += 1) fixture.alive.set(`other-${index}`, {});
    await seed('m1', 'p1');
    await seed('m2', 'p2');
    const held = event('ProjectDeleted', 'p2');
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    await fixture.deliver(held);
    assert.deepEqual(
      published().map(({ projectId }) => projectId),
      ['p1'],
    );
    const holds = createHolds({
      ...fixture.dependencies,
      retentionMs: 0,
      transact: transactAs('operator', fixture.dependencies),
    });
    assert.equal((await holds.release({ projectId: 'p2', eventId: held.id })).kind, 'released');
    for (const message of fixture.events.messages.splice(0)) await fixture.deliverMessage(message);
    assert.deepEqual(
      published().map(({ projectId, kind, changed }) => [projectId, kind, changed]),
      [
        ['p1', 'deleted', 1],
        ['p2', 'deleted', 1],
      ],
    );
  });

  it('is not made of a deletion whose assets stay, as a person has decided', async () => {
    await start({ limits: { hold: { ...defaultHoldLimits, maxProjects: 1, maxShare: 0 } } });
    for (let index = 0; index < 9; index += 1) fixture.alive.set(`other-${index}`, {});
    await seed('m1', 'p1');
    await seed('m2', 'p2');
    const held = event('ProjectDeleted', 'p2');
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    await fixture.deliver(held);
    const holds = createHolds({
      ...fixture.dependencies,
      retentionMs: 0,
      transact: transactAs('operator', fixture.dependencies),
    });
    assert.equal((await holds.discard({ projectId: 'p2', eventId: held.id })).kind, 'discarded');
    await fixture.deliver(held);
    assert.deepEqual(
      published().map(({ projectId }) => projectId),
      ['p1'],
    );
  });

  it('is not made of what is parked, and of it once it is done', async () => {
    await start();
    await seed('m1', 'p1');
    await controlRef(fixture.firestore).set({
      paused: [{ what: 'deletions', by: 'operator', reason: 'test', since: fixture.clock.now() }],
    });
    fixture.clock.advance(controlCacheMs);
    const deleted = event('ProjectDeleted', 'p1');
    await fixture.deliver(deleted);
    await fixture.deliver(deleted);
    assert.deepEqual(published(), []);
    await controlRef(fixture.firestore).set({ paused: [] });
    fixture.clock.advance(controlCacheMs);
    const { firestore, control, log, events } = fixture.dependencies;
    await continueParked({ firestore, control, log, isShadow: false, events: async () => events });
    for (const message of fixture.events.messages.splice(0)) await fixture.deliverMessage(message);
    assert.deepEqual(
      published().map(({ kind }) => kind),
      ['deleted'],
    );
  });

  it('is not made in shadow mode, not even of what is in step already', async () => {
    await start({ limits: { isShadow: true } });
    await fixture.firestore.doc('media/m1').set({ projectId: 'p1', projectName: 'new' });
    const renamed = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.deliver(renamed);
    await fixture.deliver(renamed);
    assert.equal(fixture.converged.tries(), 0);
  });

  describe('of a repair, which no event stands for', () => {
    const force = { force: true } as const;

    it('is announced before it begins, and the announcement brings nothing by itself', async () => {
      await start();
      fixture.alive.set('p1', { name: 'new' });
      await seed('m1', 'p1');
      const found = event('ProjectUpdated', 'p1', { name: 'new' });
      await fixture.worker.apply(found, { ...budget(), ...force });
      const [announcement] = fixture.events.messages;
      assert.ok(announcement);
      assert.deepEqual(published(), []);
      const before = await fixture.record('p1');
      await fixture.deliverMessage(announcement);
      assert.deepEqual(
        published().map(({ kind, fields, changed }) => [kind, fields, changed]),
        [['live', { name: 'new' }, null]],
      );
      assert.deepEqual(await fixture.record('p1'), before);
    });

    it('is refused while the repair goes on; when that dies, nothing is deleted for its announcement', async () => {
      await start();
      await seed('m1', 'p1');
      const found = event('ProjectDeleted', 'p1');
      fixture.events.hold();
      const repairing = fixture.worker.apply(found, { ...budget(), ...force });
      await until(() => fixture.events.open() === 1);
      await seed('m2', 'p1');
      const announcement = {
        ...encodeEvent(found),
        attributes: { ...encodeEvent(found).attributes, announcement: 'true' },
      };
      await assert.rejects(fixture.deliverMessage(announcement), ProjectBusyError);
      fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
      await fixture.deliverMessage(announcement);
      assert.deepEqual([...(await fixture.documents('media')).keys()], ['media/m1', 'media/m2']);
      assert.deepEqual(published(), [], 'the record knows nothing of the repair');
      fixture.events.release();
      await repairing;
    });
  });
});
