import assert from 'node:assert/strict';
import { AggregateField, type Firestore } from 'firebase-admin/firestore';
import { until } from '../../../support/until.ts';
import { type AdminClient, startAdminClient } from './adminClient.ts';

describe('Firestore meter', () => {
  let client: AdminClient;
  let db: Firestore;
  before(async () => {
    client = await startAdminClient();
    db = client.db;
    const batch = db.batch();
    for (let i = 0; i < 5; i += 1) batch.set(db.doc(`boards/${i}`), { i });
    batch.set(db.doc('boards/0/scenes/s'), { i: 0 });
    await batch.commit();
  });
  after(() => client.close());

  /** What production would bill for something. */
  const bill = async (act: () => Promise<unknown>) => {
    const before = client.server.meter.snapshot();
    await act();
    const { reads, writes, deletes } = client.server.meter.diff(before);
    return { reads, writes, deletes };
  };
  const reads = async (act: () => Promise<unknown>) => (await bill(act)).reads;

  it('bills a read for each document that a query returns or passes over, and one for finding nothing', async () => {
    assert.equal(await reads(() => db.collection('boards').get()), 5);
    assert.equal(await reads(() => db.collection('boards').where('i', '>', 2).get()), 2);
    assert.equal(await reads(() => db.collection('boards').offset(3).limit(1).get()), 4);
    assert.equal(await reads(() => db.collection('boards').select().get()), 5);
    assert.equal(await reads(() => db.collection('boards').where('i', '==', 99).get()), 1);
  });

  it('bills a read for each document got, missing or not', async () => {
    assert.equal(await reads(() => db.getAll(db.doc('boards/1'), db.doc('boards/none'))), 2);
  });

  it('bills an aggregation by thousands of index entries', async () => {
    assert.equal(await reads(() => db.collection('boards').count().get()), 1);
    assert.equal(await reads(() => db.collection('none').count().get()), 1);
    for (const from of [0, 400, 800]) {
      const batch = db.batch();
      for (let i = from; i < from + 400; i += 1) batch.set(db.doc(`many/${i}`), { i });
      await batch.commit();
    }
    assert.equal(await reads(() => db.collection('many').count().get()), 2);
    assert.equal(await reads(() => db.collection('many').limit(1000).count().get()), 1);
    const total = db.collection('many').aggregate({ sum: AggregateField.sum('i'), mean: AggregateField.average('i') });
    assert.deepEqual((await total.get()).data(), { sum: 719_400, mean: 599.5 });
  });

  it('bills writes and deletes, also those that change nothing', async () => {
    const document = db.doc('boards/w');
    assert.deepEqual(await bill(() => document.set({ x: 1 })), { reads: 0, writes: 1, deletes: 0 });
    assert.deepEqual(await bill(() => document.set({ x: 1 })), { reads: 0, writes: 1, deletes: 0 });
    assert.deepEqual(await bill(() => document.delete()), { reads: 0, writes: 0, deletes: 1 });
    assert.deepEqual(await bill(() => document.delete()), { reads: 0, writes: 0, deletes: 1 });
    assert.deepEqual(await bill(() => document.update({ x: 1 }).catch(() => undefined)), {
      reads: 0,
      writes: 0,
      deletes: 0,
    });
  });

  it('bills one read for a page of collection ids', async () => {
    assert.equal(await reads(() => db.listCollections()), 1);
  });

  it('bills what a listener is sent', async () => {
    const billed = await reads(async () => {
      let snapshots = 0;
      const stop = db.collection('boards').onSnapshot(() => {
        snapshots += 1;
      });
      await until(() => snapshots === 1);
      await db.doc('boards/1').update({ more: true });
      await until(() => snapshots === 2);
      await db.doc('boards/1').delete();
      await until(() => snapshots === 3);
      stop();
    });
    assert.equal(billed, 6);
  });

  it('keeps root collections and calls apart, and starts again when it is reset', async () => {
    client.server.meter.reset();
    await db.doc('boards/0/scenes/s').get();
    await db.doc('records/r').set({});
    const { collections, rpcs } = client.server.meter.snapshot();
    assert.deepEqual(collections, {
      boards: { reads: 1, writes: 0, deletes: 0 },
      records: { reads: 0, writes: 1, deletes: 0 },
    });
    assert.deepEqual(rpcs, { BatchGetDocuments: 1, Commit: 1 });
  });

  it('keeps callers apart: by the token that they send, or by where they call from', async () => {
    const relay = client.connect('lockstep-test');
    relay.settings({ customHeaders: { Authorization: 'Bearer relay@lockstep-test' } });
    client.server.meter.reset();
    await relay.doc('records/r').set({});
    await relay.collection('boards').limit(2).get();
    await db.doc('records/r').get();
    const { 'relay@lockstep-test': ofRelay, ...others } = client.server.meter.callers();
    assert.deepEqual(ofRelay?.rpcs, { Commit: 1, RunQuery: 1 });
    assert.deepEqual([ofRelay?.reads, ofRelay?.writes, ofRelay?.deletes], [2, 1, 0]);
    assert.deepEqual(
      Object.values(others).map(({ rpcs }) => rpcs),
      [{ BatchGetDocuments: 1 }],
    );
    for (const address of Object.keys(others)) assert.match(address, /^127\.0\.0\.1:\d+$/);
    assert.equal(client.server.meter.snapshot().reads, 3);
  });
});
