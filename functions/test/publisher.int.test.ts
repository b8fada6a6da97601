import assert from 'node:assert/strict';
import { type PubSubServer, startPubSubServer } from '../local/servers/pubsub/server.ts';
import { createPublisher, createPubSub } from '../src/publisher.ts';
import { until } from './support/until.ts';

// I11: what Pub/Sub refuses stops nothing else, although it refuses whole calls.
describe('a publisher', () => {
  let server: PubSubServer;

  beforeEach(async () => {
    server = await startPubSubServer();
  });
  afterEach(() => server.close());

  it('publishes what shares a call with a message that Pub/Sub refuses', async () => {
    const pubsub = createPubSub('demo-publisher', server.host);
    const [topic] = await pubsub.createTopic('events');
    const [subscription] = await topic.createSubscription('events-test');
    const publisher = createPublisher(pubsub, 'events');
    const attributes = [{ n: '0' }, { n: 'x'.repeat(2_000) }, { n: '2' }];
    const outcomes = await Promise.allSettled(
      attributes.map((own) => publisher.publish({ data: Buffer.from('{}'), attributes: own })),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const received = new Set<string | undefined>();
    subscription.on('message', (message) => {
      received.add(message.attributes.n);
      message.ack();
    });
    await until(() => received.size === 2);
    assert.deepEqual([...received].sort(), ['0', '2']);
    await subscription.close();
    await pubsub.close();
  });
});
