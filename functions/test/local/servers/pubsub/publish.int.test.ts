import assert from 'node:assert/strict';
import { type PubSubFixture, projectId, startFixture } from './fixture.ts';

const invalidArgument = 3;
const notFound = 5;
const megabyte = 1024 * 1024;

describe('pubsub server: publish', () => {
  let fixture: PubSubFixture;
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(() => fixture.close());

  const publish = (messages: { data?: Buffer; attributes?: Record<string, string>; orderingKey?: string }[]) =>
    fixture.publisher.publish({ topic: `projects/${projectId}/topics/events`, messages });

  it('gives every message an id and the time, and every subscription a copy', async () => {
    const [topic, one] = await fixture.topicAndSubscription();
    const [two] = await topic.createSubscription('second-sub');
    const id = await topic.publishMessage({ data: Buffer.from('hello'), attributes: { type: 'greeting' } });
    for (const subscription of [one, two]) {
      const [message] = await fixture.pullNow(subscription);
      assert.equal(message?.id, id);
      assert.equal(message?.text, 'hello');
      assert.deepEqual(message?.attributes, { type: 'greeting' });
    }
  });

  it('delivers nothing that was published before the subscription', async () => {
    const [topic] = await fixture.topicAndSubscription();
    await topic.publishMessage({ data: Buffer.from('early') });
    const [late] = await topic.createSubscription('late-sub');
    await topic.publishMessage({ data: Buffer.from('after') });
    assert.deepEqual(
      (await fixture.pullNow(late)).map(({ text }) => text),
      ['after'],
    );
  });

  it('refuses what the service refuses, and publishes nothing of that request', async () => {
    const [, subscription] = await fixture.topicAndSubscription();
    const good = { data: Buffer.from('good') };
    await assert.rejects(publish([good, {}]), {
      code: invalidArgument,
      details: /^One or more messages in the publish request is empty\./,
    });
    await assert.rejects(publish([]), { code: invalidArgument });
    await assert.rejects(publish(Array.from({ length: 1001 }, () => good)), {
      details:
        'The value for message_count is too large. You passed 1001 in the request, but the maximum value is 1000.',
    });
    await assert.rejects(publish([{ data: Buffer.alloc(10_000_001) }]), {
      details:
        'The value for message_size is too large. You passed 10000001 in the request, but the maximum value is 10000000.',
    });
    await assert.rejects(publish([{ data: Buffer.alloc(6 * megabyte) }, { data: Buffer.alloc(6 * megabyte) }]), {
      details: /^The value for request_size is too large/,
    });
    const attributes = Object.fromEntries(Array.from({ length: 101 }, (_none, index) => [`key${index}`, 'v']));
    await assert.rejects(publish([{ attributes }]), { details: /num_attributes is too large/ });
    await assert.rejects(publish([{ attributes: { ['k'.repeat(257)]: 'v' } }]), { details: /attribute_key_size/ });
    await assert.rejects(publish([{ attributes: { k: 'v'.repeat(1025) } }]), { details: /attribute_value_size/ });
    for (const key of ['googlike', 'GoogLike', 'GOOG']) {
      await assert.rejects(publish([{ attributes: { [key]: 'v' } }]), { code: invalidArgument });
    }
    await assert.rejects(publish([{ ...good, orderingKey: 'k'.repeat(1025) }]), { details: /ordering_key_size/ });
    assert.deepEqual(await fixture.pullNow(subscription), []);
    await publish([{ data: Buffer.alloc(9_999_900) }]);
    await publish([{ attributes: { googclient_traceparent: '00-1' } }]);
    assert.equal(fixture.server.backlog('events-sub'), 2);
  });

  it('knows no topic that was not created', async () => {
    await assert.rejects(fixture.pubsub.topic('absent').publishMessage({ data: Buffer.from('x') }), {
      code: notFound,
      details: 'Resource not found (resource=absent).',
    });
  });

  it('delivers to a filtered subscription what its filter passes', async () => {
    const [topic] = await fixture.topicAndSubscription();
    const [deletions] = await topic.createSubscription('deletions', { filter: 'attributes.type = "ProjectDeleted"' });
    await topic.publishMessage({ data: Buffer.from('1'), attributes: { type: 'ProjectDeleted' } });
    await topic.publishMessage({ data: Buffer.from('2'), attributes: { type: 'ProjectCreated' } });
    assert.deepEqual(
      (await fixture.pullNow(deletions)).map(({ text }) => text),
      ['1'],
    );
    assert.equal(fixture.server.stats()[deletions.name]?.published, 1);
  });
});
