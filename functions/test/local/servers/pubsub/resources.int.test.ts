import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { PubSub } from '@google-cloud/pubsub';
import { startPubSubServer } from '../../../../local/servers/pubsub/server.ts';
import { type PubSubFixture, projectId, startFixture } from './fixture.ts';

/** gRPC status numbers, as the client reports them. */
const invalidArgument = 3;
const notFound = 5;
const alreadyExists = 6;
const unimplemented = 12;

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

  it('says clearly what it does not offer', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await assert.rejects(topic.createSubscription('exact-sub', { enableExactlyOnceDelivery: true }), {
      code: unimplemented,
      details: /Exactly-once delivery/,
    });
    await assert.rejects(subscription.createSnapshot('snapshot-1'), { code: unimplemented, details: /Snapshots/ });
    await assert.rejects(fixture.pubsub.createSchema('schema-1', 'AVRO', '{}'), {
      code: unimplemented,
      details: /Schemas/,
    });
  });
});
