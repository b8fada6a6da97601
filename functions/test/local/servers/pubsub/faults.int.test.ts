import assert from 'node:assert/strict';
import type { Message } from '@google-cloud/pubsub';
import { until } from '../../../support/until.ts';
import { type PubSubFixture, startFixture } from './fixture.ts';

const internal = 13;
const permissionDenied = 7;

/** A generator of numbers in [0, 1) that a seed repeats (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('pubsub server: faults and disturbances', () => {
  let fixture: PubSubFixture;
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(() => fixture.close());

  const data = (text: string) => ({ data: Buffer.from(text) });

  it('fails the call that was named, and the client sees the status', async () => {
    fixture.server.faults.inject('GetTopic', { error: { code: 'PERMISSION_DENIED', message: 'not you' } });
    const [topic] = await fixture.topicAndSubscription();
    await assert.rejects(topic.getMetadata(), { code: permissionDenied, details: 'not you' });
    await topic.getMetadata();
  });

  it('fails before the effect: the client publishes again, and the message is there once', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    fixture.server.faults.inject('Publish', { error: { code: 'UNAVAILABLE' } });
    await topic.publishMessage(data('one'));
    assert.equal((await fixture.pullNow(subscription)).length, 1);
    assert.equal(fixture.server.faults.pending(), 0);
  });

  it('fails after the effect: the client publishes again, and the message is there twice', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    fixture.server.faults.inject('Publish', { error: { code: 'UNAVAILABLE' }, afterEffect: true });
    await topic.publishMessage(data('one'));
    assert.deepEqual(
      (await fixture.pullNow(subscription)).map(({ text }) => text),
      ['one', 'one'],
    );
  });

  it('drops the connection, before or after the effect', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    fixture.server.faults.inject('Publish', { drop: true, afterEffect: true });
    await topic.publishMessage(data('one'));
    fixture.server.faults.inject('Publish', { drop: true });
    await topic.publishMessage(data('two'));
    assert.deepEqual(
      (await fixture.pullNow(subscription)).map(({ text }) => text),
      ['one', 'one', 'two'],
    );
  });

  it('delays by its clock', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    fixture.server.faults.inject('Publish', { latencyMs: 5000 });
    const timers = fixture.clock.timers();
    const published = topic.publishMessage(data('one'));
    await until(() => fixture.clock.timers() > timers);
    fixture.clock.advance(4999);
    assert.equal(fixture.server.backlog('events-sub'), 0);
    fixture.clock.advance(1);
    await published;
    assert.equal((await fixture.pullNow(subscription)).length, 1);
  });

  it('loses an acknowledgement: the message is redelivered after its deadline', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    await topic.publishMessage(data('one'));
    const [message] = await fixture.pullNow(subscription);
    fixture.server.faults.inject('Acknowledge', { error: { code: 'INTERNAL' } });
    await assert.rejects(
      fixture.subscriber.acknowledge({ subscription: subscription.name, ackIds: [message?.ackId ?? ''] }),
      { code: internal },
    );
    fixture.clock.advance(10_000);
    assert.equal((await fixture.pullNow(subscription)).length, 1);
  });

  for (const afterEffect of [false, true]) {
    it(`breaks a streaming pull ${afterEffect ? 'after its first messages' : 'at once'}: the subscriber opens another`, async () => {
      const [topic, subscription] = await fixture.topicAndSubscription();
      fixture.server.faults.inject('StreamingPull', { error: { code: 'UNAVAILABLE' }, afterEffect }, 5);
      await topic.publishMessage(data('one'));
      const received: string[] = [];
      subscription.on('message', (message: Message) => {
        received.push(message.data.toString());
        message.ack();
      });
      await fixture.server.idle();
      assert.deepEqual(received, ['one']);
      await subscription.close();
    });
  }

  it('delivers twice what a test asks for, however the first copy was answered', async () => {
    const [topic, subscription] = await fixture.topicAndSubscription();
    fixture.server.deliverTwice('events-sub');
    await topic.publishMessage(data('one'));
    await topic.publishMessage(data('two'));
    const pulled = await fixture.pullNow(subscription);
    assert.deepEqual(pulled.map(({ text }) => text).sort(), ['one', 'one', 'two']);
    assert.equal(new Set(pulled.map(({ ackId }) => ackId)).size, 3);
    await fixture.subscriber.acknowledge({
      subscription: subscription.name,
      ackIds: pulled.slice(0, 2).map(({ ackId }) => ackId),
    });
    assert.equal(fixture.server.backlog('events-sub'), 1);
  });

  it('duplicates, delays and shuffles the same way for the same seed', async () => {
    const [topic] = await fixture.topicAndSubscription();
    const runs: string[][] = [];
    for (const name of ['first-run', 'second-run']) {
      const [subscription] = await topic.createSubscription(name);
      fixture.server.disturb(name, { random: seeded(7), duplicate: 0.5, maxDelayMs: 1000, shuffle: true });
      const messages = Array.from({ length: 20 }, (_none, index) => data(String(index)));
      await fixture.publisher.publish({ topic: topic.name, messages });
      const order: string[] = [];
      for (let step = 0; step < 30; step += 1) {
        fixture.clock.advance(100);
        order.push(...(await fixture.pullNow(subscription, 7)).map(({ text }) => text));
      }
      runs.push(order);
      await subscription.delete();
    }
    const inOrder = Array.from({ length: 20 }, (_none, index) => String(index));
    assert.deepEqual(runs[0], runs[1]);
    assert.deepEqual([...new Set(runs[0])].sort(), [...inOrder].sort(), 'every message arrives');
    assert.ok((runs[0]?.length ?? 0) > 20, 'some arrive twice');
    assert.notDeepEqual(runs[0]?.slice(0, 20), inOrder, 'and not in order');
  });
});
