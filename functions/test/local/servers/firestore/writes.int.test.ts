import assert from 'node:assert/strict';
import { FieldPath, FieldValue, GeoPoint, Timestamp } from 'firebase-admin/firestore';
import { startFirestoreServer } from '../../../../local/servers/firestore/server.ts';
import { until } from '../../../support/until.ts';
import { type AdminClient, startAdminClient } from './adminClient.ts';

const notFound = 5;
const alreadyExists = 6;
const failedPrecondition = 9;
const invalidArgument = 3;

describe('Firestore writes through the Admin SDK', () => {
  let client: AdminClient;
  before(async () => {
    client = await startAdminClient();
  });
  after(() => client.close());
  beforeEach(() => client.server.clear());

  it('gives back every type of value', async () => {
    const { db } = client;
    const data = {
      nothing: null,
      yes: true,
      integer: 42,
      double: -0.5,
      huge: 2 ** 60,
      nan: Number.NaN,
      text: 'žluťoučký 😀 \0 end',
      bytes: Buffer.from([0, 1, 255]),
      time: new Timestamp(1_700_000_000, 123_456_000),
      place: new GeoPoint(50.1, 14.4),
      reference: db.doc('a/b/c/d'),
      list: [1, 'two', { three: 3 }],
      map: { inner: { deep: [null] }, 'key with spaces.and`tick': 1 },
      vector: FieldValue.vector([1, 2.5]),
      empty: { list: [], map: {} },
    };
    await db.doc('types/all').set(data);
    const read = await db.doc('types/all').get();
    assert.deepEqual(read.data(), data);
  });

  it('cuts timestamps to microseconds', async () => {
    await client.db.doc('a/b').set({ at: new Timestamp(1, 123_456_789) });
    assert.deepEqual((await client.db.doc('a/b').get()).get('at'), new Timestamp(1, 123_456_000));
  });

  it('replaces, merges, updates and deletes fields', async () => {
    const document = client.db.doc('a/b');
    await document.set({ one: 1, map: { x: 1, y: 2 } });
    await document.set({ two: 2, map: { z: 3 } }, { merge: true });
    assert.deepEqual((await document.get()).data(), { one: 1, two: 2, map: { x: 1, y: 2, z: 3 } });
    await document.update({ 'map.x': FieldValue.delete(), one: FieldValue.delete(), 'new.path': 'made' });
    assert.deepEqual((await document.get()).data(), { two: 2, map: { y: 2, z: 3 }, new: { path: 'made' } });
    await document.set({ map: { only: true } }, { mergeFields: ['map'] });
    assert.deepEqual((await document.get()).get('map'), { only: true });
    await document.update(new FieldPath('odd.name'), 1);
    assert.equal((await document.get()).get(new FieldPath('odd.name')), 1);
    await document.set({ last: true });
    assert.deepEqual((await document.get()).data(), { last: true });
  });

  it('keeps the update time of a write that changes nothing, and the create time of every update', async () => {
    const document = client.db.doc('a/b');
    const first = await document.set({ x: 1 });
    const same = await document.set({ x: 1 });
    assert.deepEqual(same.writeTime, first.writeTime);
    const other = await document.set({ x: 2 });
    assert.ok(other.writeTime.valueOf() > first.writeTime.valueOf());
    const read = await document.get();
    assert.deepEqual(read.createTime, first.writeTime);
    assert.deepEqual(read.updateTime, other.writeTime);
    await document.delete();
    await document.set({ x: 1 });
    assert.ok((await document.get()).createTime?.isEqual(first.writeTime) === false);
  });

  it('applies transforms', async () => {
    const document = client.db.doc('a/b');
    await document.set({ count: 1, text: 'x', list: [1, 2, 2], max: 2 ** 62 });
    await document.update({
      count: FieldValue.increment(2),
      text: FieldValue.increment(1.5),
      list: FieldValue.arrayUnion(2, 3),
      fresh: FieldValue.increment(7),
      at: FieldValue.serverTimestamp(),
      'nested.at': FieldValue.serverTimestamp(),
    });
    const { count, text, list, fresh, at, nested } = (await document.get()).data() ?? {};
    assert.deepEqual({ count, text, list, fresh }, { count: 3, text: 1.5, list: [1, 2, 2, 3], fresh: 7 });
    assert.ok(at instanceof Timestamp);
    assert.equal(at.nanoseconds % 1_000_000, 0);
    assert.deepEqual(nested, { at });
    await document.update({ list: FieldValue.arrayRemove(2), count: FieldValue.increment(0.5) });
    assert.deepEqual((await document.get()).get('list'), [1, 3]);
    assert.equal((await document.get()).get('count'), 3.5);
  });

  it('checks preconditions with the errors of production', async () => {
    const { db } = client;
    await assert.rejects(db.doc('a/missing').update({ x: 1 }), {
      code: notFound,
      message: /No document to update: projects\/.*a\/missing/,
    });
    await db.doc('a/b').create({ x: 1 });
    await assert.rejects(db.doc('a/b').create({ x: 1 }), { code: alreadyExists, message: /Document already exists/ });
    const seen = (await db.doc('a/b').get()).updateTime;
    assert.ok(seen);
    await db.doc('a/b').update({ x: 2 });
    await assert.rejects(db.doc('a/b').delete({ lastUpdateTime: seen }), {
      code: failedPrecondition,
      message: /stored version/,
    });
    await assert.rejects(db.doc('a/gone').delete({ exists: true }), { code: notFound });
    await db.doc('a/gone').delete();
    const current = (await db.doc('a/b').get()).updateTime;
    assert.ok(current);
    await db.doc('a/b').delete({ lastUpdateTime: current });
    assert.equal((await db.doc('a/b').get()).exists, false);
  });

  it('commits a batch as a whole or not at all', async () => {
    const { db } = client;
    await db.doc('a/taken').set({});
    const batch = db.batch().set(db.doc('a/new'), { x: 1 }).create(db.doc('a/taken'), {});
    await assert.rejects(batch.commit(), { code: alreadyExists });
    assert.equal((await db.doc('a/new').get()).exists, false);
  });

  it('lets several writes of one batch build on each other', async () => {
    const { db } = client;
    const document = db.doc('a/b');
    await db
      .batch()
      .create(document, { n: 1 })
      .update(document, { n: FieldValue.increment(4) })
      .update(document, { m: 1 })
      .commit();
    assert.deepEqual((await document.get()).data(), { n: 5, m: 1 });
  });

  it('reports the writes of a BulkWriter one by one', async () => {
    const { db } = client;
    await db.doc('bulk/1').set({ old: true });
    const writer = db.bulkWriter();
    writer.onWriteError(() => false);
    const failed = assert.rejects(writer.create(db.doc('bulk/1'), {}), { code: alreadyExists });
    const done = writer.set(db.doc('bulk/2'), { x: 1 });
    await writer.close();
    await failed;
    await done;
    assert.equal((await db.collection('bulk').get()).size, 2);
  });

  it('keeps databases and projects apart, with transactions, listeners and clearing of their own', async () => {
    const studio = client.connect('lockstep-test', 'studio');
    const project = client.connect('another-project', 'studio');
    await client.db.doc('a/b').set({ from: 'default' });
    await studio.doc('a/b').set({ from: 'studio' });
    assert.equal((await client.db.doc('a/b').get()).get('from'), 'default');
    assert.equal((await studio.doc('a/b').get()).get('from'), 'studio');
    assert.equal((await project.doc('a/b').get()).exists, false);
    const seen: unknown[] = [];
    const stop = studio.doc('a/b').onSnapshot((snapshot) => void seen.push(snapshot.get('from')));
    await until(() => seen.length === 1);
    await studio.runTransaction(async (transaction) => {
      await transaction.get(studio.doc('a/b'));
      // The same path in another database is another document: nobody waits for anybody.
      await client.db.doc('a/b').set({ from: 'default again' });
      transaction.update(studio.doc('a/b'), { from: 'studio again' });
    });
    await until(() => seen.length === 2);
    stop();
    assert.deepEqual(seen, ['studio', 'studio again']);
    assert.equal(client.server.stats().documents, 2);
    client.server.clear();
    assert.equal((await studio.doc('a/b').get()).exists, false);
  });

  it('returns only the masked fields, and which documents are missing', async () => {
    const { db } = client;
    await db.doc('a/b').set({ keep: 1, drop: 2, map: { keep: 1, drop: 2 } });
    const [found, missing] = await db.getAll(db.doc('a/b'), db.doc('a/none'), { fieldMask: ['keep', 'map.keep'] });
    assert.deepEqual(found?.data(), { keep: 1, map: { keep: 1 } });
    assert.equal(missing?.exists, false);
  });

  it('enforces the published limits', async () => {
    const { db } = client;
    const refused = (path: string, data: object, message: RegExp) =>
      assert.rejects(db.doc(path).set(data), { code: invalidArgument, message });
    await refused(
      'a/big',
      { text: 'x'.repeat(1_048_488) },
      /The value of property "text" is longer than 1048487 bytes/,
    );
    await refused(
      'a/big',
      { text: 'x'.repeat(1024 * 512), more: 'x'.repeat(1024 * 512) },
      /cannot be written because its size \([\d,]+ bytes\) exceeds the maximum allowed size of 1,048,576 bytes/,
    );
    await refused('a/__reserved__', {}, /reserved/);
    await refused('__coll__/x', {}, /reserved/);
    await refused(`a/${'é'.repeat(751)}`, {}, /The key path element name is longer than 1500 bytes\./);
    await refused('a/..', {}, /"\." or "\.\."/);
    await refused('a/entries', { list: Array.from({ length: 20_000 }, (_, i) => i) }, /too many index entries/);
    // Name 4 + 5 + 16, field "t" 2, text and its end, document 32.
    const fits = 1024 * 1024 - 25 - 2 - 1 - 32;
    // A second field takes part of it: one value alone may not have as much.
    await db.doc('big/fits').set({ t: 'x'.repeat(fits - 103), u: 'x'.repeat(100) });
    await refused('big/fits', { t: 'x'.repeat(fits - 103), u: 'x'.repeat(101) }, /1,048,577/);
    await db.doc('a/__id7__').set({ numeric: true });
  });

  it('refuses a commit of more than 10 MiB, and a request of more than 11', async () => {
    const commit = (documents: number) => {
      const batch = client.db.batch();
      for (let i = 0; i < documents; i += 1) batch.set(client.db.doc(`big/${i}`), { t: 'x'.repeat(1_000_000) });
      return batch.commit();
    };
    await assert.rejects(commit(11), {
      code: invalidArgument,
      message: '3 INVALID_ARGUMENT: Transaction too big. Decrease transaction size.',
    });
    await assert.rejects(commit(12), {
      code: invalidArgument,
      message: '3 INVALID_ARGUMENT: Request payload size exceeds the limit: 11534336 bytes.',
    });
    assert.equal(client.server.stats().documents, 0);
  });

  it('rejects with EADDRINUSE when the port is taken', async () => {
    await assert.rejects(startFirestoreServer({ port: client.server.port }), { code: 'EADDRINUSE' });
  });
});
