import { type Clock, sleep } from '../../src/clock.ts';
import type { DocumentEvent } from '../servers/firestore/triggers/documentEvent.ts';
import type { DocumentEvents, DocumentTrigger } from '../servers/firestore/triggers/documentWatch.ts';
import { attributePrefix } from './child/cloudEvent.ts';
import type { PublishedMessage } from './triggerSubscriptions.ts';

/** The way of document events to their functions, which is Eventarc's: a topic for each function, so that they are
 *  delivered at least once, in any order, and a local Pub/Sub that delivers twice or shuffles does it to them, too. */
export interface DocumentTriggers {
  /** Publishes the events of a trigger to a topic from now on. */
  connect(topicName: string, trigger: DocumentTrigger): void;
  /** Takes no more events; resolves when those that were taken are published, or after a grace. */
  close(): Promise<void>;
}

export interface DocumentTriggersOptions {
  readonly events: DocumentEvents;
  readonly clock: Clock;
  readonly publish: (topicName: string, messages: readonly PublishedMessage[]) => Promise<void>;
  /** Notified of events that could not be published yet. */
  readonly onFailure: (topicName: string, error: unknown) => void;
}

/** A call takes up to 1,000 messages and 10 MB (https://cloud.google.com/pubsub/quotas#resource_limits). An event
 *  has up to two documents of 1 MiB each: one more than fits below this size still fits the call. */
const batchEvents = 1000;
const batchBytes = 4 * 1024 * 1024;

/** How long to wait before what Pub/Sub did not take is sent again, in ms. */
const retryPauseMs = 200;
/** How often it is sent again once the runtime closes. */
const closingAttempts = 3;

export function createDocumentTriggers(options: DocumentTriggersOptions): DocumentTriggers {
  const { events, clock, publish, onFailure } = options;
  const stops: (() => void)[] = [];
  const sending = new Set<Promise<void>>();
  let closing = false;

  /** Sends until Pub/Sub has taken them: an event that happened is never dropped while it can be delivered. */
  async function send(topicName: string, messages: readonly PublishedMessage[]): Promise<void> {
    for (let attemptsLeft = closingAttempts; attemptsLeft > 0; attemptsLeft -= closing ? 1 : 0) {
      try {
        return await publish(topicName, messages);
      } catch (error) {
        onFailure(topicName, error);
        await sleep(clock, retryPauseMs);
      }
    }
  }

  return {
    connect(topicName, trigger) {
      const queue: PublishedMessage[] = [];
      let isSending = false;
      async function sendAll(): Promise<void> {
        isSending = true;
        // The events of one commit go together.
        await Promise.resolve();
        while (queue.length > 0) await send(topicName, queue.splice(0, batchOf(queue)));
        isSending = false;
      }
      stops.push(
        events.watch(trigger, (event) => {
          queue.push(messageOf(event));
          if (isSending) return;
          const run = sendAll().finally(() => sending.delete(run));
          sending.add(run);
        }),
      );
    },
    async close() {
      closing = true;
      for (const stop of stops.splice(0)) stop();
      await Promise.all(sending);
    },
  };
}

/** How many of the first messages go in one call. */
function batchOf(messages: readonly PublishedMessage[]): number {
  let bytes = 0;
  const beyond = messages.findIndex(({ data }, index) => {
    const isFull = bytes > batchBytes || index >= batchEvents;
    bytes += data.length;
    return isFull;
  });
  return beyond < 0 ? messages.length : beyond;
}

/** The message that carries an event: its attributes are named as in the binary mode of a CloudEvent. */
export function messageOf({ attributes, data }: DocumentEvent): PublishedMessage {
  const named = Object.entries(attributes).map(([name, value]) => [attributePrefix + name, value] as const);
  return { attributes: Object.fromEntries(named), data };
}
