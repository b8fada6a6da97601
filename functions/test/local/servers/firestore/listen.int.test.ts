import assert from 'node:assert/strict';
import type { DocumentSnapshot, Query, QuerySnapshot } from 'firebase-admin/firestore';
import { until } from '../../../support/until.ts';
import { type AdminClient, startAdminClient } from './adminClient.ts';

/** What a listener has been told so far, in words. */
function follow(query: Query) {
  const events: string[] = [];
  let snapshots = 0;
  let error: Error | undefined;
  const stop = query.onSnapshot(
    (snapshot: QuerySnapshot) => {
      snapshots += 1;
      for (const { type, doc } of snapshot.docChanges()) events.push(`${type} ${doc.id}`);
    },
    (thrown) => {
      error = thrown;
    },
  );
  return { events, stop, snapshots: () => snapshots, error: () => error };
}

describe('Firestore listeners through the Admin SDK', () => {
  let client: AdminClient;
  beforeEach(async () => {
    client = await startAdminClient({ indexes: { indexes: [] } });
  });
  afterEach(() => client.close());

  it('follows a document', async () => {
    const document = client.db.doc('a/b');
    const seen: unknown[] = [];
    const stop = document.onSnapshot((snapshot: DocumentSnapshot) =>
      seen.push(snapshot.exists ? snapshot.data() : 'missing'),
    );
    await until(() => seen.length === 1);
    await document.set({ x: 1 });
    await until(() => seen.length === 2);
    await document.update({ x: 2 });
    await until(() => seen.length === 3);
    await document.delete();
    await until(() => seen.length === 4);
    assert.deepEqual(seen, ['missing', { x: 1 }, { x: 2 }, 'missing']);
    stop();
    await until(() => client.server.stats().listeners === 0);
  });

  it('follows a query: what enters, changes and leaves it', async () => {
    const { db } = client;
    await db.doc('a/1').set({ live: true, n: 1 });
    const listener = follow(db.collection('a').where('live', '==', true));
    await until(() => listener.snapshots() === 1);
    await db.doc('a/2').set({ live: true, n: 2 });
    await until(() => listener.snapshots() === 2);
    await db.doc('a/3').set({ live: false });
    await db.doc('a/2').update({ n: 3 });
    await until(() => listener.snapshots() === 3);
    await db.doc('a/1').update({ live: false });
    await until(() => listener.snapshots() === 4);
    await db.batch().delete(db.doc('a/2')).set(db.doc('a/4'), { live: true }).commit();
    await until(() => listener.snapshots() === 5);
    assert.deepEqual(listener.events, ['added 1', 'added 2', 'modified 2', 'removed 1', 'removed 2', 'added 4']);
    listener.stop();
  });

  it('follows the first documents of an order', async () => {
    const { db } = client;
    for (const n of [1, 2, 3]) await db.doc(`a/${n}`).set({ n });
    const listener = follow(db.collection('a').orderBy('n').limit(2));
    await until(() => listener.snapshots() === 1);
    await db.doc('a/1').delete();
    await until(() => listener.snapshots() === 2);
    assert.deepEqual(listener.events, ['added 1', 'added 2', 'removed 1', 'added 3']);
    listener.stop();
  });

  it('catches up after a lost connection, and is billed only for what is new', async () => {
    const { db, server } = client;
    await db.doc('a/1').set({ n: 1 });
    await db.doc('a/2').set({ n: 1 });
    const listener = follow(db.collection('a'));
    await until(() => listener.snapshots() === 1);
    const billed = server.meter.snapshot();
    assert.equal(billed.reads, 2);
    // The write that breaks the connection is made all the same; the SDK may repeat it.
    server.faults.inject('Commit', { drop: true, afterEffect: true });
    const write = db.doc('a/1').delete();
    await until(() => listener.events.includes('removed 1'));
    await write;
    await db.doc('a/3').set({ n: 1 });
    await until(() => listener.events.includes('added 3'));
    assert.deepEqual(listener.events, ['added 1', 'added 2', 'removed 1', 'added 3']);
    listener.stop();
  }).timeout(30_000);

  it('tells of a missing index as an error of the listener', async () => {
    const listener = follow(client.db.collection('a').where('x', '==', 1).orderBy('y'));
    await until(() => listener.error() !== undefined);
    assert.match(String(listener.error()?.message), /requires an index/);
  });

  it('starts again from nothing when the server has forgotten everything', async () => {
    const { db, server } = client;
    await db.doc('a/1').set({ n: 1 });
    const listener = follow(db.collection('a'));
    await until(() => listener.snapshots() === 1);
    server.clear();
    await until(() => listener.events.includes('removed 1'));
    await db.doc('a/2').set({ n: 1 });
    await until(() => listener.events.includes('added 2'));
    listener.stop();
  }).timeout(30_000);
});
