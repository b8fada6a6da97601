import type { EventType } from './events/contract.ts';
import type { Publisher } from './publisher.ts';

/** Both topics of events. Every event is taken on either; which one it comes by changes when, not what. */
export interface EventTopics<T> {
  readonly events: T;
  /** Deletions have a topic, and so a subscription and a function, of their own: no backlog of other events is in
   *  front of one. */
  readonly deletions: T;
}

const deleted: EventType = 'ProjectDeleted';

/** Publishes each event, whoever has it to publish, to the topic of its type. */
export function createEventsPublisher({ events, deletions }: EventTopics<Publisher>): Publisher {
  return {
    publish: (message) => (message.attributes.type === deleted ? deletions : events).publish(message),
    async flush() {
      await Promise.all([events.flush(), deletions.flush()]);
    },
  };
}
