import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import type { Config } from '../../src/config/defineConfig.ts';
import { failCommand, failPoint } from '../support/failPoint.ts';
import { until } from '../support/until.ts';
import { type NetworkProxy, startProxy } from './fixtures/proxy.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// I11: one change that cannot be read stops neither its neighbours nor its successors, and I7: it is not swallowed.
describe('relay: changes that cannot be read', () => {
  /** BSONObjectTooLarge: the change, as the pipeline leaves it, has more than 16 MB. */
  const tooLarge = 10334;
  /** What a regular expression of the pipeline answers to text that is no UTF-8. */
  const regexFailed = 51156;
  let fixture: RelayFixture;
  let proxy: NetworkProxy | undefined;

  beforeEach(async () => {
    fixture = await startRelayFixture();
    // A place to start from.
    await (await fixture.reading()).stop();
    fixture.topics.reconciliationRequests.messages.length = 0;
  });
  afterEach(async () => {
    await fixture.close();
    await proxy?.close();
    proxy = undefined;
  });

  const failing = (commands: string[], errorCode: number, times = 1) =>
    failCommand(fixture.client, commands, { errorCode }, { times });
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const insert = async (name: string): Promise<string> => {
    const _id = new ObjectId();
    await fixture.projects.insertOne({ _id, name });
    return _id.toHexString();
  };

  for (const code of [tooLarge, regexFailed]) {
    it(`fetches small what MongoDB cannot send (${code})`, async () => {
      const id = await insert('large');
      await insert('next');
      await failing(['aggregate'], code);
      await fixture.reading();
      await until(() => names().length === 2);
      assert.deepEqual(
        fixture.events().map(({ type, projectId, changes }) => [type, projectId === id, changes.name]),
        [
          ['ProjectCreated', true, 'large'],
          ['ProjectCreated', false, 'next'],
        ],
      );
      assert.deepEqual(fixture.topics.deadLetters.messages, []);
    });
  }

  it('fetches small a deletion and a rename as well', async () => {
    const { insertedId } = await fixture.projects.insertOne({ _id: new ObjectId(), name: 'a' });
    const relay = await fixture.reading();
    await until(() => names().length === 1);
    await relay.stop();
    await fixture.projects.updateOne({ _id: insertedId }, { $set: { name: 'b' } });
    await failing(['aggregate'], tooLarge);
    const second = await fixture.reading();
    await until(() => names().length === 2);
    await second.stop();
    await fixture.projects.deleteOne({ _id: insertedId });
    await failing(['aggregate'], tooLarge);
    await fixture.reading();
    await until(() => names().length === 3);
    assert.deepEqual(
      fixture.events().map(({ type, changes }) => [type, changes.name]),
      [
        ['ProjectCreated', 'a'],
        ['ProjectUpdated', 'b'],
        ['ProjectDeleted', undefined],
      ],
    );
  });

  it('skips what it cannot look up either, with an alarm, a dead letter and a reconciliation of that project', async () => {
    await insert('before');
    const id = await insert('broken');
    await insert('next');
    // The first change comes with the opening; the batch with the second one cannot be sent, nor can that project.
    await failPoint(fixture.client, 'failGetMoreAfterCursorCheckout', { times: 1 }, { errorCode: tooLarge });
    await failing(['find'], tooLarge);
    const relay = await fixture.reading({ limits: { batchSize: 1 } });
    await until(() => names().length === 2);
    await until(() => fixture.topics.reconciliationRequests.messages.length === 1);
    assert.deepEqual(names(), ['before', 'next']);
    assert.deepEqual(relay.log.alarms(), ['change-unreadable']);
    assert.equal(fixture.topics.deadLetters.messages[0]?.attributes.reason, 'unreadable-change');
    const [request] = fixture.topics.reconciliationRequests.messages;
    assert.deepEqual(JSON.parse(String(request?.data)), {
      reason: 'change-unreadable',
      mode: 'clean',
      projectIds: [id],
    });
    await fixture.untilRecord(({ checkpoint }) => checkpoint.last !== null);
    const outcome = await relay.stop();
    assert.deepEqual([outcome.published, outcome.deadLettered, outcome.unpublished], [2, 1, 0]);
  });

  it('skips what not even names its project, with a reconciliation of all', async () => {
    await insert('broken');
    await insert('next');
    await failing(['aggregate'], tooLarge, 2);
    const relay = await fixture.reading();
    await until(() => names().length === 1);
    assert.deepEqual(names(), ['next']);
    assert.deepEqual(relay.log.alarms(), ['change-unreadable']);
    const [request] = fixture.topics.reconciliationRequests.messages;
    assert.deepEqual(JSON.parse(String(request?.data)), { reason: 'change-unreadable' });
  });

  /** A configuration that makes dealing with changes fail so often, as a defect of ours would. */
  const failingConfig = (times: number): Config => {
    let left = times;
    const { service, ...source } = fixture.config.source;
    return {
      ...fixture.config,
      source: {
        ...source,
        get service() {
          left -= 1;
          if (left >= 0) throw new RangeError('a value that nobody thought of');
          return service;
        },
      },
    };
  };

  it('fetches small what it fails to make an event of, and passes nothing by', async () => {
    await insert('odd');
    await insert('next');
    await fixture.reading({ config: failingConfig(1) });
    await until(() => names().length === 2);
    assert.deepEqual(names(), ['odd', 'next']);
    assert.deepEqual(fixture.topics.deadLetters.messages, []);
  });

  it('skips what it fails to make any event of, with an alarm and a dead letter', async () => {
    await insert('odd');
    await insert('next');
    const relay = await fixture.reading({ config: failingConfig(2) });
    await until(() => names().length === 1 && fixture.topics.deadLetters.messages.length === 1);
    assert.deepEqual(names(), ['next']);
    assert.deepEqual(relay.log.alarms(), ['change-unreadable']);
  });

  it('does not take for unreadable what fails without a change', async () => {
    await failing(['aggregate'], 40324, 3);
    const relay = await fixture.start();
    await assert.rejects(relay.outcome, { code: 40324 });
    assert.deepEqual(relay.log.alarms(), []);
    assert.deepEqual(fixture.topics.deadLetters.messages, []);
  });

  it('dead-letters an _id that looks like a type of the driver, as no project has', async () => {
    proxy = await startProxy(fixture.mongo.port);
    // So other versions of the driver store an ObjectId that they do not know for one.
    proxy.patch(Buffer.from('_bsontyp~'), Buffer.from('_bsontype'));
    const relay = await fixture.reading({ uri: fixture.uri(proxy.port) });
    const { database, collection } = fixture.config.source;
    const projects = fixture.client.db(database).collection<{ _id: object; name: string }>(collection);
    await projects.insertOne({ _id: { '_bsontyp~': 'ObjectID', id: 'x' }, name: 'odd' });
    await insert('next');
    await Promise.race([relay.outcome, until(() => names().length === 1)]);
    await until(() => fixture.topics.deadLetters.messages.length === 1);
    const [letter] = fixture.topics.deadLetters.messages;
    assert.equal(letter?.attributes.reason, 'project-id');
    assert.deepEqual(JSON.parse(String(letter?.data)).documentKey, { _id: { _bsontype: 'ObjectID', id: 'x' } });
  });

  it('reads text that is no UTF-8 with replacements, and reports it', async () => {
    proxy = await startProxy(fixture.mongo.port);
    proxy.patch(Buffer.from('Bad~name'), Buffer.from('Bad\xffname', 'latin1'));
    const relay = await fixture.reading({ uri: fixture.uri(proxy.port) });
    await insert('Bad~name');
    await insert('next');
    await until(() => names().length === 2);
    assert.deepEqual(names(), ['Bad\ufffdname', 'next']);
    const [warning] = relay.log.lines.filter(({ message }) => message.includes('U+FFFD'));
    assert.deepEqual(warning?.fields.fields, ['name']);
  });
});
