import type { Clock } from '../../../src/clock.ts';
import type { DeliveryStats } from './delivery/deliveryQueue.ts';
import type { LogEntry } from './logEntry.ts';
import { checkPublishable, messageBytes, type StoredMessage } from './message.ts';
import { toMs } from './protoTime.ts';
import { deletedTopic, parseResourceName } from './resourceNames.ts';
import { createSnapshots, type Snapshots } from './snapshots.ts';
import { alreadyExists, detached, invalidArgument, notFound } from './status.ts';
import {
  type BrokerSubscription,
  createSubscriptionRecord,
  type StartPush,
  type SubscriptionRecord,
} from './subscription.ts';
import { changeSubscription, completeSubscription } from './subscriptionSettings.ts';
import { changeTopic, completeTopic } from './topicSettings.ts';
import type { WireMessage, WirePushConfig, WireSnapshot, WireSubscription, WireTopic } from './wire.ts';

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
  shownSubscription(name: string): WireSubscription;
  /** Takes it off its topic: it drops its messages, gets no more, and can't be pulled from. */
  detachSubscription(name: string): void;
  subscriptions(project: string): WireSubscription[];
  /** Names of the subscriptions that are attached to a topic. */
  subscriptionsOf(topic: string): string[];
  updateSubscription(subscription: WireSubscription, paths: readonly string[]): WireSubscription;
  modifyPushConfig(subscription: string, config: WirePushConfig | null): void;
  deleteSubscription(name: string): void;
  seek(subscription: string, to: { readonly time: number } | { readonly snapshot: string }): void;
  readonly snapshots: Snapshots;
  createSnapshot(name: string, subscription: string, labels: Record<string, string>): WireSnapshot;
  /** Names of the snapshots of a topic. */
  snapshotsOf(topic: string): string[];
  stats(): Record<string, DeliveryStats>;
  /** Calls `listener` whenever messages were added or finished; the returned function stops that. */
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface BrokerOptions {
  readonly clock: Clock;
  readonly log: (entry: LogEntry) => void;
  readonly startPush: StartPush;
}

interface TopicRecord {
  wire: WireTopic;
  /** Published messages that a seek may redeliver, while the topic keeps messages; in order of publication. */
  retained: StoredMessage[];
}

export function createBroker(options: BrokerOptions): Broker {
  const { clock, log, startPush } = options;
  const topics = new Map<string, TopicRecord>();
  const subscriptions = new Map<string, SubscriptionRecord>();
  const listeners = new Set<() => void>();
  const snapshots = createSnapshots(clock);
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

  const attachedTo = (topic: string) =>
    [...subscriptions.values()].filter((record) => record.wire().topic === topic && !record.wire().detached);

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
    snapshots.published(topicName, stored);
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

  function changed(): void {
    for (const listener of listeners) listener();
  }

  /** As a client sees it. */
  function shown(record: SubscriptionRecord): WireSubscription {
    const wire = record.wire();
    const topic = topics.get(wire.topic)?.wire;
    return { ...wire, topicMessageRetentionDuration: topic?.messageRetentionDuration ?? null };
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
      topics.delete(name);
      snapshots.topicDeleted(name);
      for (const record of subscriptions.values()) {
        const { topic, deadLetterPolicy } = record.wire();
        const isDeadLetterTopic = deadLetterPolicy?.deadLetterTopic === name;
        if (topic !== name && !isDeadLetterTopic) continue;
        record.update({
          ...record.wire(),
          topic: topic === name ? deletedTopic : topic,
          deadLetterPolicy: isDeadLetterTopic
            ? { ...deadLetterPolicy, deadLetterTopic: deletedTopic }
            : deadLetterPolicy,
        });
      }
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
      const record = createSubscriptionRecord(complete, { clock, startPush, forwardDeadLetter, changed });
      subscriptions.set(subscription.name, record);
      return shown(record);
    },
    subscription: subscriptionRecord,
    shownSubscription: (name) => shown(subscriptionRecord(name)),
    subscriptions: (project) => [...subscriptions.values()].map(shown).filter(({ name }) => isIn(project, name)),
    subscriptionsOf(topic) {
      topicRecord(topic);
      return attachedTo(topic).map((record) => record.wire().name);
    },
    updateSubscription(subscription, paths) {
      const record = subscriptionRecord(subscription.name);
      const changed = changeSubscription(record.wire(), subscription, paths);
      const deadLetterTopic = changed.deadLetterPolicy?.deadLetterTopic ?? deletedTopic;
      if (deadLetterTopic !== deletedTopic) topicRecord(deadLetterTopic);
      record.update(changed);
      return shown(record);
    },
    modifyPushConfig(name, config) {
      const record = subscriptionRecord(name);
      record.update(completeSubscription({ ...record.wire(), pushConfig: config }));
    },
    deleteSubscription(name) {
      const record = subscriptionRecord(name);
      subscriptions.delete(name);
      record.remove();
    },
    detachSubscription(name) {
      subscriptionRecord(name).detach();
    },
    seek(name, to) {
      const record = subscriptionRecord(name);
      if (record.wire().detached) throw detached(name);
      const passes = (message: StoredMessage) => record.filter(message.attributes);
      if ('snapshot' in to) {
        if (snapshots.get(to.snapshot).topic !== record.wire().topic) {
          throw invalidArgument('The snapshot and the subscription must belong to the same topic.');
        }
        record.queue.replace(snapshots.messages(to.snapshot).filter(passes));
        return;
      }
      const topic = topics.get(record.wire().topic);
      if (topic) dropOldRetained(topic);
      record.queue.seek(to.time, topic?.retained.filter(passes) ?? []);
    },
    snapshots,
    createSnapshot(name, subscription, labels) {
      const record = subscriptionRecord(subscription);
      if (record.wire().detached) throw detached(subscription);
      return snapshots.create({ name, labels, topic: record.wire().topic }, record.queue.unacknowledged());
    },
    snapshotsOf(topic) {
      topicRecord(topic);
      return snapshots.all().flatMap((snapshot) => (snapshot.topic === topic ? [snapshot.name] : []));
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
