import assert from 'node:assert/strict';
import type { Firestore } from 'firebase-admin/firestore';
import { type AdminClient, startAdminClient } from './adminClient.ts';

const permissionDenied = 7;

describe('Firestore faults', () => {
  let client: AdminClient;
  let db: Firestore;
  beforeEach(async () => {
    client = await startAdminClient();
    db = client.db;
  });
  afterEach(() => client.close());

  it('answers with an injected error instead of serving the call', async () => {
    client.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED', message: 'not today' } });
    await assert.rejects(db.doc('a/b').set({}), { code: permissionDenied, message: /not today/ });
    assert.equal((await db.doc('a/b').get()).exists, false);
    await db.doc('a/b').set({});
    assert.equal(client.server.faults.pending(), 0);
  });

  it('can fail a call after it has had its effect', async () => {
    client.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' }, afterEffect: true });
    await assert.rejects(db.doc('a/b').set({}), { code: permissionDenied });
    assert.equal((await db.doc('a/b').get()).exists, true);
  });

  it('fails reads that stream too, and the SDK repeats what it may', async () => {
    await db.doc('a/b').set({});
    client.server.faults.inject('RunQuery', { error: { code: 'UNAVAILABLE' } });
    assert.equal((await db.collection('a').get()).size, 1);
    assert.equal(client.server.meter.snapshot().rpcs.RunQuery, 2);
  });

  it('drops a connection, and the SDK connects anew', async () => {
    await db.doc('a/b').set({});
    client.server.faults.inject('RunQuery', { drop: true });
    assert.equal((await db.collection('a').get()).size, 1);
  });

  it('makes a transaction begin again that was aborted', async () => {
    client.server.faults.inject('Commit', { error: { code: 'ABORTED' } });
    let runs = 0;
    await db.runTransaction(async (transaction) => {
      runs += 1;
      await transaction.get(db.doc('a/b'));
      transaction.set(db.doc('a/b'), { runs });
    });
    assert.equal(runs, 2);
    assert.equal((await db.doc('a/b').get()).get('runs'), 2);
  });
});
