import { PubSub, type Subscription, type Topic, v1 } from '@google-cloud/pubsub';
import {
  type PubSubServer,
  type PubSubServerOptions,
  startPubSubServer,
} from '../../../../local/servers/pubsub/server.ts';
import { type ManualClock, manualClock } from '../../../support/clock.ts';

/** A server on a virtual clock, and real clients that talk to it. */
export interface PubSubFixture {
  readonly server: PubSubServer;
  readonly clock: ManualClock;
  readonly pubsub: PubSub;
  readonly publisher: v1.PublisherClient;
  readonly subscriber: v1.SubscriberClient;
  /** Pulls without waiting for messages. */
  pullNow(subscription: Subscription, maxMessages?: number): Promise<Pulled[]>;
  topicAndSubscription(options?: Parameters<Topic['createSubscription']>[1]): Promise<[Topic, Subscription]>;
  close(): Promise<void>;
}

/** A pulled message in plain types. */
export interface Pulled {
  readonly ackId: string;
  readonly text: string;
  readonly id: string;
  readonly attempt: number;
  readonly attributes: Record<string, string>;
  readonly orderingKey: string;
}

export const projectId = 'test-project';

// The client library asks the metadata server of Google's machines for its universe, emulator or not. There is none
// here, and on some networks the question takes seconds.
process.env.METADATA_SERVER_DETECTION ??= 'none';

export async function startFixture(options: Omit<PubSubServerOptions, 'clock'> = {}): Promise<PubSubFixture> {
  const clock = manualClock();
  const server = await startPubSubServer({ ...options, clock });
  const pubsub = new PubSub({ projectId, apiEndpoint: server.host, emulatorMode: true });
  await pubsub.getClientConfig();
  const { sslCreds } = pubsub.options;
  const [servicePath, port] = ['127.0.0.1', server.port];
  const direct = { projectId, servicePath, port, ...(sslCreds ? { sslCreds } : {}) };
  const publisher = new v1.PublisherClient(direct);
  const subscriber = new v1.SubscriberClient(direct);
  return {
    server,
    clock,
    pubsub,
    publisher,
    subscriber,
    async pullNow(subscription, maxMessages = 100) {
      const [{ receivedMessages }] = await subscriber.pull({
        subscription: subscription.name,
        maxMessages,
        returnImmediately: true,
      });
      return (receivedMessages ?? []).map(({ ackId, message, deliveryAttempt }) => ({
        ackId: ackId ?? '',
        text: Buffer.from(message?.data ?? '').toString(),
        id: message?.messageId ?? '',
        attempt: deliveryAttempt ?? 0,
        attributes: { ...message?.attributes },
        orderingKey: message?.orderingKey ?? '',
      }));
    },
    async topicAndSubscription(subscriptionOptions = {}) {
      const [topic] = await pubsub.createTopic('events');
      const [subscription] = await topic.createSubscription('events-sub', subscriptionOptions);
      return [topic, subscription];
    },
    async close() {
      await Promise.all([pubsub.close(), publisher.close(), subscriber.close()]);
      await server.close();
    },
  };
}
