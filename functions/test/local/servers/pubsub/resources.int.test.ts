import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { PubSub } from '@google-cloud/pubsub';
import { startPubSubServer } from '../../../../local/servers/pubsub/server.ts';
import { until } from '../../../support/until.ts';
import { type PubSubFixture, projectId, startFixture } from './fixture.ts';

/** gRPC status numbers, as the client reports them. */
const invalidArgument = 3;
const notFound = 5;
const alreadyExists = 6;
const failedPrecondition = 9;
const unimplemented = 12;

const project = `projects/${projectId}`;

describe('pubsub server: topics and subscriptions', () => {
  let fixture: PubSubFixture;
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(() => fixture.close());

  it('is found through PUBSUB_EMULATOR_HOST', async () => {
    const before = process.env.PUBSUB_EMULATOR_HOST;
    process.env.PUBSUB_EMULATOR_HOST = fixture.server.host;
    const client = new PubSub({ projectId });
    try {
      await client.createTopic('by-variable');
      const [topics] = await fixture.pubsub.getTopics();
      assert.deepEqual(
        topics.map(({ name }) => name),
        [`projects/${projectId}/topics/by-variable`],
      );
    } finally {
      await client.close();
      if (before === undefined) delete process.env.PUBSUB_EMULATOR_HOST;
      else process.env.PUBSUB_EMULATOR_HOST = before;
    }
  });

  it('rejects with EADDRINUSE when its port is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    assert.ok(address && typeof address === 'object');
    try {
      await assert.rejects(startPubSubServer({ port: address.port }), { code: 'EADDRINUSE' });
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  it('creates, reads, lists, updates and deletes a topic', async () => {
    const [topic] = await fixture.pubsub.createTopic({
      name: 'events',
      labels: { team: 'sync' },
      messageRetentionDuration: { seconds: 3600 },
    });
    const [metadata] = await topic.getMetadata();
    assert.equal(metadata.name, `projects/${projectId}/topics/events`);
    assert.deepEqual(metadata.labels, { team: 'sync' });
    assert.equal(Number(metadata.messageRetentionDuration?.seconds), 3600);
    await topic.setMetadata({ labels: { team: 'other' } });
    assert.deepEqual((await topic.getMetadata())[0].labels, { team: 'other' });
    assert.equal((await fixture.pubsub.getTopics())[0].length, 1);
    await topic.delete();
    await assert.rejects(topic.getMetadata(), {
      code: notFound,
      details: 'Resource not found (resource=events).',
    });
  });

  it('lists in pages', async () => {
    for (const name of ['topic-c', 'topic-a', 'topic-b']) await fixture.pubsub.createTopic(name);
    const [first, next] = await fixture.pubsub.getTopics({ pageSize: 2, autoPaginate: false });
    assert.deepEqual(
      first.map(({ name }) => name.split('/').at(-1)),
      ['topic-a', 'topic-b'],
    );
    assert.ok(next);
    const [second] = await fixture.pubsub.getTopics({ ...next, autoPaginate: false });
    assert.deepEqual(
      second.map(({ name }) => name.split('/').at(-1)),
      ['topic-c'],
    );
    assert.equal((await fixture.pubsub.getTopics())[0].length, 3);
  });

  it('words its refusals as production does', async () => {
    await fixture.pubsub.createTopic('events');
    await assert.rejects(fixture.pubsub.createTopic('events'), {
      code: alreadyExists,
      details: 'Resource already exists in the project (resource=events).',
    });
    await assert.rejects(fixture.pubsub.createTopic('a!'), {
      code: invalidArgument,
      details: `Invalid resource name given (name=projects/${projectId}/topics/a!). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
    });
    await assert.rejects(fixture.pubsub.createTopic('goog-events'), { code: invalidArgument });
    await assert.rejects(fixture.pubsub.topic('absent').createSubscription('some-sub'), {
      code: notFound,
      details: 'Resource not found (resource=absent).',
    });
    await assert.rejects(fixture.pubsub.subscription('absent').delete(), { code: notFound });
  });

  it('creates, reads, lists, updates and deletes a subscription, with the service defaults', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    const [metadata] = await subscription.getMetadata();
    assert.equal(metadata.topic, topic.name);
    assert.equal(metadata.ackDeadlineSeconds, 10);
    assert.equal(Number(metadata.messageRetentionDuration?.seconds), 7 * 24 * 60 * 60);
    assert.equal(Number(metadata.expirationPolicy?.ttl?.seconds), 31 * 24 * 60 * 60);
    await subscription.setMetadata({ ackDeadlineSeconds: 30, labels: { a: 'b' } });
    const [changed] = await subscription.getMetadata();
    assert.equal(changed.ackDeadlineSeconds, 30);
    assert.deepEqual(changed.labels, { a: 'b' });
    assert.deepEqual(
      (await topic.getSubscriptions())[0].map(({ name }) => name),
      [subscription.name],
    );
    assert.equal((await fixture.pubsub.getSubscriptions())[0].length, 1);
    await subscription.delete();
    assert.deepEqual(await subscription.exists(), [false]);
  });

  it('keeps a subscription whose topic was deleted, and shows that', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await topic.publishMessage({ data: Buffer.from('kept') });
    await topic.delete();
    assert.equal((await subscription.getMetadata())[0].topic, '_deleted-topic_');
    assert.deepEqual(
      (await fixture.pullNow(subscription)).map(({ text }) => text),
      ['kept'],
    );
  });

  it('refuses settings out of range', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    const refused = async (options: Parameters<typeof topic.createSubscription>[1]) =>
      assert.rejects(topic.createSubscription('another-sub', options), { code: invalidArgument });
    await refused({ ackDeadlineSeconds: 5 });
    await refused({ ackDeadlineSeconds: 601 });
    await refused({ messageRetentionDuration: { seconds: 60 } });
    await refused({ deadLetterPolicy: { deadLetterTopic: topic.name, maxDeliveryAttempts: 4 } });
    await refused({ retryPolicy: { minimumBackoff: { seconds: 20 }, maximumBackoff: { seconds: 10 } } });
    await refused({ filter: 'attributes.type ~ "x"' });
    await refused({ pushConfig: { pushEndpoint: 'ftp://example.com' } });
    await assert.rejects(subscription.setMetadata({ filter: 'attributes:x' }), { code: invalidArgument });
  });

  it('shows a pull subscription with an empty push configuration', async () => {
    const [, subscription] = await fixture.topicAndSubscription();
    const [metadata] = await subscription.getMetadata();
    assert.deepEqual({ ...metadata.pushConfig }, { pushEndpoint: '', attributes: {} });
  });

  it('expires a subscription after a day at the earliest, or never', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ expirationPolicy: {} });
    assert.equal((await subscription.getMetadata())[0].expirationPolicy?.ttl, null);
    await assert.rejects(
      topic.createSubscription('brief-sub', { expirationPolicy: { ttl: { seconds: 86_399 } } }),
      (error: { code?: unknown; details?: unknown }) =>
        error.code === invalidArgument && /at least one day/.test(String(error.details)),
    );
    await topic.createSubscription('daily-sub', { expirationPolicy: { ttl: { seconds: 86_400 } } });
  });

  it('updates where messages of a topic may be stored', async () => {
    const [topic] = await fixture.topicAndSubscription();
    const messageStoragePolicy = { allowedPersistenceRegions: ['europe-west1'], enforceInTransit: false };
    await topic.setMetadata({ messageStoragePolicy });
    assert.deepEqual({ ...(await topic.getMetadata())[0].messageStoragePolicy }, messageStoragePolicy);
  });

  it('shows a dead-letter topic that was deleted, and goes on without', async () => {
    const [dead] = await fixture.pubsub.createTopic('dead-letters');
    const [topic, subscription] = await fixture.topicAndSubscription({
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
    });
    await dead.delete();
    assert.equal((await subscription.getMetadata())[0].deadLetterPolicy?.deadLetterTopic, '_deleted-topic_');
    await subscription.setMetadata({ ackDeadlineSeconds: 20 });
    await topic.publishMessage({ data: Buffer.from('one') });
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      const [pulled] = await fixture.pullNow(subscription);
      assert.equal(pulled?.attempt, attempt);
      await fixture.subscriber.modifyAckDeadline({
        subscription: subscription.name,
        ackIds: [pulled?.ackId ?? ''],
        ackDeadlineSeconds: 0,
      });
    }
  });

  it('detaches a subscription: it drops its messages, and nothing reaches it any more', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await topic.publishMessage({ data: Buffer.from('dropped') });
    const failed = new Promise<{ code?: unknown }>((resolve) => {
      const listening = fixture.pubsub.subscription('events-sub').on('error', resolve);
      listening.on('message', () => {});
    });
    assert.deepEqual(await subscription.detached(), [false]);
    await until(() => fixture.server.stats()[subscription.name]?.delivered === 1);
    await fixture.pubsub.detachSubscription('events-sub');
    assert.equal((await failed).code, failedPrecondition);
    assert.deepEqual(await subscription.detached(), [true]);
    await topic.publishMessage({ data: Buffer.from('missed') });
    await assert.rejects(fixture.pullNow(subscription), { code: failedPrecondition });
    await assert.rejects(subscription.seek(new Date(0)), { code: failedPrecondition });
    assert.deepEqual((await topic.getSubscriptions())[0], []);
    assert.equal(fixture.server.backlog('events-sub'), 0);
    assert.equal((await subscription.getMetadata())[0].topic, topic.name);
  });

  it('has no schemas and no snapshots to list', async () => {
    const schemas: unknown[] = [];
    for await (const schema of fixture.pubsub.listSchemas()) schemas.push(schema);
    assert.deepEqual(schemas, []);
    assert.deepEqual((await fixture.pubsub.getSnapshots())[0], []);
  });
});

describe('pubsub server: what it does not offer, it refuses by name', () => {
  let fixture: PubSubFixture;
  before(async () => {
    fixture = await startFixture();
    await fixture.topicAndSubscription();
  });
  after(() => fixture.close());

  const topic = () => fixture.pubsub.topic('events');
  const createTopic = (options: object) =>
    fixture.publisher.createTopic({ name: `${project}/topics/other`, ...options });
  const createSubscription = (options: object) =>
    fixture.subscriber.createSubscription({
      name: `${project}/subscriptions/other`,
      topic: `${project}/topics/events`,
      ...options,
    });
  const pushConfig = { pushEndpoint: 'http://localhost/' };
  const code = 'function f(message) { return message; }';
  const messageTransforms = [{ javascriptUdf: { functionName: 'f', code } }];

  /** The words of the README's list, and a call for each. */
  const refused: Record<string, () => Promise<unknown>> = {
    'schemas: createSchema': () => fixture.pubsub.createSchema('schema-1', 'AVRO', '{}'),
    'schemas: getSchema': () => fixture.pubsub.schema('schema-1').get(),
    'schemas: validateSchema': () => fixture.pubsub.validateSchema({ type: 'AVRO', definition: '{}' }),
    'topics with a schema': () => createTopic({ schemaSettings: { schema: 'schema-1', encoding: 'JSON' } }),
    'topics that ingest from another source': () =>
      createTopic({ ingestionDataSourceSettings: { cloudStorage: { bucket: 'b', textFormat: {} } } }),
    'topics with message transforms': () => createTopic({ messageTransforms }),
    'topics with an encryption key of the customer': () => createTopic({ kmsKeyName: 'projects/p/keys/k' }),
    'topics with tags': () => createTopic({ tags: { '123/environment': 'test' } }),
    'subscriptions with tags': () => createSubscription({ tags: { '123/environment': 'test' } }),
    'snapshots with tags': () =>
      fixture.subscriber.createSnapshot({
        name: `${project}/snapshots/other`,
        subscription: `${project}/subscriptions/events-sub`,
        tags: { '123/environment': 'test' },
      }),
    'subscriptions that write to BigQuery': () => createSubscription({ bigqueryConfig: { table: 'p.d.t' } }),
    'subscriptions that write to Cloud Storage': () => createSubscription({ cloudStorageConfig: { bucket: 'b' } }),
    'subscriptions that write to Bigtable': () => createSubscription({ bigtableConfig: { table: 't' } }),
    'subscriptions with message transforms': () => createSubscription({ messageTransforms }),
    'push without the JSON wrapper': () => createSubscription({ pushConfig: { ...pushConfig, noWrapper: {} } }),
    'push attributes other than x-goog-version=v1': () =>
      createSubscription({ pushConfig: { ...pushConfig, attributes: { 'x-goog-version': 'v1beta1' } } }),
    'access policies: getPolicy': () => topic().iam.getPolicy(),
    'access policies: setPolicy': () => topic().iam.setPolicy({ bindings: [] }),
    'access policies: testPermissions': () => topic().iam.testPermissions('pubsub.topics.publish'),
  };
  for (const [what, call] of Object.entries(refused)) {
    it(what, () =>
      assert.rejects(call(), { code: unimplemented, details: /the local Pub\/Sub server does not offer this/ }),
    );
  }

  it('is what the README lists, and nothing else', async () => {
    const readme = await readFile(new URL('../../../../local/servers/pubsub/README.md', import.meta.url), 'utf8');
    const [, section = ''] = /## Not offered\n([^#]*)/.exec(readme) ?? [];
    const listed = [...section.matchAll(/^- (.*)$/gm)].map(([, item]) => item);
    const tested = [...new Set(Object.keys(refused).map((what) => what.split(':')[0]))];
    assert.deepEqual(listed.sort(), tested.sort());
  });
});
