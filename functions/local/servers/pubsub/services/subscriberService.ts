import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker } from '../broker.ts';
import { type ProtoTime, toMs } from '../protoTime.ts';
import { parseProjectName } from '../resourceNames.ts';
import { invalidArgument, notOffered } from '../status.ts';
import { checkModifiedDeadline } from '../subscriptionSettings.ts';
import type { FieldMask, Paging, WirePushConfig, WireSnapshot, WireSubscription } from '../wire.ts';
import { throwForFailed } from './ackResults.ts';
import { page } from './paging.ts';
import { pull } from './pull.ts';
import { type CallContext, unaryMethods } from './rpc.ts';
import { streamingPull } from './streamingPull.ts';

type Labels = Record<string, string>;

interface Requests {
  CreateSubscription: WireSubscription;
  GetSubscription: { subscription: string };
  UpdateSubscription: { subscription: WireSubscription | null; updateMask: FieldMask | null };
  ListSubscriptions: Paging & { project: string };
  DeleteSubscription: { subscription: string };
  ModifyPushConfig: { subscription: string; pushConfig: WirePushConfig | null };
  Acknowledge: { subscription: string; ackIds: string[] };
  ModifyAckDeadline: { subscription: string; ackIds: string[]; ackDeadlineSeconds: number };
  Pull: { subscription: string; maxMessages: number; returnImmediately: boolean };
  Seek: { subscription: string; time: ProtoTime | null; snapshot: string };
  CreateSnapshot: { name: string; subscription: string; labels: Labels; tags: Labels };
  GetSnapshot: { snapshot: string };
  ListSnapshots: Paging & { project: string };
  UpdateSnapshot: { snapshot: WireSnapshot | null; updateMask: FieldMask | null };
  DeleteSnapshot: { snapshot: string };
}

/** `google.pubsub.v1.Subscriber` on a broker. */
export function subscriberService(broker: Broker, context: CallContext): UntypedServiceImplementation {
  const { snapshots } = broker;
  const methods = unaryMethods<Requests>(context, {
    CreateSubscription: (subscription) => broker.createSubscription(subscription),
    GetSubscription: ({ subscription }) => broker.shownSubscription(subscription),
    UpdateSubscription({ subscription, updateMask }) {
      if (!subscription) throw invalidArgument('The update request does not contain a subscription.');
      return broker.updateSubscription(subscription, updateMask?.paths ?? []);
    },
    ListSubscriptions: (request) =>
      page('subscriptions', broker.subscriptions(parseProjectName(request.project)), request),
    DeleteSubscription({ subscription }) {
      broker.deleteSubscription(subscription);
      return {};
    },
    ModifyPushConfig({ subscription, pushConfig }) {
      broker.modifyPushConfig(subscription, pushConfig);
      return {};
    },
    // Without exactly-once delivery, ids that are unknown or too late are ignored: the message is redelivered.
    Acknowledge({ subscription, ackIds }) {
      if (ackIds.length === 0) throw invalidArgument('No ack ids specified.');
      const { queue, settings } = broker.subscription(subscription);
      const results = new Map(ackIds.map((ackId) => [ackId, queue.acknowledge(ackId)]));
      throwForFailed(results, settings().exactlyOnce);
      return {};
    },
    ModifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds }) {
      if (ackIds.length === 0) throw invalidArgument('No ack ids specified.');
      checkModifiedDeadline(ackDeadlineSeconds);
      const { queue, settings } = broker.subscription(subscription);
      const results = new Map(ackIds.map((ackId) => [ackId, queue.modifyDeadline(ackId, ackDeadlineSeconds * 1000)]));
      throwForFailed(results, settings().exactlyOnce);
      return {};
    },
    Pull: async (request, signal) => ({
      receivedMessages: await pull(broker.subscription(request.subscription), request, context.clock, signal),
    }),
    Seek({ subscription, time, snapshot }) {
      if (!snapshot && !time) throw invalidArgument('A seek needs a time or a snapshot.');
      broker.seek(subscription, time ? { time: toMs(time) } : { snapshot });
      return {};
    },
    CreateSnapshot({ name, subscription, labels, tags }) {
      if (Object.keys(tags).length > 0) throw notOffered('A snapshot with tags');
      return broker.createSnapshot(name, subscription, labels);
    },
    GetSnapshot: ({ snapshot }) => snapshots.get(snapshot),
    ListSnapshots(request) {
      const project = parseProjectName(request.project);
      const ofProject = snapshots.all().filter(({ name }) => name.startsWith(`${project}/`));
      return page('snapshots', ofProject, request);
    },
    UpdateSnapshot({ snapshot, updateMask }) {
      if (!snapshot) throw invalidArgument('The update request does not contain a snapshot.');
      return snapshots.update(snapshot, updateMask?.paths ?? []);
    },
    DeleteSnapshot({ snapshot }) {
      snapshots.delete(snapshot);
      return {};
    },
  });
  return { ...methods, StreamingPull: streamingPull(broker, context) };
}
