import assert from 'node:assert/strict';
import {
  type ChangeStreamDocument,
  type Collection,
  type Db,
  type Document,
  Double,
  Long,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { until } from '../../../../support/until.ts';
import {
  eventsUntilMarker,
  type Fixture,
  rejectsWithCode,
  startFixture,
  take,
  watch,
  withServer,
} from '../mongo.fixture.ts';

/** A document with an id that is not made by the driver. */
interface Keyed extends Document {
  _id: number | string;
}

describe('MongoDB server: change streams', () => {
  let fixture: Fixture;
  let db: Db;
  let projects: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture();
    db = fixture.client.db('app');
    projects = db.collection<Keyed>('projects');
  });
  afterEach(() => fixture.close());

  const marker = () => projects.insertOne({ _id: `marker-${new ObjectId()}`, marker: true });

  it('shows each kind of change with its true BSON types', async () => {
    const id = new ObjectId();
    const raw = db.collection('projects');
    const stream = watch(raw, [], { promoteValues: false });
    await stream.tryNext();
    await raw.insertOne({ _id: id, n: Long.fromString('9007199254740993'), d: new Double(5), u: new UUID() });
    await raw.updateOne({ _id: id }, { $set: { name: 'x' }, $unset: { u: '' } });
    await raw.replaceOne({ _id: id }, { name: 'y' });
    await raw.deleteOne({ _id: id });
    const [inserted, updated, replaced, deleted] = await take(stream, 4);
    assert.ok(inserted?.operationType === 'insert' && updated?.operationType === 'update');
    assert.ok(replaced?.operationType === 'replace' && deleted?.operationType === 'delete');
    assert.deepEqual(inserted.documentKey, { _id: id });
    assert.deepEqual(inserted.ns, { db: 'app', coll: 'projects' });
    assert.ok(inserted.clusterTime instanceof Timestamp);
    assert.ok(inserted.wallTime instanceof Date);
    assert.deepEqual(inserted.fullDocument.n, Long.fromString('9007199254740993'));
    assert.deepEqual(inserted.fullDocument.d, new Double(5));
    assert.deepEqual(updated.updateDescription, {
      updatedFields: { name: 'x' },
      removedFields: ['u'],
      truncatedArrays: [],
    });
    assert.equal(updated.fullDocument, undefined);
    assert.deepEqual(replaced.fullDocument, { _id: id, name: 'y' });
    assert.deepEqual(deleted.documentKey, { _id: id });
    await stream.close();
  });

  it('is silent about updates that change nothing, and about other collections', async () => {
    await projects.insertOne({ _id: 1, a: 1 });
    const stream = watch(projects);
    await stream.tryNext();
    await projects.updateOne({ _id: 1 }, { $set: { a: 1 } });
    await projects.updateMany({}, [{ $set: { a: '$a' } }]);
    await projects.replaceOne({ _id: 1 }, { a: 1 });
    await db.collection('others').insertOne({});
    assert.deepEqual(await eventsUntilMarker(stream, marker), []);
    await stream.close();
  });

  it('looks up the current document for an update', async () => {
    await projects.insertMany([{ _id: 1 }, { _id: 2 }]);
    const stream = watch(projects, [], { fullDocument: 'updateLookup' });
    await stream.tryNext();
    await projects.updateOne({ _id: 1 }, { $set: { a: 1 } });
    await projects.updateOne({ _id: 2 }, { $set: { a: 1 } });
    await projects.updateOne({ _id: 1 }, { $set: { b: 1 } });
    await projects.deleteOne({ _id: 2 });
    const events = await take(stream, 3);
    const full = events.map((event) => (event.operationType === 'update' ? event.fullDocument : undefined));
    assert.deepEqual(full, [{ _id: 1, a: 1, b: 1 }, null, { _id: 1, a: 1, b: 1 }]);
    await stream.close();
  });

  it('shows documents before and after where the collection keeps them', async () => {
    await db.createCollection('kept', { changeStreamPreAndPostImages: { enabled: true } });
    const kept = db.collection<Keyed>('kept');
    const stream = watch(kept, [], { fullDocument: 'required', fullDocumentBeforeChange: 'required' });
    await stream.tryNext();
    await kept.insertOne({ _id: 1, v: 1 });
    await kept.updateOne({ _id: 1 }, { $set: { v: 2 } });
    await kept.updateOne({ _id: 1 }, { $set: { v: 3 } });
    await kept.deleteOne({ _id: 1 });
    const seen = (await take(stream, 4)).map((event) => [
      'fullDocument' in event ? event.fullDocument?.v : undefined,
      'fullDocumentBeforeChange' in event ? event.fullDocumentBeforeChange?.v : undefined,
    ]);
    assert.deepEqual(seen, [
      [1, undefined],
      [2, 1],
      [3, 2],
      [undefined, 3],
    ]);
    await stream.close();
  });

  it('keeps them from the moment that collMod asks for them, and says when one is required that is not there', async () => {
    await projects.insertOne({ _id: 1, v: 1 });
    const lenient = watch(projects, [], { fullDocument: 'whenAvailable', fullDocumentBeforeChange: 'whenAvailable' });
    const strict = watch(projects, [], { fullDocumentBeforeChange: 'required' });
    await lenient.tryNext();
    await strict.tryNext();
    await projects.updateOne({ _id: 1 }, { $set: { v: 2 } });
    await db.command({ collMod: 'projects', changeStreamPreAndPostImages: { enabled: true } });
    await projects.updateOne({ _id: 1 }, { $set: { v: 3 } });
    const events = await take(lenient, 2);
    const images = events.map((event) =>
      event.operationType === 'update' ? [event.fullDocumentBeforeChange, event.fullDocument] : [],
    );
    assert.deepEqual(images, [
      [null, null],
      [
        { _id: 1, v: 2 },
        { _id: 1, v: 3 },
      ],
    ]);
    await rejectsWithCode(strict.next(), 47);
    await lenient.close();
    await strict.close();
  });

  it('runs the pipeline of the client on the events', async () => {
    const stream = watch(projects, [
      {
        $match: {
          operationType: { $in: ['insert', 'update'] },
          $or: [{ 'updateDescription.updatedFields.name': { $exists: true } }, { operationType: 'insert' }],
        },
      },
      { $addFields: { key: { $toString: '$documentKey._id' } } },
      { $set: { isInsert: { $eq: ['$operationType', 'insert'] } } },
      {
        $project: { operationType: 1, key: 1, isInsert: 1, documentKey: 1, 'updateDescription.updatedFields.name': 1 },
      },
      { $unset: ['documentKey'] },
    ]);
    await stream.tryNext();
    await projects.insertOne({ _id: 'p1', name: 'a' });
    await projects.updateOne({ _id: 'p1' }, { $set: { other: 1 } });
    await projects.updateOne({ _id: 'p1' }, { $set: { name: 'b' } });
    await projects.deleteOne({ _id: 'p1' });
    const [first, second]: Document[] = await take(stream, 2);
    assert.deepEqual({ ...first, _id: 0 }, { _id: 0, operationType: 'insert', key: 'p1', isInsert: true });
    assert.deepEqual(
      { ...second, _id: 0 },
      {
        _id: 0,
        operationType: 'update',
        key: 'p1',
        isInsert: false,
        updateDescription: { updatedFields: { name: 'b' } },
      },
    );
    await stream.close();
  });

  it('refuses stages that a stream cannot have, and pipelines that lose the token', async () => {
    await rejectsWithCode(watch(projects, [{ $sort: { a: 1 } }]).next(), 20);
    const stream = watch(projects, [{ $project: { _id: 0 } }]);
    const next = assert.rejects(stream.next());
    await until(() => fixture.server.stats().cursors === 1, 'the stream is open');
    await projects.insertOne({ _id: 1 });
    await next;
  });

  it('watches a database and the whole deployment', async () => {
    const onDb = watch(db);
    const onAll = watch(fixture.client);
    await onDb.tryNext();
    await onAll.tryNext();
    await projects.insertOne({ _id: 1 });
    await db.collection('others').insertOne({});
    await fixture.client.db('second').collection('things').insertOne({});
    await db.collection('others').insertOne({ marker: true });
    const places = (events: ChangeStreamDocument[]) =>
      events.map((event) =>
        'ns' in event && 'coll' in event.ns ? `${event.ns.db}.${event.ns.coll}` : event.operationType,
      );
    assert.deepEqual(places(await take(onDb, 3)), ['app.projects', 'app.others', 'app.others']);
    assert.deepEqual(places(await take(onAll, 4)), ['app.projects', 'app.others', 'second.things', 'app.others']);
    await onDb.close();
    await onAll.close();
  });

  it('shows the changes of a transaction at one time, in their order, with whose they were', async () => {
    const stream = watch(projects, [], { promoteLongs: false });
    await stream.tryNext();
    const session = fixture.client.startSession();
    await session.withTransaction(async () => {
      await projects.insertOne({ _id: 1, a: 1 }, { session });
      await projects.updateOne({ _id: 1 }, { $set: { a: 2 } }, { session });
      await db.collection('others').insertOne({}, { session });
      await projects.deleteOne({ _id: 1 }, { session });
    });
    const events = await take(stream, 3);
    assert.deepEqual(
      events.map(({ operationType }) => operationType),
      ['insert', 'update', 'delete'],
    );
    assert.equal(new Set(events.map((event) => String('clusterTime' in event ? event.clusterTime : ''))).size, 1);
    for (const event of events) {
      assert.ok('txnNumber' in event && 'lsid' in event);
      assert.equal(event.lsid?.id.toString('hex'), session.id?.id.toString('hex'));
    }
    const tokens = events.map(({ _id }) => String((_id as { _data: string })._data));
    assert.deepEqual(tokens, tokens.toSorted());
    await session.endSession();
    await stream.close();
  });

  it('ends a stream on a collection that is dropped: drop, then invalidate', async () => {
    await projects.insertOne({ _id: 1 });
    const stream = watch(projects);
    await stream.tryNext();
    await projects.drop();
    const events = await take(stream, 2);
    assert.deepEqual(
      events.map(({ operationType }) => operationType),
      ['drop', 'invalidate'],
    );
    await assert.rejects(stream.next());

    const afterDrop = watch(projects, [], { resumeAfter: events[0]?._id });
    assert.equal((await afterDrop.next()).operationType, 'invalidate');
    await rejectsWithCode(watch(projects, [], { resumeAfter: events[1]?._id }).next(), 260);
    const again = watch(projects, [], { startAfter: events[1]?._id });
    await again.tryNext();
    await projects.insertOne({ _id: 2 });
    const [next] = await take(again, 1);
    assert.ok(next?.operationType === 'insert' && next.fullDocument._id === 2);
    await again.close();
    await afterDrop.close();
  });

  it('ends a stream on a collection that is renamed', async () => {
    await projects.insertOne({ _id: 1 });
    const stream = watch(projects);
    const onDb = watch(db);
    await stream.tryNext();
    await onDb.tryNext();
    await projects.rename('renamed');
    const [rename, invalidate] = await take(stream, 2);
    assert.ok(rename?.operationType === 'rename');
    assert.deepEqual(rename.to, { db: 'app', coll: 'renamed' });
    assert.equal(invalidate?.operationType, 'invalidate');
    await db.collection('renamed').insertOne({});
    assert.deepEqual(
      (await take(onDb, 2)).map(({ operationType }) => operationType),
      ['rename', 'insert'],
    );
    await onDb.close();
  });

  it('ends a stream on a database that is dropped', async () => {
    await projects.insertOne({ _id: 1 });
    const onDb = watch(db);
    await onDb.tryNext();
    await db.dropDatabase();
    assert.deepEqual(
      (await take(onDb, 3)).map(({ operationType }) => operationType),
      ['drop', 'dropDatabase', 'invalidate'],
    );
  });

  it('shows more kinds of events when asked to', async () => {
    const stream = watch(db, [], { showExpandedEvents: true });
    await stream.tryNext();
    await db.createCollection('made');
    await db.collection('made').createIndex({ a: 1 });
    await db.collection('made').dropIndex('a_1');
    await db.command({ collMod: 'made', changeStreamPreAndPostImages: { enabled: true } });
    const events = await take(stream, 4);
    assert.deepEqual(
      events.map(({ operationType }) => operationType),
      ['create', 'createIndexes', 'dropIndexes', 'modify'],
    );
    for (const event of events) assert.ok('collectionUUID' in event);
    await stream.close();
  });

  it('wakes a waiting stream on a write, and holds no cursor after it is closed', async () => {
    const stream = watch(projects, [], { maxAwaitTimeMS: 600_000 });
    const next = stream.next();
    await until(() => fixture.server.stats().cursors === 1, 'the stream is open');
    await projects.insertOne({ _id: 1 });
    assert.equal((await next).operationType, 'insert');
    const waiting = stream.next().catch(() => 'closed');
    await stream.close();
    assert.equal(await waiting, 'closed');
    await until(() => fixture.server.stats().cursors === 0, 'the cursor is gone');
  });

  it('frees the cursor of a client that disconnects while it waits', async () => {
    await withServer(async ({ client, server }) => {
      const stream = watch(client.db('a').collection('c'), [], { maxAwaitTimeMS: 600_000 });
      const next = stream.next().catch(() => 'closed');
      await until(() => server.stats().cursors === 1, 'the stream is open');
      await client.close(true);
      await next;
      await until(() => server.stats().cursors === 0, 'the cursor is gone');
    });
  });

  it('serves many streams at once', async () => {
    const streams = Array.from({ length: 20 }, () => watch(projects));
    const all = streams.map((stream) => take(stream, 3));
    await until(() => fixture.server.stats().cursors === 20, 'all streams are open');
    await projects.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    for (const events of await Promise.all(all)) {
      assert.deepEqual(
        events.map((event) => ('documentKey' in event ? event.documentKey?._id : undefined)),
        [1, 2, 3],
      );
    }
    await Promise.all(streams.map((stream) => stream.close()));
  });
});
