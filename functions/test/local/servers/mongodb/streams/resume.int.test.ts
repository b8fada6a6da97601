import assert from 'node:assert/strict';
import { type ChangeStream, type Collection, type Document, type ResumeToken, Timestamp } from 'mongodb';
import { manualClock } from '../../../../support/clock.ts';
import { failCommand, failPoint } from '../../../../support/failPoint.ts';
import { until } from '../../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture, take, watch, withServer } from '../mongo.fixture.ts';

interface Keyed extends Document {
  _id: number;
}

const text = (token: ResumeToken): string => String((token as { _data: string })._data);

const keys = (events: Document[]) => events.map((event) => event.documentKey?._id);

describe('MongoDB server: resuming change streams', () => {
  let fixture: Fixture;
  let items: Collection<Keyed>;

  beforeEach(async () => {
    fixture = await startFixture();
    items = fixture.client.db('app').collection<Keyed>('items');
  });
  afterEach(() => fixture.close());

  const insert = async (from: number, to: number) => {
    for (let n = from; n <= to; n += 1) await items.insertOne({ _id: n });
  };

  const from = async (options: object, count: number) => {
    const stream = watch(items, [], options);
    const events = await take(stream, count);
    await stream.close();
    return events;
  };

  it('goes on behind any event, by either option', async () => {
    const stream = watch(items);
    await stream.tryNext();
    await insert(1, 6);
    const events = await take(stream, 6);
    await stream.close();
    for (const [index, event] of events.slice(0, 5).entries()) {
      const rest = [2, 3, 4, 5, 6].slice(index);
      assert.deepEqual(keys(await from({ resumeAfter: event._id }, rest.length)), rest);
      assert.deepEqual(keys(await from({ startAfter: event._id }, rest.length)), rest);
    }
  });

  it('starts at a time, that of an event included', async () => {
    const stream = watch(items);
    await stream.tryNext();
    await insert(1, 3);
    const [, second] = await take(stream, 3);
    await stream.close();
    assert.ok(second && 'clusterTime' in second);
    assert.deepEqual(keys(await from({ startAtOperationTime: second.clusterTime }, 2)), [2, 3]);
  });

  it('starts at the operation time of a command without losing what follows it', async () => {
    const reply = await fixture.client.db('admin').command({ ping: 1 });
    await insert(1, 2);
    assert.deepEqual(keys(await from({ startAtOperationTime: reply.operationTime as Timestamp }, 2)), [1, 2]);
  });

  it('waits for a time that is still to come, and delivers nothing before it', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client }) => {
        const later = client.db('app').collection<Keyed>('items');
        const { operationTime } = await client.db('admin').command({ ping: 1 });
        const startAtOperationTime = new Timestamp({ t: operationTime.t + 60, i: 1 });
        const stream = watch(later, [], { startAtOperationTime, maxAwaitTimeMS: 1 });
        const waiting = stream.tryNext();
        await until(() => clock.timers() > 0, 'the server waits for an event');
        await later.insertOne({ _id: 1 });
        await until(() => clock.timers() > 0, 'the server waits again');
        clock.advance(10);
        assert.equal(await waiting, null);
        const position = text(stream.resumeToken);
        clock.advance(61_000);
        await later.insertOne({ _id: 2 });
        const [event] = await take(stream, 1);
        assert.deepEqual(keys([event ?? {}]), [2]);
        assert.ok(text(event?._id) > position, 'the position never goes back before the starting time');
        await stream.close();
      },
      { clock },
    );
  });

  it('refuses options that it does not know', async () => {
    const open = (options: object) =>
      fixture.client.db('app').command({ aggregate: 'items', pipeline: [{ $changeStream: options }], cursor: {} });
    await rejectsWithCode(open({ fullDocuments: 'updateLookup' }), 40415);
    await rejectsWithCode(open({ showMigrationEvents: true }), 238);
  });

  it('gives tokens that sort, as text, in the order of the events', async () => {
    const stream = watch(items);
    await stream.tryNext();
    const tokens = [text(stream.resumeToken)];
    for (let n = 1; n <= 50; n += 1) await items.insertOne({ _id: n });
    for (const event of await take(stream, 50)) tokens.push(text(event._id));
    await stream.tryNext();
    tokens.push(text(stream.resumeToken));
    assert.deepEqual(tokens, tokens.toSorted());
    assert.equal(new Set(tokens).size, tokens.length);
    await stream.close();
  });

  it('moves its position past events that the pipeline holds back', async () => {
    const stream = watch(items, [{ $match: { operationType: 'delete' } }], { maxAwaitTimeMS: 1 });
    await stream.tryNext();
    const before = text(stream.resumeToken);
    await insert(1, 3);
    await stream.tryNext();
    const position = stream.resumeToken;
    assert.ok(text(position) > before);
    await stream.close();
    fixture.server.truncateOplog();
    await insert(4, 4);
    assert.deepEqual(
      keys(await from({ resumeAfter: position }, 1)),
      [4],
      'the position outlives the entries before it',
    );
  });

  it('moves its position on while nothing happens', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client }) => {
        const stream = watch(client.db('app').collection('quiet'), [], { maxAwaitTimeMS: 1000 });
        const askFor = async (ms: number) => {
          const asked = stream.tryNext();
          await until(() => clock.timers() > 0, 'the server waits for an event');
          clock.advance(ms);
          assert.equal(await asked, null);
        };
        await askFor(1000);
        const before = text(stream.resumeToken);
        await askFor(60_000);
        assert.ok(text(stream.resumeToken) > before);
        await stream.close();
      },
      { clock },
    );
  });

  it('resumes in the middle of a transaction', async () => {
    const stream = watch(items);
    await stream.tryNext();
    const session = fixture.client.startSession();
    await session.withTransaction(async () => {
      for (let n = 1; n <= 300; n += 1) await items.insertOne({ _id: n }, { session });
    });
    await session.endSession();
    const events = await take(stream, 300);
    await stream.close();
    for (const at of [1, 127, 128, 129, 255, 299]) {
      const token = events[at - 1]?._id;
      assert.deepEqual(
        keys(await from({ resumeAfter: token }, 300 - at)),
        Array.from({ length: 300 - at }, (_, n) => at + n + 1),
      );
    }
  });

  it('answers 286 for what the log has forgotten', async () => {
    const stream = watch(items);
    await stream.tryNext();
    await insert(1, 2);
    const [first] = await take(stream, 2);
    await stream.close();
    fixture.server.truncateOplog();
    const error = await rejectsWithCode(watch(items, [], { resumeAfter: first?._id }).next(), 286);
    assert.equal(error.codeName, 'ChangeStreamHistoryLost');
    assert.ok(!error.hasErrorLabel('ResumableChangeStreamError'));
    assert.ok(error.hasErrorLabel('NonResumableChangeStreamError'));
    assert.ok(first && 'clusterTime' in first);
    await rejectsWithCode(watch(items, [], { startAtOperationTime: first.clusterTime }).next(), 286);
  });

  it('answers 286 for a token of an earlier server', async () => {
    const stream = watch(items);
    await stream.tryNext();
    await insert(1, 1);
    const [event] = await take(stream, 1);
    await stream.close();
    const later = manualClock(Date.now() + 3_600_000);
    await withServer(
      async ({ client }) => {
        await rejectsWithCode(watch(client.db('app').collection('items'), [], { resumeAfter: event?._id }).next(), 286);
      },
      { clock: later },
    );
  });

  it('ends a running stream with 286 when the log overtakes it', () =>
    withServer(
      async ({ client, server }) => {
        const collection = client.db('app').collection<Keyed>('items');
        const stream = watch(collection, [], { batchSize: 1, maxAwaitTimeMS: 1 });
        await stream.tryNext();
        await collection.insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: n })));
        assert.ok(server.stats().oplogEntries <= 22);
        await rejectsWithCode(stream.next(), 286);
      },
      { oplogLimit: 20 },
    ));

  it('refuses tokens that are none', async () => {
    await rejectsWithCode(watch(items, [], { resumeAfter: { _data: 'zz' } }).next(), 260);
    await rejectsWithCode(watch(items, [], { resumeAfter: { _data: '8200' } }).next(), 260);
    await rejectsWithCode(watch(items, [], { resumeAfter: {} }).next(), 260);
    const stream = watch(items);
    await stream.tryNext();
    await insert(1, 1);
    const [event] = await take(stream, 1);
    await stream.close();
    const both = { resumeAfter: event?._id, startAfter: event?._id };
    await rejectsWithCode(
      fixture.client.db('app').command({ aggregate: 'items', pipeline: [{ $changeStream: both }], cursor: {} }),
      40674,
    );
  });

  it('answers 280 for the token of an event that the log does not have', async () => {
    const stream = watch(items);
    await stream.tryNext();
    await insert(1, 2);
    const [first] = await take(stream, 2);
    await stream.close();
    // The same time with an ordinal that no transaction had.
    const elsewhere = text(first?._id).replace('2C0100296E', '2C01002B0A6E');
    const error = await rejectsWithCode(watch(items, [], { resumeAfter: { _data: elsewhere } }).next(), 280);
    assert.ok(error.hasErrorLabel('NonResumableChangeStreamError'));
  });

  it('recovers by itself from errors and dropped connections, and misses nothing', async () => {
    const { server, client } = fixture;
    const stream = watch(items, [], { maxAwaitTimeMS: 20 });
    const events = take(stream as ChangeStream<Document>, 40);
    await until(() => server.stats().cursors === 1, 'the stream is open');
    await failPoint(client, 'failGetMoreAfterCursorCheckout', { times: 1 }, { errorCode: 11600 });
    await insert(1, 10);
    await failCommand(client, ['getMore'], { closeConnection: true });
    await insert(11, 20);
    await failPoint(client, 'failGetMoreAfterCursorCheckout', { times: 1 }, { errorCode: 189 });
    await insert(21, 30);
    await failCommand(client, ['getMore'], { errorCode: 43 });
    await insert(31, 40);
    assert.deepEqual(
      keys(await events),
      Array.from({ length: 40 }, (_, n) => n + 1),
    );
    assert.equal(await failPoint(client, 'failCommand', 'off'), 2);
    await stream.close();
  });
});
