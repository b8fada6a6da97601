import { PubSub, type Topic } from '@google-cloud/pubsub';
import type { EncodedMessage } from './events/codec.ts';
import { isRefusedMessage } from './grpc.ts';

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
  const alone: Topic = pubsub.topic(topicName, { batching: { maxMessages: 1 } });
  return {
    async publish({ data, attributes }) {
      try {
        await topic.publishMessage({ data, attributes: { ...attributes } });
      } catch (error) {
        if (!isRefusedMessage(error)) throw error;
        // With one message Pub/Sub refuses the whole call: which one it was is told by sending each by itself.
        await alone.publishMessage({ data, attributes: { ...attributes } });
      }
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
