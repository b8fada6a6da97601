import type { EncodedMessage } from './events/codec.ts';

/** Publishes to one topic. Resolves when Pub/Sub has taken the message; rejects when it has not, after the client's own retries. */
export interface Publisher {
  publish(message: EncodedMessage): Promise<void>;
  /** Sends what is still buffered; to be awaited before the process ends. */
  flush(): Promise<void>;
}
