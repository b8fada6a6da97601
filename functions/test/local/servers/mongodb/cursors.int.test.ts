import assert from 'node:assert/strict';
import { type Collection, Long } from 'mongodb';
import { manualClock } from '../../../support/clock.ts';
import { until } from '../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture, withServer } from './mongo.fixture.ts';

interface Numbered {
  _id: number;
}

describe('MongoDB server: cursors', () => {
  let fixture: Fixture;
  let items: Collection<Numbered>;

  before(async () => {
    fixture = await startFixture();
    items = fixture.client.db('app').collection<Numbered>('items');
    await items.insertMany(Array.from({ length: 1000 }, (_, _id) => ({ _id })));
  });
  after(() => fixture.close());

  const open = () => fixture.server.stats().cursors;

  it('hands out everything once, in batches of any size', async () => {
    const all = Array.from({ length: 1000 }, (_, n) => n);
    for (const batchSize of [1, 7, 101, 999, 1000, 5000]) {
      assert.deepEqual(
        (await items.find({}, { batchSize }).toArray()).map(({ _id }) => _id),
        all,
      );
    }
    assert.equal(open(), 0);
  });

  it('cuts batches at the size of a message', async () => {
    const large = fixture.client.db('app').collection('large');
    await large.insertMany(Array.from({ length: 40 }, () => ({ text: 'x'.repeat(1024 * 1024) })));
    const cursor = large.find({}, { batchSize: 1000 });
    await cursor.next();
    assert.ok(cursor.bufferedCount() < 20);
    assert.equal((await cursor.toArray()).length, 39);
    await large.drop();
  });

  it('opens none for a single batch or a batch that holds everything', async () => {
    const reply = await fixture.client.db('app').command({ find: 'items', batchSize: 5, singleBatch: true });
    assert.deepEqual([reply.cursor.firstBatch.length, Number(reply.cursor.id)], [5, 0]);
    assert.equal(Number((await fixture.client.db('app').command({ find: 'items', limit: 5 })).cursor.id), 0);
    assert.equal(open(), 0);
  });

  it('frees a cursor that is closed early', async () => {
    const cursor = items.find({}, { batchSize: 2 });
    await cursor.next();
    assert.equal(open(), 1);
    await cursor.close();
    await until(() => open() === 0, 'the cursor is gone');
  });

  it('frees the cursors of a session that ends', async () => {
    const session = fixture.client.startSession();
    const lsid = session.id;
    const cursor = items.find({}, { batchSize: 2, session });
    await cursor.next();
    assert.equal(open(), 1);
    await fixture.client.db('admin').command({ killSessions: [lsid] });
    assert.equal(open(), 0);
    await cursor.close();
    await session.endSession();
  });

  it('answers 43 for a cursor that is not there, and says which it killed', async () => {
    const error = await rejectsWithCode(
      fixture.client.db('app').command({ getMore: Long.fromNumber(4711), collection: 'items' }),
      43,
    );
    assert.equal(error.codeName, 'CursorNotFound');
    const reply = await fixture.client.db('app').command({ killCursors: 'items', cursors: [Long.fromNumber(4711)] });
    assert.deepEqual(reply.cursorsNotFound.map(Number), [4711]);
  });

  it('does not let one collection read the cursor of another', async () => {
    const cursor = await fixture.client.db('app').command({ find: 'items', batchSize: 2 });
    await rejectsWithCode(
      fixture.client.db('app').command({ getMore: Long.fromString(String(cursor.cursor.id)), collection: 'others' }),
      13,
    );
    await fixture.client
      .db('app')
      .command({ killCursors: 'items', cursors: [Long.fromString(String(cursor.cursor.id))] });
    assert.equal(open(), 0);
  });

  it('closes cursors and ends sessions that nobody has used for long', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        const collection = client.db('app').collection('items');
        await collection.insertMany(Array.from({ length: 10 }, () => ({})));
        const forgotten = collection.find({}, { batchSize: 2 });
        await forgotten.next();
        clock.advance(11 * 60_000);
        const fresh = collection.find({}, { batchSize: 2 });
        await fresh.next();
        assert.equal(server.stats().cursors, 1);
        await fresh.close();
        await forgotten.close();
        clock.advance(31 * 60_000);
        await client.db('admin').command({ ping: 1 });
        assert.ok(server.stats().sessions <= 1);
      },
      { clock },
    );
  });

  it('goes on while documents come and go', async () => {
    const churn = fixture.client.db('app').collection<Numbered>('churn');
    await churn.insertMany(Array.from({ length: 200 }, (_, _id) => ({ _id })));
    const seen: number[] = [];
    for await (const { _id } of churn.find({}, { batchSize: 10 })) {
      seen.push(_id);
      await churn.deleteOne({ _id });
      if (_id < 50) await churn.deleteOne({ _id: _id + 100 });
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(await churn.countDocuments(), 0);
  });
});
