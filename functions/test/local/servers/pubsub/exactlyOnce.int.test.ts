import assert from 'node:assert/strict';
import { AckError, type Message, type Subscription, type Topic } from '@google-cloud/pubsub';
import { until } from '../../../support/until.ts';
import { type PubSubFixture, startFixture } from './fixture.ts';

const invalidArgument = 3;
const failedPrecondition = 9;
const longestLeaseMs = 600_000;

interface Confirmation {
  readonly acknowledgeConfirmation?: { readonly ackIds: string[]; readonly invalidAckIds: string[] } | null;
  readonly modifyAckDeadlineConfirmation?: { readonly ackIds: string[]; readonly invalidAckIds: string[] } | null;
  readonly receivedMessages: { readonly ackId: string }[];
  readonly subscriptionProperties?: { readonly exactlyOnceDeliveryEnabled: boolean } | null;
}

describe('pubsub server: exactly-once delivery', () => {
  let fixture: PubSubFixture;
  let topic: Topic;
  let subscription: Subscription;
  beforeEach(async () => {
    fixture = await startFixture();
    [topic, subscription] = await fixture.topicAndSubscription({
      enableExactlyOnceDelivery: true,
      enableMessageOrdering: true,
    });
  });
  afterEach(async () => {
    await subscription.close();
    await fixture.close();
  });

  const publish = (text: string, orderingKey = '') => {
    const ordered = fixture.pubsub.topic(topic.name, { messageOrdering: true });
    return ordered.publishMessage({ data: Buffer.from(text), orderingKey });
  };
  const acknowledge = (...ackIds: (string | undefined)[]) =>
    fixture.subscriber.acknowledge({ subscription: subscription.name, ackIds: ackIds.map((id) => id ?? '') });
  function listen(): Message[] {
    const received: Message[] = [];
    subscription.on('message', (message) => received.push(message));
    return received;
  }

  it('confirms an acknowledgement to the subscriber', async () => {
    const received = listen();
    await publish('one');
    await until(() => received.length === 1);
    assert.equal(await received[0]?.ackWithResponse(), 'SUCCESS');
    assert.equal(fixture.server.backlog('events-sub'), 0);
  });

  it('reports to the subscriber that an acknowledgement came too late, and redelivers', async () => {
    const received = listen();
    await publish('one');
    await until(() => received.length === 1);
    fixture.clock.advance(longestLeaseMs);
    await until(() => received.length === 2);
    await assert.rejects(
      async () => received[0]?.ackWithResponse(),
      (error) => error instanceof AckError && error.errorCode === 'INVALID',
    );
    assert.equal(await received[1]?.nackWithResponse(), 'SUCCESS');
    await until(() => received.length === 3);
    assert.equal(await received[2]?.ackWithResponse(), 'SUCCESS');
    assert.equal(fixture.server.backlog('events-sub'), 0);
  });

  it('names each id that did not count, and counts the others', async () => {
    await publish('one');
    const [pulled] = await fixture.pullNow(subscription);
    const failure = await acknowledge(pulled?.ackId, 'unknown').then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(failure instanceof Error);
    assert.equal(Reflect.get(failure, 'code'), failedPrecondition);
    assert.deepEqual({ ...Reflect.get(failure, 'errorInfoMetadata') }, { unknown: 'PERMANENT_FAILURE_INVALID_ACK_ID' });
    assert.equal(fixture.server.backlog('events-sub'), 0);
  });

  it('takes acknowledgements of a key in order only, and redelivers none of them', async () => {
    await publish('a1', 'a');
    await publish('a2', 'a');
    const [one, two] = await fixture.pullNow(subscription);
    await assert.rejects(acknowledge(two?.ackId), (error) => {
      assert.deepEqual(
        { ...Reflect.get(Object(error), 'errorInfoMetadata') },
        { [two?.ackId ?? '']: 'TRANSIENT_FAILURE_UNORDERED_ACK_ID' },
      );
      return true;
    });
    await acknowledge(one?.ackId);
    await fixture.subscriber.modifyAckDeadline({
      subscription: subscription.name,
      ackIds: [two?.ackId ?? ''],
      ackDeadlineSeconds: 0,
    });
    const again = await fixture.pullNow(subscription);
    assert.deepEqual(
      again.map(({ text }) => text),
      ['a2'],
    );
    await acknowledge(again[0]?.ackId);
  });

  it('confirms within a stream too', async () => {
    await publish('one');
    const stream = fixture.subscriber.streamingPull();
    const answers: Confirmation[] = [];
    stream.on('data', (answer: Confirmation) => answers.push(answer));
    stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 });
    await until(() => answers.length === 1);
    assert.equal(answers[0]?.subscriptionProperties?.exactlyOnceDeliveryEnabled, true);
    const ackId = answers[0]?.receivedMessages[0]?.ackId ?? '';
    stream.write({ modifyDeadlineAckIds: [ackId, 'unknown'], modifyDeadlineSeconds: [20, 20] });
    await until(() => answers.length === 2);
    const { ackIds, invalidAckIds } = answers[1]?.modifyAckDeadlineConfirmation ?? {};
    assert.deepEqual([ackIds, invalidAckIds], [[ackId], ['unknown']]);
    stream.write({ ackIds: [ackId] });
    await until(() => answers.length === 3);
    assert.deepEqual(answers[2]?.acknowledgeConfirmation?.ackIds, [ackId]);
    stream.end();
    await new Promise((resolve) => stream.on('end', resolve).resume());
  });

  it('delivers nothing twice, even where a test asks for duplicates', async () => {
    fixture.server.deliverTwice('events-sub');
    await publish('one');
    assert.equal((await fixture.pullNow(subscription)).length, 1);
    assert.equal((await fixture.pullNow(subscription)).length, 0);
  });

  it('is switched on and off by an update, and is for pull subscriptions only', async () => {
    await subscription.setMetadata({ enableExactlyOnceDelivery: false });
    await publish('one');
    await acknowledge('unknown');
    await subscription.setMetadata({ enableExactlyOnceDelivery: true });
    await assert.rejects(acknowledge('unknown'), { code: failedPrecondition });
    await assert.rejects(subscription.modifyPushConfig({ pushEndpoint: 'http://localhost/' }), {
      code: invalidArgument,
    });
  });
});
