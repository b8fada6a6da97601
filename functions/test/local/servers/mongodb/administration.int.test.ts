import assert from 'node:assert/strict';
import { type Db, type Document, MongoClient } from 'mongodb';
import { manualClock } from '../../../support/clock.ts';
import { failCommand } from '../../../support/failPoint.ts';
import { until } from '../../../support/until.ts';
import { type Fixture, rejectsWithCode, startFixture, take, watch, withServer } from './mongo.fixture.ts';

// What operators and `mongosh` ask of a server: each `rs.` and `db.` method is a command or two.
describe('MongoDB server: administration', () => {
  let fixture: Fixture;
  let admin: Db;

  beforeEach(async () => {
    fixture = await startFixture();
    admin = fixture.client.db('admin');
  });
  afterEach(() => fixture.close());

  it('tells its configuration (rs.conf)', async () => {
    const { config } = await admin.command({ replSetGetConfig: 1 });
    const [member, ...others] = config.members;
    const host = `127.0.0.1:${fixture.server.port}`;
    assert.deepEqual([config._id, config.version, member.host, member.votes], ['rs0', 1, host, 1]);
    assert.equal(others.length, 0);
    const { members } = await admin.command({ replSetGetStatus: 1 });
    assert.deepEqual([members[0].name, members[0].stateStr], [host, 'PRIMARY']);
  });

  it('tells how far the log reaches (rs.printReplicationInfo)', async () => {
    const local = fixture.client.db('local');
    const names = await local.listCollections({}, { nameOnly: true }).toArray();
    assert.deepEqual(
      names.map(({ name }) => name),
      ['oplog.rs'],
    );
    const log = local.collection('oplog.rs');
    const empty = await log.find().toArray();
    assert.deepEqual(
      empty.map(({ op }) => op),
      ['n'],
    );
    await fixture.client
      .db('app')
      .collection('items')
      .insertMany([{ a: 1 }, { a: 2 }]);
    const [stats] = await log.aggregate([{ $collStats: { storageStats: {} } }]).toArray();
    assert.ok(stats?.storageStats.capped && stats.storageStats.maxSize > 0 && stats.storageStats.size > 0);
    const [first] = await log.find().sort({ $natural: 1 }).limit(1).toArray();
    const [last] = await log.find().sort({ $natural: -1 }).limit(1).toArray();
    assert.deepEqual([first?.op, last?.op, last?.ns], ['c', 'i', 'app.items']);
    assert.ok(last?.ts.greaterThan(first?.ts) && last?.ts.equals(fixture.server.clusterTime));
    assert.equal(await log.countDocuments({ ns: 'app.items', op: 'i' }), 2);
  });

  it('knows no replica set where it is alone', () =>
    withServer(
      async ({ client }) => {
        for (const command of [{ replSetGetConfig: 1 }, { replSetGetStatus: 1 }, { replSetStepDown: 1, force: true }]) {
          await rejectsWithCode(client.db('admin').command(command), 76);
        }
      },
      { replicaSet: null },
    ));

  it('steps down when it is forced, for as long as it is told, and goes on afterwards', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        await rejectsWithCode(client.db('admin').command({ replSetStepDown: 60 }), 262);
        await rejectsWithCode(client.db('admin').command({ replSetStepDown: 0, force: true }), 2);
        await client.db('admin').command({ replSetStepDown: 60, force: true });
        const direct = new MongoClient(`mongodb://127.0.0.1:${server.port}/?directConnection=true`);
        await rejectsWithCode(direct.db('app').collection('items').findOne(), 10107);
        clock.advance(60_000);
        assert.equal(await direct.db('app').collection('items').findOne(), null);
        await direct.close();
      },
      { clock },
    );
  });

  it('shows what is running, and ends it (db.currentOp, db.killOp)', async () => {
    const client = new MongoClient(fixture.server.uri, { appName: 'slow', retryReads: false });
    await failCommand(fixture.client, ['find'], { blockConnection: true, blockTimeMS: 3_600_000 });
    const slow = client.db('app').collection('items').findOne({ a: 1 });
    const killed = rejectsWithCode(slow, 11601);
    const running = async (): Promise<Document[]> =>
      (await admin.command({ currentOp: 1, appName: 'slow', op: 'query' })).inprog;
    await until(async () => (await running()).length === 1);
    const [operation] = await running();
    assert.deepEqual([operation?.ns, operation?.active, operation?.command.filter], ['app.items', true, { a: 1 }]);
    const staged = await admin
      .aggregate([{ $currentOp: { allUsers: true } }, { $match: { opid: operation?.opid } }])
      .toArray();
    assert.equal(staged.length, 1);
    await admin.command({ killOp: 1, op: operation?.opid });
    assert.equal((await killed).codeName, 'Interrupted');
    assert.deepEqual(await running(), []);
    await client.close();
  });

  it('ends a change stream that waits for events, whose cursor is gone then', async () => {
    const stream = watch(fixture.client.db('app').collection('items'), [], { maxAwaitTimeMS: 3_600_000 });
    const waiting = stream.next();
    const ended = rejectsWithCode(waiting, 11601);
    const getMores = async (): Promise<Document[]> => (await admin.command({ currentOp: 1, op: 'getmore' })).inprog;
    await until(async () => (await getMores()).length === 1);
    await admin.command({ killOp: 1, op: (await getMores())[0]?.opid });
    await ended;
    assert.equal(fixture.server.stats().cursors, 0);
    await stream.close();
  });

  it('shows a user only what is its own, unless it may see more', () =>
    withServer(
      async ({ client, server }) => {
        const someone = { user: 'someone', password: 'x' };
        await client.db('admin').command({ createUser: someone.user, pwd: someone.password, roles: [] });
        const own = new MongoClient(server.uriOf(someone));
        await rejectsWithCode(own.db('admin').command({ currentOp: 1 }), 13);
        const { inprog } = await own.db('admin').command({ currentOp: 1, $ownOps: true });
        assert.deepEqual(
          inprog.map((operation: Document) => operation.effectiveUsers),
          [[{ user: 'someone', db: 'admin' }]],
        );
        await rejectsWithCode(own.db('admin').command({ killOp: 1, op: 1 }), 13);
        await own.close();
      },
      { auth: { user: 'root', password: 'root' } },
    ));

  it('forgets pre-images after the time that is set for that', async () => {
    const clock = manualClock();
    await withServer(
      async ({ client, server }) => {
        const changeStreamOptions = { preAndPostImages: { expireAfterSeconds: 60 } };
        await client.db('admin').command({ setClusterParameter: { changeStreamOptions } });
        const { clusterParameters } = await client.db('admin').command({ getClusterParameter: 'changeStreamOptions' });
        assert.deepEqual(clusterParameters, [{ _id: 'changeStreamOptions', ...changeStreamOptions }]);
        const db = client.db('app');
        const items = await db.createCollection<{ _id: number }>('items', {
          changeStreamPreAndPostImages: { enabled: true },
        });
        await items.insertMany([{ _id: 1 }, { _id: 2 }]);
        const startAtOperationTime = server.clusterTime;
        await items.deleteOne({ _id: 1 });
        clock.advance(61_000);
        await items.deleteOne({ _id: 2 });
        const pipeline = [{ $match: { operationType: 'delete' } }];
        const stream = watch(items, pipeline, { startAtOperationTime, fullDocumentBeforeChange: 'whenAvailable' });
        const events: Document[] = await take(stream, 2);
        assert.deepEqual(
          events.map((event) => event.fullDocumentBeforeChange),
          [null, { _id: 2 }],
        );
        await stream.close();
      },
      { clock },
    );
  });

  describe('explain', () => {
    beforeEach(async () => {
      const items = fixture.client.db('app').collection('items');
      await items.insertMany(Array.from({ length: 100 }, (_, n) => ({ n, odd: n % 2 === 1 })));
      await items.createIndex({ n: 1 });
    });
    const items = () => fixture.client.db('app').collection('items');
    const cost = ({ executionStats }: Document) => [
      executionStats.nReturned,
      executionStats.totalKeysExamined,
      executionStats.totalDocsExamined,
    ];

    it('tells what a query costs: all documents without an index, few with one', async () => {
      const scanned = await items().find({ odd: true }).explain('executionStats');
      assert.deepEqual(cost(scanned), [50, 0, 100]);
      assert.equal(scanned.executionStats.executionStages.stage, 'COLLSCAN');
      const indexed = await items()
        .find({ n: { $gte: 90 }, odd: true })
        .explain('executionStats');
      assert.deepEqual(cost(indexed), [5, 10, 10]);
      const { executionStages } = indexed.executionStats;
      assert.deepEqual([executionStages.stage, executionStages.inputStage.keysExamined], ['FETCH', 10]);
      const limited = await items().find({ odd: true }).sort({ n: 1 }).skip(2).limit(3).explain('executionStats');
      assert.equal(limited.executionStats.nReturned, 3);
      const piped = await items()
        .aggregate([{ $match: { n: { $lt: 10 } } }, { $group: { _id: null } }])
        .explain('executionStats');
      assert.deepEqual(cost(piped), [10, 10, 10]);
    });

    it('tells it of writes too, without writing', async () => {
      const command = { update: 'items', updates: [{ q: { n: { $lt: 5 } }, u: { $set: { odd: null } }, multi: true }] };
      const explained = await fixture.client.db('app').command({ explain: command, verbosity: 'executionStats' });
      assert.deepEqual(cost(explained), [5, 5, 5]);
      assert.equal(await items().countDocuments({ odd: null }), 0);
    });

    it('tells only the plan where that is asked for, and honours a hint', async () => {
      const planned = await items().find({ n: 1 }).hint({ $natural: 1 }).explain('queryPlanner');
      assert.deepEqual([planned.executionStats, planned.queryPlanner.winningPlan.stage], [undefined, 'COLLSCAN']);
      const unknown = fixture.client.db('app').command({ explain: { find: 'items' }, verbosity: 'all' });
      await rejectsWithCode(unknown, 9);
      await rejectsWithCode(fixture.client.db('app').command({ explain: { find: 'items', fitler: {} } }), 40415);
    });
  });
});
