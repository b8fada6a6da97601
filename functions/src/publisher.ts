import { PubSub, type Topic } from '@google-cloud/pubsub';
import type { EncodedMessage } from './events/codec.ts';

/** Publishes to one topic. */
export interface Publisher {
  /** Resolves when Pub/Sub has taken the message; rejects when it has not, after the client's own retries. */
  publish(message: EncodedMessage): Promise<void>;
  /** Sends what is still buffered; to be awaited before the process ends. */
  flush(): Promise<void>;
}

/** How long the client gathers messages for one call, in ms: a trickle is not delayed noticeably, a flood goes out in
 *  batches. */
const batchMs = 5;

/** Messages in one call. Pub/Sub takes up to 1,000 (https://cloud.google.com/pubsub/quotas#resource_limits). */
const batchMessages = 500;

/** A publisher that uses the real client; `PUBSUB_EMULATOR_HOST` points it to a local server. */
export function createPublisher(pubsub: PubSub, topicName: string): Publisher {
  const topic: Topic = pubsub.topic(topicName, { batching: { maxMilliseconds: batchMs, maxMessages: batchMessages } });
  return {
    async publish(message) {
      await topic.publishMessage({ data: message.data, attributes: { ...message.attributes } });
    },
    async flush() {
      await topic.flush();
    },
  };
}

/** The client that publishers share. `host` names a local server, as `PUBSUB_EMULATOR_HOST` does. */
export function createPubSub(projectId: string | undefined, host?: string): PubSub {
  return new PubSub({
    ...(projectId !== undefined && { projectId }),
    ...(host !== undefined && { apiEndpoint: host, emulatorMode: true }),
  });
}
