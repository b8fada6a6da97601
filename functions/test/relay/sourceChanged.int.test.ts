import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { FieldValue } from 'firebase-admin/firestore';
import { MongoClient, ObjectId } from 'mongodb';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { systemClock } from '../../src/clock.ts';
import { adoptSource } from '../../src/relay/adopt.ts';
import { connectSource, type ProjectDocument } from '../../src/source/connect.ts';
import { until } from '../support/until.ts';
import { retryContext } from './fixtures/doubles.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I8: a MongoDB that is not the one that the place belongs to is not followed, until a person says so.
describe('relay: another MongoDB under the same names', () => {
  let fixture: RelayFixture;
  const others: MongoServer[] = [];

  beforeEach(async () => {
    fixture = await startRelayFixture();
  });
  afterEach(async () => {
    await fixture.close();
    for (const other of others.splice(0)) await other.close();
  });

  const insert = (name: string) => fixture.projects.insertOne({ _id: new ObjectId(), name });
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const reasons = () =>
    fixture.topics.reconciliationRequests.messages.map(({ data }) => JSON.parse(data.toString()).reason);

  /** Another cluster with a collection of the same name, in which a project was just changed. */
  async function otherCluster(replicaSet: string) {
    const other = await startMongoServer({ replicaSet });
    others.push(other);
    const client = await new MongoClient(other.uri).connect();
    const { database, collection } = fixture.config.source;
    const projects = client.db(database).collection<ProjectDocument>(collection);
    await projects.insertOne({ _id: new ObjectId(), name: 'elsewhere' });
    // The newest operation of a cluster belongs to the present, from which an adopted source is followed.
    await client.db(database).collection('others').insertOne({ n: 1 });
    return { uri: other.uri, projects, close: () => client.close() };
  }

  for (const replicaSet of ['rs0', 'another-set']) {
    it(`stops with an alarm before it publishes anything (replica set ${replicaSet}), and goes on when a person adopts it`, async () => {
      const first = await fixture.reading();
      await insert('a');
      // The collection came into being with its first project.
      await fixture.untilRecord(({ checkpoint }) => typeof checkpoint.source?.uuid === 'string');
      await first.stop();
      const before = await fixture.record();
      const other = await otherCluster(replicaSet);
      for (let run = 0; run < 2; run += 1) {
        const relay = await fixture.start({ uri: other.uri });
        await assert.rejects(relay.outcome, /MongoDB is another one .* relay -- --adopt/);
        assert.deepEqual(relay.log.alarms(), ['source-changed']);
      }
      assert.deepEqual(names(), ['a']);
      const stopped = await fixture.record();
      assert.deepEqual(stopped.checkpoint, before.checkpoint);
      assert.equal(stopped.lease.holder, null);

      const source = await connectSource(other.uri, fixture.config);
      const adoption = await adoptSource({
        ...retryContext(systemClock),
        source,
        firestore: fixture.firestore,
        config: fixture.config,
        holder: randomUUID(),
        signal: new AbortController().signal,
      });
      await source.close();
      assert.equal(adoption.kind, 'adopted');
      const relay = await fixture.reading({ uri: other.uri });
      await other.projects.insertOne({ _id: new ObjectId(), name: 'b' });
      await until(() => names().length === 2);
      assert.deepEqual(names(), ['a', 'b']);
      assert.deepEqual(relay.log.alarms(), []);
      await until(() => reasons().includes('source-adopted'));
      await other.close();
    });
  }

  it('is no other one after the collection was dropped and made again in the same cluster', async () => {
    const first = await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    await first.stop();
    await fixture.projects.drop();
    await insert('b');
    const second = await fixture.reading();
    await until(() => names().length === 2);
    assert.deepEqual(second.log.alarms(), ['source-invalidated']);
    await second.stop();
    const third = await fixture.reading();
    await insert('c');
    await until(() => names().length === 3);
    assert.deepEqual(third.log.alarms(), []);
  });

  it('is not looked for in a record of the first release, which takes on the source that is there', async () => {
    await (await fixture.reading()).stop();
    await fixture.ref.update({ source: FieldValue.delete(), runsWithoutProgress: FieldValue.delete() });
    const relay = await fixture.reading();
    const { checkpoint } = await fixture.untilRecord((record) => record.checkpoint.source !== null);
    assert.equal(checkpoint.source?.replicaSet, 'rs0');
    assert.deepEqual(relay.log.alarms(), []);
  });

  // `$out` onto a collection is such a rename: https://www.mongodb.com/docs/manual/reference/operator/aggregation/out/
  it('asks for a reconciliation when another collection was renamed onto this one', async () => {
    await insert('a');
    const relay = await fixture.reading();
    const staging = fixture.client.db('collaboration').collection('staging');
    await staging.insertOne({ name: 'restored' });
    await until(() => reasons().length === 1);
    await staging.rename('projects', { dropTarget: true });
    await until(() => reasons().length === 2);
    assert.deepEqual(reasons(), ['first-start', 'source-invalidated']);
    assert.deepEqual(relay.log.alarms(), ['source-invalidated']);
    await insert('b');
    await until(() => names().includes('b'));
  });
});
