import assert from 'node:assert/strict';
import type { Subscription, Topic } from '@google-cloud/pubsub';
import { type PubSubFixture, startFixture } from './fixture.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const invalidArgument = 3;
const notFound = 5;
const alreadyExists = 6;
const failedPrecondition = 9;

describe('pubsub server: snapshots', () => {
  let fixture: PubSubFixture;
  let topic: Topic;
  let subscription: Subscription;
  beforeEach(async () => {
    fixture = await startFixture();
    [topic, subscription] = await fixture.topicAndSubscription();
  });
  afterEach(() => fixture.close());

  const publish = (text: string, type = 'any') =>
    topic.publishMessage({ data: Buffer.from(text), attributes: { type } });
  /** Pulls and acknowledges everything. */
  async function drain(from: Subscription = subscription): Promise<string[]> {
    const pulled = await fixture.pullNow(from);
    if (pulled.length > 0) {
      const ackIds = pulled.map(({ ackId }) => ackId);
      await fixture.subscriber.acknowledge({ subscription: from.name, ackIds });
    }
    return pulled.map(({ text }) => text);
  }

  it('restore what was not acknowledged, and what came later', async () => {
    await publish('acknowledged');
    await drain();
    await publish('waiting');
    await subscription.createSnapshot('before');
    await publish('later');
    assert.deepEqual(await drain(), ['waiting', 'later']);
    await subscription.seek('before');
    assert.deepEqual(await drain(), ['waiting', 'later']);
    await publish('new');
    await subscription.seek('before');
    assert.deepEqual(await drain(), ['waiting', 'later', 'new']);
  });

  it('acknowledge what had been acknowledged when they were made', async () => {
    await publish('old');
    const [other] = await topic.createSubscription('ahead-sub');
    await other.createSnapshot('ahead');
    await subscription.seek('ahead');
    assert.deepEqual(await drain(), []);
  });

  it('serve any subscription of their topic, each with its filter, and no other', async () => {
    const [filtered] = await topic.createSubscription('filtered-sub', { filter: 'attributes.type = "wanted"' });
    await publish('one', 'wanted');
    await publish('two', 'unwanted');
    await subscription.createSnapshot('shared');
    await drain(filtered);
    await filtered.seek('shared');
    assert.deepEqual(await drain(filtered), ['one']);
    const [strange] = await (await fixture.pubsub.createTopic('other'))[0].createSubscription('other-sub');
    await assert.rejects(strange.seek('shared'), { code: invalidArgument });
  });

  it('are read, listed, labelled and deleted', async () => {
    const [snapshot, made] = await subscription.createSnapshot('before');
    assert.equal(made.topic, topic.name);
    assert.equal(Number(made.expireTime?.seconds) * 1000, fixture.clock.now() + 7 * dayMs);
    await assert.rejects(subscription.createSnapshot('before'), { code: alreadyExists });
    const [listed] = await fixture.pubsub.getSnapshots();
    assert.deepEqual(
      listed.map(({ name }) => name),
      [snapshot.name],
    );
    assert.deepEqual((await fixture.publisher.listTopicSnapshots({ topic: topic.name }))[0], [snapshot.name]);
    const [changed] = await fixture.subscriber.updateSnapshot({
      snapshot: { name: snapshot.name, labels: { a: 'b' } },
      updateMask: { paths: ['labels'] },
    });
    assert.deepEqual(changed.labels, { a: 'b' });
    assert.deepEqual((await fixture.subscriber.getSnapshot({ snapshot: snapshot.name }))[0], changed);
    await topic.delete();
    assert.equal((await fixture.subscriber.getSnapshot({ snapshot: snapshot.name }))[0].topic, '_deleted-topic_');
    await snapshot.delete();
    await assert.rejects(subscription.seek('before'), { code: notFound });
  });

  it('expire seven days after their oldest message, and are refused an hour before that', async () => {
    await publish('old');
    fixture.clock.advance(6 * dayMs);
    const [, made] = await subscription.createSnapshot('aged');
    assert.equal(Number(made.expireTime?.seconds) * 1000, fixture.clock.now() + dayMs);
    fixture.clock.advance(23 * hourMs + 1);
    await assert.rejects(subscription.createSnapshot('too-late'), { code: failedPrecondition });
    fixture.clock.advance(hourMs);
    assert.deepEqual((await fixture.pubsub.getSnapshots())[0], []);
  });
});
