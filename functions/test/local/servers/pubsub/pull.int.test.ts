import assert from 'node:assert/strict';
import type { Topic } from '@google-cloud/pubsub';
import { until } from '../../../support/until.ts';
import { type PubSubFixture, startFixture } from './fixture.ts';

const secondMs = 1000;
const invalidArgument = 3;
const failedPrecondition = 9;

const texts = (pulled: { text: string }[]) => pulled.map(({ text }) => text);

describe('pubsub server: pull, deadlines, backoff, dead letters', () => {
  let fixture: PubSubFixture;
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(() => fixture.close());

  const publish = (topic: Topic, text: string, attributes: Record<string, string> = {}) =>
    topic.publishMessage({ data: Buffer.from(text), attributes });
  const ack = (subscription: string, ackIds: string[]) => fixture.subscriber.acknowledge({ subscription, ackIds });
  const setDeadline = (subscription: string, ackIds: string[], ackDeadlineSeconds: number) =>
    fixture.subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds });

  it('waits for a message, and answers with none after a while', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    const request = { subscription: subscription.name, maxMessages: 10 };
    const waiting = fixture.subscriber.pull(request);
    await publish(topic, 'late');
    const [{ receivedMessages }] = await waiting;
    assert.equal(receivedMessages?.length, 1);
    const inVain = fixture.subscriber.pull(request);
    const timers = fixture.clock.timers();
    await until(() => fixture.clock.timers() > timers);
    fixture.clock.advance(9 * secondMs);
    await ack(subscription.name, [receivedMessages?.[0]?.ackId ?? '']);
    fixture.clock.advance(60 * secondMs);
    assert.deepEqual((await inVain)[0].receivedMessages, []);
  });

  it('delivers again what is not acknowledged before the deadline, and not before', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ ackDeadlineSeconds: 20 });
    await publish(topic, 'one');
    const [first] = await fixture.pullNow(subscription);
    fixture.clock.advance(20 * secondMs - 1);
    assert.deepEqual(await fixture.pullNow(subscription), []);
    fixture.clock.advance(1);
    const [second] = await fixture.pullNow(subscription);
    assert.equal(second?.id, first?.id);
    assert.notEqual(second?.ackId, first?.ackId);
    await ack(subscription.name, [first?.ackId ?? '']);
    assert.equal(fixture.server.backlog('events-sub'), 1, 'an acknowledgement after the deadline counts for nothing');
    await ack(subscription.name, [second?.ackId ?? '']);
    assert.equal(fixture.server.backlog('events-sub'), 0);
    const { delivered, redelivered, expired, acked } = fixture.server.stats()[subscription.name] ?? {};
    assert.deepEqual(
      { delivered, redelivered, expired, acked },
      { delivered: 2, redelivered: 1, expired: 1, acked: 1 },
    );
  });

  it('moves a deadline, and takes 0 as a nack', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await publish(topic, 'one');
    const [first] = await fixture.pullNow(subscription);
    await setDeadline(subscription.name, [first?.ackId ?? ''], 60);
    fixture.clock.advance(59 * secondMs);
    assert.deepEqual(await fixture.pullNow(subscription), []);
    await setDeadline(subscription.name, [first?.ackId ?? ''], 0);
    assert.equal((await fixture.pullNow(subscription)).length, 1);
    await assert.rejects(setDeadline(subscription.name, ['x'], 601), { code: invalidArgument });
  });

  it('backs off exponentially within the limits of the retry policy', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({
      retryPolicy: { minimumBackoff: { seconds: 2 }, maximumBackoff: { seconds: 5 } },
    });
    await publish(topic, 'one');
    for (const backoff of [2, 4, 5, 5]) {
      const [message] = await fixture.pullNow(subscription);
      await setDeadline(subscription.name, [message?.ackId ?? ''], 0);
      fixture.clock.advance(backoff * secondMs - 1);
      assert.deepEqual(await fixture.pullNow(subscription), [], `before ${backoff} s`);
      fixture.clock.advance(1);
    }
    assert.equal((await fixture.pullNow(subscription)).length, 1);
  });

  it('gives the attempt under a dead-letter policy only', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await publish(topic, 'one');
    assert.equal((await fixture.pullNow(subscription))[0]?.attempt, 0);
  });

  it('forwards a message to the dead-letter topic after the last attempt', async () => {
    const [dead] = await fixture.pubsub.createTopic('dead-letters');
    const [deadSubscription] = await dead.createSubscription('dead-letters-sub');
    const [topic, subscription] = await fixture.topicAndSubscription({
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
    });
    await publish(topic, 'poison', { type: 'ProjectDeleted' });
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const [message] = await fixture.pullNow(subscription);
      assert.equal(message?.attempt, attempt);
      await setDeadline(subscription.name, [message?.ackId ?? ''], 0);
    }
    assert.deepEqual(await fixture.pullNow(subscription), []);
    const [letter] = await fixture.pullNow(deadSubscription);
    assert.equal(letter?.text, 'poison');
    assert.equal(letter?.attempt, 0);
    assert.deepEqual(letter?.attributes, {
      type: 'ProjectDeleted',
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
      CloudPubSubDeadLetterSourceSubscription: 'events-sub',
      CloudPubSubDeadLetterSourceSubscriptionProject: 'test-project',
      CloudPubSubDeadLetterSourceTopicPublishTime: '2026-01-01T00:00:00.000+00:00',
    });
    assert.equal(fixture.server.stats()[subscription.name]?.deadLettered, 1);
  });

  it('goes on delivering when the dead-letter topic is gone: nothing is lost', async () => {
    const [dead] = await fixture.pubsub.createTopic('dead-letters');
    const [topic, subscription] = await fixture.topicAndSubscription({
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
    });
    await dead.delete();
    await publish(topic, 'poison');
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      const [message] = await fixture.pullNow(subscription);
      assert.equal(message?.attempt, attempt);
      await setDeadline(subscription.name, [message?.ackId ?? ''], 0);
    }
    assert.equal(fixture.server.backlog('events-sub'), 1);
  });

  it('forgets messages after the retention', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ messageRetentionDuration: { seconds: 600 } });
    await publish(topic, 'old');
    fixture.clock.advance(300 * secondMs);
    await publish(topic, 'newer');
    fixture.clock.advance(300 * secondMs);
    assert.equal(fixture.server.backlog('events-sub'), 1);
    assert.deepEqual(texts(await fixture.pullNow(subscription)), ['newer']);
  });

  it('seeks forward: acknowledges what was published before', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await publish(topic, 'old');
    fixture.clock.advance(secondMs);
    await subscription.seek(new Date(fixture.clock.now()));
    await publish(topic, 'new');
    assert.deepEqual(texts(await fixture.pullNow(subscription)), ['new']);
  });

  it('seeks back to acknowledged messages that the subscription retains', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ retainAckedMessages: true });
    await publish(topic, 'before');
    fixture.clock.advance(secondMs);
    const time = new Date(fixture.clock.now());
    await publish(topic, 'one');
    await publish(topic, 'two');
    const pulled = await fixture.pullNow(subscription);
    await ack(
      subscription.name,
      pulled.map(({ ackId }) => ackId),
    );
    assert.equal(fixture.server.backlog('events-sub'), 0);
    await subscription.seek(time);
    assert.deepEqual(texts(await fixture.pullNow(subscription)), ['one', 'two']);
  });

  it('seeks back to messages that the topic retains, even to those from before the subscription', async () => {
    const [topic] = await fixture.pubsub.createTopic({ name: 'kept', messageRetentionDuration: { seconds: 3600 } });
    const start = new Date(fixture.clock.now());
    await publish(topic, 'early');
    const [subscription] = await topic.createSubscription('kept-sub');
    assert.deepEqual(await fixture.pullNow(subscription), []);
    await subscription.seek(start);
    const early = await fixture.pullNow(subscription);
    assert.deepEqual(texts(early), ['early']);
    await ack(subscription.name, [early[0]?.ackId ?? '']);
    fixture.clock.advance(3600 * secondMs);
    await publish(topic, 'late');
    await subscription.seek(start);
    assert.deepEqual(texts(await fixture.pullNow(subscription)), ['late']);
  });

  it('refuses to pull from a push subscription', async () => {
    const [, subscription] = await fixture.topicAndSubscription({
      pushConfig: { pushEndpoint: 'http://127.0.0.1:9/' },
    });
    await assert.rejects(fixture.pullNow(subscription), { code: failedPrecondition });
  });
});

describe('pubsub server: ordering keys', () => {
  let fixture: PubSubFixture;
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(() => fixture.close());

  async function publishInOrder(topic: Topic, texts: string[], orderingKey: string): Promise<void> {
    await fixture.publisher.publish({
      topic: topic.name,
      messages: texts.map((text) => ({ data: Buffer.from(text), orderingKey })),
    });
  }

  it('delivers a key in order, and to one puller at a time', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ enableMessageOrdering: true });
    await publishInOrder(topic, ['a1', 'a2', 'a3'], 'a');
    await publishInOrder(topic, ['b1'], 'b');
    const first = await fixture.pullNow(subscription, 2);
    assert.deepEqual(texts(first), ['a1', 'b1']);
    assert.deepEqual(await fixture.pullNow(subscription), [], 'a2 has to wait for a1');
    await fixture.subscriber.acknowledge({ subscription: subscription.name, ackIds: first.map(({ ackId }) => ackId) });
    assert.deepEqual(texts(await fixture.pullNow(subscription)), ['a2', 'a3']);
  });

  it('delivers the later messages of a key again with an earlier one, even acknowledged ones', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ enableMessageOrdering: true });
    await publishInOrder(topic, ['a1', 'a2', 'a3'], 'a');
    const [one, two, three] = await fixture.pullNow(subscription);
    await fixture.subscriber.acknowledge({ subscription: subscription.name, ackIds: [two?.ackId ?? ''] });
    await fixture.subscriber.modifyAckDeadline({
      subscription: subscription.name,
      ackIds: [one?.ackId ?? ''],
      ackDeadlineSeconds: 0,
    });
    const again = await fixture.pullNow(subscription);
    assert.deepEqual(texts(again), ['a1', 'a2', 'a3']);
    await fixture.subscriber.acknowledge({ subscription: subscription.name, ackIds: [three?.ackId ?? ''] });
    assert.equal(fixture.server.backlog('events-sub'), 3, 'the first delivery of a3 was taken back');
    await fixture.subscriber.acknowledge({ subscription: subscription.name, ackIds: again.map(({ ackId }) => ackId) });
    assert.equal(fixture.server.backlog('events-sub'), 0);
  });

  it('holds a key back while its first message waits for its backoff', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({
      enableMessageOrdering: true,
      retryPolicy: { minimumBackoff: { seconds: 2 }, maximumBackoff: { seconds: 5 } },
    });
    await publishInOrder(topic, ['a1', 'a2'], 'a');
    const [first] = await fixture.pullNow(subscription, 1);
    await fixture.subscriber.modifyAckDeadline({
      subscription: subscription.name,
      ackIds: [first?.ackId ?? ''],
      ackDeadlineSeconds: 0,
    });
    assert.deepEqual(await fixture.pullNow(subscription), []);
    fixture.clock.advance(2 * secondMs);
    assert.deepEqual(texts(await fixture.pullNow(subscription)), ['a1', 'a2']);
  });
});
