import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker } from '../broker.ts';
import { type ProtoTime, toMs } from '../protoTime.ts';
import { parseProjectName } from '../resourceNames.ts';
import { invalidArgument, notOffered } from '../status.ts';
import { checkModifiedDeadline } from '../subscriptionSettings.ts';
import type {
  FieldMask,
  Paging,
  WirePushConfig,
  WireReceivedMessage,
  WireSnapshot,
  WireSubscription,
} from '../wire.ts';
import { throwForFailed } from './ackResults.ts';
import { page } from './paging.ts';
import { pull } from './pull.ts';
import { type CallContext, unary } from './rpc.ts';
import { streamingPull } from './streamingPull.ts';

/** `google.pubsub.v1.Subscriber` on a broker. */
export function subscriberService(broker: Broker, context: CallContext): UntypedServiceImplementation {
  const { snapshots } = broker;
  return {
    createSubscription: unary<WireSubscription, WireSubscription>(context, 'CreateSubscription', (subscription) =>
      broker.createSubscription(subscription),
    ),
    getSubscription: unary<{ subscription: string }, WireSubscription>(context, 'GetSubscription', ({ subscription }) =>
      broker.shownSubscription(subscription),
    ),
    updateSubscription: unary<
      { subscription: WireSubscription | null; updateMask: FieldMask | null },
      WireSubscription
    >(context, 'UpdateSubscription', ({ subscription, updateMask }) => {
      if (!subscription) throw invalidArgument('The update request does not contain a subscription.');
      return broker.updateSubscription(subscription, updateMask?.paths ?? []);
    }),
    listSubscriptions: unary<
      Paging & { project: string },
      { subscriptions: WireSubscription[]; nextPageToken: string }
    >(context, 'ListSubscriptions', (request) => {
      const all = broker.subscriptions(parseProjectName(request.project));
      const { items, nextPageToken } = page(all, ({ name }) => name, request);
      return { subscriptions: items, nextPageToken };
    }),
    deleteSubscription: unary<{ subscription: string }, object>(context, 'DeleteSubscription', ({ subscription }) => {
      broker.deleteSubscription(subscription);
      return {};
    }),
    modifyPushConfig: unary<{ subscription: string; pushConfig: WirePushConfig | null }, object>(
      context,
      'ModifyPushConfig',
      ({ subscription, pushConfig }) => {
        broker.modifyPushConfig(subscription, pushConfig);
        return {};
      },
    ),
    // Without exactly-once delivery, ids that are unknown or too late are ignored: the message is redelivered.
    acknowledge: unary<{ subscription: string; ackIds: string[] }, object>(
      context,
      'Acknowledge',
      ({ subscription, ackIds }) => {
        if (ackIds.length === 0) throw invalidArgument('No ack ids specified.');
        const { queue, settings } = broker.subscription(subscription);
        const results = new Map(ackIds.map((ackId) => [ackId, queue.acknowledge(ackId)]));
        throwForFailed(results, settings().exactlyOnce);
        return {};
      },
    ),
    modifyAckDeadline: unary<{ subscription: string; ackIds: string[]; ackDeadlineSeconds: number }, object>(
      context,
      'ModifyAckDeadline',
      ({ subscription, ackIds, ackDeadlineSeconds }) => {
        if (ackIds.length === 0) throw invalidArgument('No ack ids specified.');
        checkModifiedDeadline(ackDeadlineSeconds);
        const { queue, settings } = broker.subscription(subscription);
        const results = new Map(ackIds.map((ackId) => [ackId, queue.modifyDeadline(ackId, ackDeadlineSeconds * 1000)]));
        throwForFailed(results, settings().exactlyOnce);
        return {};
      },
    ),
    pull: unary<
      { subscription: string; maxMessages: number; returnImmediately: boolean },
      { receivedMessages: WireReceivedMessage[] }
    >(context, 'Pull', async (request, signal) => ({
      receivedMessages: await pull(broker.subscription(request.subscription), request, context.clock, signal),
    })),
    streamingPull: streamingPull(broker, context),
    seek: unary<{ subscription: string; time: ProtoTime | null; snapshot: string }, object>(
      context,
      'Seek',
      ({ subscription, time, snapshot }) => {
        if (!snapshot && !time) throw invalidArgument('A seek needs a time or a snapshot.');
        broker.seek(subscription, time ? { time: toMs(time) } : { snapshot });
        return {};
      },
    ),
    createSnapshot: unary<
      { name: string; subscription: string; labels: Record<string, string>; tags: Record<string, string> },
      WireSnapshot
    >(context, 'CreateSnapshot', ({ name, subscription, labels, tags }) => {
      if (Object.keys(tags).length > 0) throw notOffered('A snapshot with tags');
      return broker.createSnapshot(name, subscription, labels);
    }),
    getSnapshot: unary<{ snapshot: string }, WireSnapshot>(context, 'GetSnapshot', ({ snapshot }) =>
      snapshots.get(snapshot),
    ),
    listSnapshots: unary<Paging & { project: string }, { snapshots: WireSnapshot[]; nextPageToken: string }>(
      context,
      'ListSnapshots',
      (request) => {
        const project = parseProjectName(request.project);
        const all = snapshots.all().filter(({ name }) => name.startsWith(`${project}/`));
        const { items, nextPageToken } = page(all, ({ name }) => name, request);
        return { snapshots: items, nextPageToken };
      },
    ),
    updateSnapshot: unary<{ snapshot: WireSnapshot | null; updateMask: FieldMask | null }, WireSnapshot>(
      context,
      'UpdateSnapshot',
      ({ snapshot, updateMask }) => {
        if (!snapshot) throw invalidArgument('The update request does not contain a snapshot.');
        return snapshots.update(snapshot, updateMask?.paths ?? []);
      },
    ),
    deleteSnapshot: unary<{ snapshot: string }, object>(context, 'DeleteSnapshot', ({ snapshot }) => {
      snapshots.delete(snapshot);
      return {};
    }),
  };
}
