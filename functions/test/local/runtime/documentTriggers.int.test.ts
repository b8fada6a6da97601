import assert from 'node:assert/strict';
import type { RuntimeOptions } from '../../../local/runtime/runtime.ts';
import { until } from '../../support/until.ts';
import { type AdminClient, startAdminClient } from '../servers/firestore/adminClient.ts';
import { projectId, type RuntimeFixture, startFixture } from './fixture.ts';

const subscription = `projects/${projectId}/subscriptions/eventarc-onboard-sub`;

describe('functions runtime: Firestore triggers', () => {
  let firestore: AdminClient;
  let fixture: RuntimeFixture;
  beforeEach(async () => {
    firestore = await startAdminClient();
  });
  afterEach(async () => {
    await fixture.close();
    await firestore.close();
  });

  async function start(only: readonly string[], options: Partial<RuntimeOptions> = {}) {
    fixture = await startFixture({ only, documentEvents: firestore.server.events, ...options });
    return firestore.connect(projectId);
  }

  it('call the function with what the document was and is, as firebase-functions decodes it', async () => {
    const db = await start(['onBoard']);
    const board = db.doc('boards/one');
    const { writeTime } = await board.set({ title: 'first' });
    await board.update({ title: 'second' });
    await board.delete();
    await until(() => fixture.logged('written').length === 3);
    const byChange = new Map(fixture.logged('written').map((entry) => [`${entry.before}>${entry.after}`, entry]));
    assert.deepEqual([...byChange.keys()].sort(), ['first>second', 'second>undefined', 'undefined>first']);
    const created = byChange.get('undefined>first');
    assert.equal(created?.function, 'onBoard');
    assert.equal(created?.type, 'google.cloud.firestore.document.v1.written');
    assert.equal(created?.subject, 'documents/boards/one');
    assert.equal(created?.document, 'boards/one');
    assert.equal(created?.database, '(default)');
    assert.equal(created?.board, 'one');
    assert.equal(created?.updated, writeTime.toDate().toISOString());
    assert.match(String(created?.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const ids = fixture.logged('written').map(({ eventId }) => eventId);
    assert.equal(new Set(ids).size, 3, 'each event has an id of its own');
  });

  it('name a document with other characters than ASCII as production does: wrong in the attributes, right in the data', async () => {
    const db = await start(['onBoard']);
    await db.doc('boards/Übersicht').set({ title: 'first' });
    await until(() => fixture.logged('written').length === 1);
    const [written] = fixture.logged('written');
    assert.equal(written?.document, 'boards/\u00c3\u009cbersicht');
    assert.equal(written?.path, 'boards/Übersicht');
  });

  it('are for the documents of their path, and for a write that changes something', async () => {
    const db = await start(['onBoard']);
    const other = firestore.connect(projectId, 'other');
    await db.doc('boards/one/panels/two').set({ title: 'below' });
    await db.doc('others/one').set({ title: 'beside' });
    await other.doc('boards/one').set({ title: 'in another database' });
    await db.doc('boards/one').set({ title: 'same' });
    await db.doc('boards/one').set({ title: 'same' });
    await db.doc('boards/last').set({ title: 'last' });
    await until(() => fixture.logged('written').some(({ after }) => after === 'last'));
    await fixture.server.idle();
    assert.deepEqual(
      fixture
        .logged('written')
        .map(({ after }) => after)
        .sort(),
      ['last', 'same'],
    );
  });

  it('deliver again what the function failed, if it asks for retries', async () => {
    const db = await start(['onBoard']);
    await db.doc('boards/one').set({ title: 'first', do: 'throw-once' });
    await until(() => fixture.logged('ended', 'one').length === 1);
    assert.equal(fixture.logged('started', 'one').length, 2);
    const [first, second] = fixture.logged('written');
    assert.equal(first?.eventId, second?.eventId);
  });

  it('drop and log what it failed, if it does not', async () => {
    const db = await start(['onRemoved']);
    await db.doc('boards/one/panels/two').set({ title: 'below' });
    await db.doc('boards/one/panels/two').delete();
    await until(() => fixture.log.some(({ message }) => message.includes('the event is dropped')));
    assert.deepEqual(
      fixture.logged('removed').map(({ board, panel, title }) => ({ board, panel, title })),
      [{ board: 'one', panel: 'two', title: 'below' }],
    );
  });

  it('deliver twice and in any order where the local Pub/Sub is told to', async () => {
    const db = await start(['onBoard']);
    let state = 1;
    const random = () => {
      state = (state * 16_807) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    fixture.server.disturb(subscription, { random, duplicate: 1, shuffle: true });
    const batch = db.batch();
    const boards = Array.from({ length: 20 }, (_none, index) => `board-${String(index).padStart(2, '0')}`);
    for (const board of boards) batch.set(db.doc(`boards/${board}`), { title: board });
    await batch.commit();
    await until(() => fixture.logged('written').length === 2 * boards.length);
    const order = fixture.logged('written').map(({ board }) => String(board));
    assert.deepEqual([...new Set(order)].sort(), boards);
    assert.notDeepEqual(order, [...order].sort(), 'not in the order of the documents');
  });

  it('lose nothing while Pub/Sub is unavailable', async () => {
    const db = await start(['onBoard']);
    fixture.server.faults.inject('Publish', { error: { code: 'UNAVAILABLE' } }, 2);
    await db.doc('boards/one').set({ title: 'first' });
    await until(() => fixture.logged('ended', 'one').length === 1);
    assert.equal(fixture.log.filter(({ message }) => message.includes('are published later')).length, 2);
  });

  it('are notified of nothing once the runtime is closed, and the server works for them no more', async () => {
    const db = await start(['onBoard']);
    await db.doc('boards/one').set({ title: 'first' });
    await until(() => fixture.logged('written').length === 1);
    await fixture.server.idle();
    await fixture.runtime.close();
    const delivered = fixture.server.stats()[subscription]?.delivered;
    await db.doc('boards/one').set({ title: 'second' });
    assert.equal(fixture.server.stats()[subscription]?.delivered, delivered);
    assert.equal(fixture.server.backlog(subscription), 0);
  });

  it('are named in a warning where Firestore runs elsewhere', async () => {
    fixture = await startFixture({ only: ['onBoard'] });
    const [warning] = fixture.log.filter(({ severity }) => severity === 'WARNING');
    assert.equal(warning?.function, 'onBoard');
    assert.match(warning?.message ?? '', /it is never triggered/);
    assert.equal((await fixture.runtime.fire('onBoard')).status, 400);
  });
});
