import type { Clock } from '../../../src/clock.ts';
import { createDeliveryQueue, type DeliveryQueue } from './delivery/deliveryQueue.ts';
import { createDispatcher, type Dispatcher } from './delivery/dispatcher.ts';
import { type AttributeFilter, compileFilter } from './filter.ts';
import type { StoredMessage } from './message.ts';
import type { PushWorker } from './push/pushWorker.ts';
import { detached, notFound, type RpcError } from './status.ts';
import { type DeliverySettings, deliverySettings } from './subscriptionSettings.ts';
import type { WirePushConfig, WireSubscription } from './wire.ts';

/** A subscription with its messages. */
export interface BrokerSubscription {
  /** As a client sees it. */
  wire(): WireSubscription;
  settings(): DeliverySettings;
  readonly queue: DeliveryQueue;
  readonly dispatcher: Dispatcher;
  /** Calls `ended` once when the subscription is deleted or detached; the returned function takes that back. */
  onEnded(ended: (error: RpcError) => void): () => void;
}

/** The same for its broker. */
export interface SubscriptionRecord extends BrokerSubscription {
  readonly filter: AttributeFilter;
  update(wire: WireSubscription): void;
  /** Drops its messages, for good. */
  detach(): void;
  remove(): void;
  close(): void;
}

/** Starts delivery to the endpoint of a push subscription. */
export type StartPush = (subscription: BrokerSubscription, target: WirePushConfig) => PushWorker;

export interface SubscriptionOptions {
  readonly clock: Clock;
  readonly startPush: StartPush;
  readonly forwardDeadLetter: (
    from: WireSubscription,
    message: StoredMessage,
    topic: string,
    attempts: number,
  ) => boolean;
  /** Messages were added or finished. */
  readonly changed: () => void;
}

/** Creates a subscription without messages; `initial` is checked and complete. */
export function createSubscriptionRecord(initial: WireSubscription, options: SubscriptionOptions): SubscriptionRecord {
  let wire = initial;
  let settings = deliverySettings(initial);
  let push: PushWorker | undefined;
  const ended = new Set<(error: RpcError) => void>();
  const queue = createDeliveryQueue({
    clock: options.clock,
    settings: () => settings,
    forwardDeadLetter: (message, topic, attempts) => options.forwardDeadLetter(wire, message, topic, attempts),
    changed() {
      dispatcher.wake();
      options.changed();
    },
  });
  const dispatcher = createDispatcher(queue);

  function restartPush(): void {
    push?.retire();
    const config = wire.pushConfig;
    push = config?.pushEndpoint ? options.startPush(record, config) : undefined;
  }

  function close(): void {
    push?.stop();
    dispatcher.close();
    queue.close();
  }

  function end(error: RpcError): void {
    close();
    for (const callback of [...ended]) callback(error);
    options.changed();
  }

  const record: SubscriptionRecord = {
    wire: () => wire,
    settings: () => settings,
    queue,
    dispatcher,
    filter: compileFilter(initial.filter),
    onEnded(callback) {
      ended.add(callback);
      return () => {
        ended.delete(callback);
      };
    },
    update(changed) {
      const moved = JSON.stringify(changed.pushConfig) !== JSON.stringify(wire.pushConfig);
      wire = changed;
      settings = deliverySettings(changed);
      if (moved) restartPush();
    },
    detach() {
      wire = { ...wire, detached: true };
      end(detached(wire.name));
    },
    remove: () => end(notFound(wire.name)),
    close,
  };
  restartPush();
  return record;
}
