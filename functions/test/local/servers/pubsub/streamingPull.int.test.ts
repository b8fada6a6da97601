import assert from 'node:assert/strict';
import type { Message, Subscription, Topic } from '@google-cloud/pubsub';
import { until } from '../../../support/until.ts';
import { type PubSubFixture, startFixture } from './fixture.ts';

const secondMs = 1000;
const notFound = 5;

describe('pubsub server: streaming pull through the real subscriber', () => {
  let fixture: PubSubFixture;
  const open: Subscription[] = [];
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((subscription) => subscription.close()));
    await fixture.close();
  });

  /** Collects what a subscriber receives; it acknowledges nothing by itself. */
  function listen(subscription: Subscription): Message[] {
    open.push(subscription);
    const received: Message[] = [];
    subscription.on('message', (message: Message) => received.push(message));
    return received;
  }
  const publish = (topic: Topic, text: string, orderingKey?: string) =>
    topic.publishMessage({ data: Buffer.from(text), ...(orderingKey === undefined ? {} : { orderingKey }) });

  it('delivers, and is idle when everything is acknowledged', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    const received = listen(subscription);
    await Promise.all(Array.from({ length: 50 }, (_none, index) => publish(topic, `m${index}`)));
    await until(() => received.length === 50);
    let idle = false;
    const becomesIdle = fixture.server.idle().then(() => {
      idle = true;
    });
    for (const message of received.slice(1)) message.ack();
    await until(() => fixture.server.backlog('events-sub') === 1);
    assert.equal(idle, false);
    received[0]?.ack();
    await becomesIdle;
    assert.equal(new Set(received.map(({ id }) => id)).size, 50);
  });

  it('keeps to the flow control of the stream', async () => {
    const [topic] = await fixture.topicAndSubscription();
    const subscription = fixture.pubsub.subscription('events-sub', {
      flowControl: { maxMessages: 3 },
      streamingOptions: { maxStreams: 1 },
    });
    const received = listen(subscription);
    await Promise.all(Array.from({ length: 10 }, (_none, index) => publish(topic, `m${index}`)));
    await until(() => received.length === 3);
    received[0]?.ack();
    await until(() => received.length === 4);
    assert.equal(fixture.server.stats()[subscription.name]?.delivered, 4);
  });

  it('counts bytes too', async () => {
    const [topic] = await fixture.topicAndSubscription();
    const subscription = fixture.pubsub.subscription('events-sub', {
      flowControl: { maxBytes: 1500, maxMessages: 100 },
      streamingOptions: { maxStreams: 1 },
    });
    const received = listen(subscription);
    for (let index = 0; index < 4; index += 1) await publish(topic, 'x'.repeat(1000));
    await until(() => received.length === 2);
    assert.equal(fixture.server.stats()[subscription.name]?.delivered, 2, 'the one that passes the limit is the last');
  });

  it('delivers a nacked message again', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    const received = listen(subscription);
    await publish(topic, 'one');
    await until(() => received.length === 1);
    received[0]?.nack();
    await until(() => received.length === 2);
    received[1]?.ack();
    await fixture.server.idle();
    assert.equal(fixture.server.stats()[subscription.name]?.nacked, 1);
  });

  it('uses the deadline of the stream', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription({ ackDeadlineSeconds: 600 });
    const stream = fixture.subscriber.streamingPull();
    const ackIds: string[] = [];
    stream.on('data', (response: { receivedMessages: { ackId: string }[] }) => {
      ackIds.push(...response.receivedMessages.map(({ ackId }) => ackId));
    });
    stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 });
    await publish(topic, 'one');
    await until(() => ackIds.length === 1);
    fixture.clock.advance(10 * secondMs);
    await until(() => ackIds.length === 2);
    // Deadlines and acknowledgements may also travel in the stream itself.
    stream.write({ modifyDeadlineAckIds: [ackIds[1] ?? ''], modifyDeadlineSeconds: [0] });
    await until(() => ackIds.length === 3);
    stream.write({ ackIds: [ackIds[2] ?? ''] });
    await fixture.server.idle();
    stream.end();
    await new Promise((resolve) => stream.on('end', resolve).resume());
  });

  it('keeps the order of a key across the streams of one subscriber', async () => {
    const [, subscription] = await fixture.topicAndSubscription({ enableMessageOrdering: true });
    const topic = fixture.pubsub.topic('events', { messageOrdering: true });
    open.push(subscription);
    const received: string[] = [];
    subscription.on('message', (message: Message) => {
      received.push(message.data.toString());
      message.ack();
    });
    const expected = Array.from({ length: 40 }, (_none, index) => String(index));
    await Promise.all(expected.map((text) => publish(topic, text, 'key')));
    await until(() => received.length >= expected.length);
    assert.deepEqual(received, expected);
  });

  it('gives the attempt of a delivery under a dead-letter policy', async () => {
    const [dead] = await fixture.pubsub.createTopic('dead-letters');
    const [topic, subscription] = await fixture.topicAndSubscription({
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
    });
    const received = listen(subscription);
    await publish(topic, 'one');
    await until(() => received.length === 1);
    received[0]?.nack();
    await until(() => received.length === 2);
    assert.deepEqual(
      received.map(({ deliveryAttempt }) => deliveryAttempt),
      [1, 2],
    );
    received[1]?.ack();
    await fixture.server.idle();
  });

  it('ends the stream when the subscription is deleted', async () => {
    const [, subscription] = await fixture.topicAndSubscription();
    const errors: { code?: unknown }[] = [];
    subscription.on('error', (error) => errors.push(error));
    listen(subscription);
    await publish(fixture.pubsub.topic('events'), 'one');
    await until(() => (fixture.server.stats()[subscription.name]?.delivered ?? 0) === 1);
    await fixture.subscriber.deleteSubscription({ subscription: subscription.name });
    await until(() => errors.length > 0);
    assert.equal(errors[0]?.code, notFound);
  });

  it('reports an absent subscription to the subscriber', async () => {
    const subscription = fixture.pubsub.subscription('absent');
    const failed = new Promise<{ code?: unknown }>((resolve) => subscription.on('error', resolve));
    listen(subscription);
    assert.equal((await failed).code, notFound);
  });
});
