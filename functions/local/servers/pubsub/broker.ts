import type { Clock } from '../../../src/clock.ts';
import { createDeliveryQueue, type DeliveryQueue, type DeliveryStats } from './delivery/deliveryQueue.ts';
import { createDispatcher, type Dispatcher } from './delivery/dispatcher.ts';
import { compileFilter } from './filter.ts';
import type { LogEntry } from './logEntry.ts';
import { checkPublishable, messageBytes, type StoredMessage } from './message.ts';
import { toMs } from './protoTime.ts';
import type { PushWorker } from './push/pushWorker.ts';
import { deletedTopic, parseResourceName } from './resourceNames.ts';
import { alreadyExists, notFound, type RpcError } from './status.ts';
import {
  changeSubscription,
  checkPushConfig,
  completeSubscription,
  type DeliverySettings,
  deliverySettings,
} from './subscriptionSettings.ts';
import { changeTopic, completeTopic } from './topicSettings.ts';
import type { WireMessage, WirePushConfig, WireSubscription, WireTopic } from './wire.ts';

/** A subscription with its messages. */
export interface BrokerSubscription {
  /** As a client sees it. */
  wire(): WireSubscription;
  readonly queue: DeliveryQueue;
  readonly dispatcher: Dispatcher;
  /** Calls `ended` once when the subscription is deleted; the returned function takes that back. */
  onDeleted(ended: (error: RpcError) => void): () => void;
}

/** Topics, subscriptions and what happens between them, without any transport. Throws `RpcError`s. */
export interface Broker {
  createTopic(topic: WireTopic): WireTopic;
  topic(name: string): WireTopic;
  topics(project: string): WireTopic[];
  updateTopic(topic: WireTopic, paths: readonly string[]): WireTopic;
  deleteTopic(name: string): void;
  publish(topic: string, messages: readonly WireMessage[]): string[];
  createSubscription(subscription: WireSubscription): WireSubscription;
  subscription(name: string): BrokerSubscription;
  subscriptions(project: string): WireSubscription[];
  subscriptionsOf(topic: string): WireSubscription[];
  updateSubscription(subscription: WireSubscription, paths: readonly string[]): WireSubscription;
  modifyPushConfig(subscription: string, config: WirePushConfig | null): void;
  deleteSubscription(name: string): void;
  seek(subscription: string, time: number): void;
  stats(): Record<string, DeliveryStats>;
  /** Calls `listener` whenever messages were added or finished; the returned function stops that. */
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface BrokerOptions {
  readonly clock: Clock;
  readonly log: (entry: LogEntry) => void;
  /** Starts delivery to the endpoint of a push subscription. */
  readonly startPush: (
    subscription: BrokerSubscription,
    endpoint: string,
    settings: () => DeliverySettings,
  ) => PushWorker;
}

interface TopicRecord {
  wire: WireTopic;
  /** Published messages that a seek may redeliver, while the topic keeps messages; in order of publication. */
  retained: StoredMessage[];
}

interface SubscriptionRecord extends BrokerSubscription {
  readonly filter: (attributes: Readonly<Record<string, string>>) => boolean;
  update(wire: WireSubscription): void;
  remove(): void;
  close(): void;
}

export function createBroker(options: BrokerOptions): Broker {
  const { clock, log } = options;
  const topics = new Map<string, TopicRecord>();
  const subscriptions = new Map<string, SubscriptionRecord>();
  const listeners = new Set<() => void>();
  let sequence = 0;

  function topicRecord(name: string): TopicRecord {
    parseResourceName('topics', name);
    const record = topics.get(name);
    if (!record) throw notFound(name);
    return record;
  }

  function subscriptionRecord(name: string): SubscriptionRecord {
    parseResourceName('subscriptions', name);
    const record = subscriptions.get(name);
    if (!record) throw notFound(name);
    return record;
  }

  const attachedTo = (topic: string) => [...subscriptions.values()].filter((record) => record.wire().topic === topic);

  function dropOldRetained(record: TopicRecord): void {
    const retention = record.wire.messageRetentionDuration;
    const oldest = retention ? clock.now() - toMs(retention) : Number.POSITIVE_INFINITY;
    const kept = record.retained.findIndex((message) => message.publishedAt > oldest);
    record.retained.splice(0, kept === -1 ? record.retained.length : kept);
  }

  function store(
    topicName: string,
    record: TopicRecord,
    message: Omit<WireMessage, 'messageId' | 'publishTime'>,
  ): string {
    sequence += 1;
    const stored: StoredMessage = {
      sequence,
      id: String(sequence),
      data: message.data,
      attributes: message.attributes,
      orderingKey: message.orderingKey,
      publishedAt: clock.now(),
      bytes: messageBytes(message),
    };
    if (record.wire.messageRetentionDuration) {
      record.retained.push(stored);
      dropOldRetained(record);
    }
    for (const subscription of attachedTo(topicName)) {
      if (subscription.filter(stored.attributes)) subscription.queue.add(stored);
    }
    return stored.id;
  }

  /** Publishes a message that failed too often to the dead-letter topic, with the attributes that the service adds. */
  function forwardDeadLetter(from: WireSubscription, message: StoredMessage, topic: string, attempts: number): boolean {
    const record = topics.get(topic);
    if (!record) {
      log({ event: 'dead-letter-topic-missing', subscription: from.name, topic, messageId: message.id });
      return false;
    }
    const { project, id } = parseResourceName('subscriptions', from.name);
    store(topic, record, {
      data: message.data,
      orderingKey: message.orderingKey,
      attributes: {
        ...message.attributes,
        CloudPubSubDeadLetterSourceDeliveryCount: String(attempts),
        CloudPubSubDeadLetterSourceSubscription: id,
        CloudPubSubDeadLetterSourceSubscriptionProject: project,
        CloudPubSubDeadLetterSourceTopicPublishTime: new Date(message.publishedAt).toISOString().replace('Z', '+00:00'),
      },
    });
    log({ event: 'dead-lettered', subscription: from.name, topic, messageId: message.id, attempts });
    return true;
  }

  function createRecord(initial: WireSubscription): SubscriptionRecord {
    let wire = initial;
    let settings = deliverySettings(initial);
    let push: PushWorker | undefined;
    const ended = new Set<(error: RpcError) => void>();
    const queue = createDeliveryQueue({
      clock,
      settings: () => settings,
      forwardDeadLetter: (message, topic, attempts) => forwardDeadLetter(wire, message, topic, attempts),
      changed() {
        dispatcher.wake();
        for (const listener of listeners) listener();
      },
    });
    const dispatcher = createDispatcher(queue);
    const record: SubscriptionRecord = {
      wire: () => ({
        ...wire,
        topicMessageRetentionDuration: topics.get(wire.topic)?.wire.messageRetentionDuration ?? null,
      }),
      queue,
      dispatcher,
      filter: compileFilter(initial.filter),
      onDeleted(callback) {
        ended.add(callback);
        return () => {
          ended.delete(callback);
        };
      },
      update(changed) {
        const moved = changed.pushConfig?.pushEndpoint !== wire.pushConfig?.pushEndpoint;
        wire = changed;
        settings = deliverySettings(changed);
        if (moved) restartPush();
      },
      remove() {
        record.close();
        for (const callback of [...ended]) callback(notFound(wire.name));
        for (const listener of listeners) listener();
      },
      close() {
        push?.stop();
        dispatcher.close();
        queue.close();
      },
    };
    function restartPush(): void {
      push?.retire();
      const endpoint = wire.pushConfig?.pushEndpoint;
      push = endpoint ? options.startPush(record, endpoint, () => settings) : undefined;
    }
    restartPush();
    return record;
  }

  return {
    createTopic(topic) {
      const complete = completeTopic(topic);
      if (topics.has(topic.name)) throw alreadyExists(topic.name);
      topics.set(topic.name, { wire: complete, retained: [] });
      return complete;
    },
    topic: (name) => topicRecord(name).wire,
    topics: (project) => [...topics.values()].map(({ wire }) => wire).filter(({ name }) => isIn(project, name)),
    updateTopic(topic, paths) {
      const record = topicRecord(topic.name);
      record.wire = changeTopic(record.wire, topic, paths);
      dropOldRetained(record);
      return record.wire;
    },
    deleteTopic(name) {
      topicRecord(name);
      for (const record of attachedTo(name)) record.update({ ...record.wire(), topic: deletedTopic });
      topics.delete(name);
    },
    publish(topic, messages) {
      const record = topicRecord(topic);
      checkPublishable(messages);
      return messages.map((message) => store(topic, record, message));
    },

    createSubscription(subscription) {
      const complete = completeSubscription(subscription);
      if (subscriptions.has(subscription.name)) throw alreadyExists(subscription.name);
      topicRecord(subscription.topic);
      if (complete.deadLetterPolicy) topicRecord(complete.deadLetterPolicy.deadLetterTopic);
      const record = createRecord(complete);
      subscriptions.set(subscription.name, record);
      return record.wire();
    },
    subscription: subscriptionRecord,
    subscriptions: (project) =>
      [...subscriptions.values()].map((record) => record.wire()).filter(({ name }) => isIn(project, name)),
    subscriptionsOf(topic) {
      topicRecord(topic);
      return attachedTo(topic).map((record) => record.wire());
    },
    updateSubscription(subscription, paths) {
      const record = subscriptionRecord(subscription.name);
      const changed = changeSubscription(record.wire(), subscription, paths);
      if (changed.deadLetterPolicy) topicRecord(changed.deadLetterPolicy.deadLetterTopic);
      record.update(changed);
      return record.wire();
    },
    modifyPushConfig(name, config) {
      const record = subscriptionRecord(name);
      if (config) checkPushConfig(config);
      record.update({ ...record.wire(), pushConfig: config });
    },
    deleteSubscription(name) {
      const record = subscriptionRecord(name);
      subscriptions.delete(name);
      record.remove();
    },
    seek(name, time) {
      const record = subscriptionRecord(name);
      const topic = topics.get(record.wire().topic);
      if (topic) dropOldRetained(topic);
      const retained = topic?.retained.filter((message) => record.filter(message.attributes)) ?? [];
      record.queue.seek(time, retained);
    },

    stats: () => Object.fromEntries([...subscriptions].map(([name, record]) => [name, record.queue.stats()])),
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    close() {
      for (const record of subscriptions.values()) record.close();
    },
  };
}

function isIn(project: string, name: string): boolean {
  return name.startsWith(`${project}/`);
}
