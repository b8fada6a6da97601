import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker } from './broker.ts';
import { page } from './paging.ts';
import { type ProtoTime, toMs } from './protoTime.ts';
import { pull } from './pull.ts';
import { parseProjectName } from './resourceNames.ts';
import { type CallContext, unary } from './rpc.ts';
import { invalidArgument, notOffered } from './status.ts';
import { streamingPull } from './streamingPull.ts';
import { checkModifiedDeadline } from './subscriptionSettings.ts';
import type { FieldMask, Paging, WirePushConfig, WireReceivedMessage, WireSubscription } from './wire.ts';

/** `google.pubsub.v1.Subscriber` on a broker. */
export function subscriberService(broker: Broker, context: CallContext): UntypedServiceImplementation {
  const snapshots = (method: string) =>
    unary<object, object>(context, method, () => {
      throw notOffered('Snapshots');
    });
  return {
    createSubscription: unary<WireSubscription, WireSubscription>(context, 'CreateSubscription', (subscription) =>
      broker.createSubscription(subscription),
    ),
    getSubscription: unary<{ subscription: string }, WireSubscription>(context, 'GetSubscription', ({ subscription }) =>
      broker.subscription(subscription).wire(),
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
    // Ids that are unknown or too late are ignored, as in the service: the message is redelivered.
    acknowledge: unary<{ subscription: string; ackIds: string[] }, object>(
      context,
      'Acknowledge',
      ({ subscription, ackIds }) => {
        if (ackIds.length === 0) throw invalidArgument('No ack ids specified.');
        const { queue } = broker.subscription(subscription);
        for (const ackId of ackIds) queue.acknowledge(ackId);
        return {};
      },
    ),
    modifyAckDeadline: unary<{ subscription: string; ackIds: string[]; ackDeadlineSeconds: number }, object>(
      context,
      'ModifyAckDeadline',
      ({ subscription, ackIds, ackDeadlineSeconds }) => {
        if (ackIds.length === 0) throw invalidArgument('No ack ids specified.');
        checkModifiedDeadline(ackDeadlineSeconds);
        const { queue } = broker.subscription(subscription);
        for (const ackId of ackIds) queue.modifyDeadline(ackId, ackDeadlineSeconds * 1000);
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
        if (snapshot) throw notOffered('Snapshots');
        if (!time) throw invalidArgument('A seek needs a time.');
        broker.seek(subscription, toMs(time));
        return {};
      },
    ),
    getSnapshot: snapshots('GetSnapshot'),
    listSnapshots: snapshots('ListSnapshots'),
    createSnapshot: snapshots('CreateSnapshot'),
    updateSnapshot: snapshots('UpdateSnapshot'),
    deleteSnapshot: snapshots('DeleteSnapshot'),
  };
}
