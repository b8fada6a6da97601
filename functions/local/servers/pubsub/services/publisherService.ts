import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker } from '../broker.ts';
import { parseProjectName } from '../resourceNames.ts';
import { invalidArgument } from '../status.ts';
import type { FieldMask, Paging, WireMessage, WireTopic } from '../wire.ts';
import { page } from './paging.ts';
import { type CallContext, unary } from './rpc.ts';

/** `google.pubsub.v1.Publisher` on a broker. */
export function publisherService(broker: Broker, context: CallContext): UntypedServiceImplementation {
  return {
    createTopic: unary<WireTopic, WireTopic>(context, 'CreateTopic', (topic) => broker.createTopic(topic)),
    getTopic: unary<{ topic: string }, WireTopic>(context, 'GetTopic', ({ topic }) => broker.topic(topic)),
    updateTopic: unary<{ topic: WireTopic | null; updateMask: FieldMask | null }, WireTopic>(
      context,
      'UpdateTopic',
      ({ topic, updateMask }) => {
        if (!topic) throw invalidArgument('The update request does not contain a topic.');
        return broker.updateTopic(topic, updateMask?.paths ?? []);
      },
    ),
    deleteTopic: unary<{ topic: string }, object>(context, 'DeleteTopic', ({ topic }) => {
      broker.deleteTopic(topic);
      return {};
    }),
    listTopics: unary<Paging & { project: string }, { topics: WireTopic[]; nextPageToken: string }>(
      context,
      'ListTopics',
      (request) => {
        const { items, nextPageToken } = page(
          broker.topics(parseProjectName(request.project)),
          ({ name }) => name,
          request,
        );
        return { topics: items, nextPageToken };
      },
    ),
    listTopicSubscriptions: unary<Paging & { topic: string }, { subscriptions: string[]; nextPageToken: string }>(
      context,
      'ListTopicSubscriptions',
      (request) => {
        const names = broker.subscriptionsOf(request.topic).map(({ name }) => name);
        const { items, nextPageToken } = page(names, (name) => name, request);
        return { subscriptions: items, nextPageToken };
      },
    ),
    listTopicSnapshots: unary<Paging & { topic: string }, { snapshots: string[]; nextPageToken: string }>(
      context,
      'ListTopicSnapshots',
      (request) => {
        const { items, nextPageToken } = page(broker.snapshotsOf(request.topic), (name) => name, request);
        return { snapshots: items, nextPageToken };
      },
    ),
    detachSubscription: unary<{ subscription: string }, object>(context, 'DetachSubscription', ({ subscription }) => {
      broker.detachSubscription(subscription);
      return {};
    }),
    publish: unary<{ topic: string; messages: WireMessage[] }, { messageIds: string[] }>(
      context,
      'Publish',
      ({ topic, messages }) => ({ messageIds: broker.publish(topic, messages) }),
    ),
  };
}
