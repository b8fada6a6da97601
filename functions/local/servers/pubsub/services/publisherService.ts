import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker } from '../broker.ts';
import { parseProjectName } from '../resourceNames.ts';
import { invalidArgument } from '../status.ts';
import type { FieldMask, Paging, WireMessage, WireTopic } from '../wire.ts';
import { page } from './paging.ts';
import { type CallContext, unaryMethods } from './rpc.ts';

interface Requests {
  CreateTopic: WireTopic;
  GetTopic: { topic: string };
  UpdateTopic: { topic: WireTopic | null; updateMask: FieldMask | null };
  DeleteTopic: { topic: string };
  ListTopics: Paging & { project: string };
  ListTopicSubscriptions: Paging & { topic: string };
  ListTopicSnapshots: Paging & { topic: string };
  DetachSubscription: { subscription: string };
  Publish: { topic: string; messages: WireMessage[] };
}

/** `google.pubsub.v1.Publisher` on a broker. */
export function publisherService(broker: Broker, context: CallContext): UntypedServiceImplementation {
  return unaryMethods<Requests>(context, {
    CreateTopic: (topic) => broker.createTopic(topic),
    GetTopic: ({ topic }) => broker.topic(topic),
    UpdateTopic({ topic, updateMask }) {
      if (!topic) throw invalidArgument('The update request does not contain a topic.');
      return broker.updateTopic(topic, updateMask?.paths ?? []);
    },
    DeleteTopic({ topic }) {
      broker.deleteTopic(topic);
      return {};
    },
    ListTopics: (request) => page('topics', broker.topics(parseProjectName(request.project)), request),
    ListTopicSubscriptions: (request) => page('subscriptions', broker.subscriptionsOf(request.topic), request),
    ListTopicSnapshots: (request) => page('snapshots', broker.snapshotsOf(request.topic), request),
    DetachSubscription({ subscription }) {
      broker.detachSubscription(subscription);
      return {};
    },
    Publish: ({ topic, messages }) => ({ messageIds: broker.publish(topic, messages) }),
  });
}
