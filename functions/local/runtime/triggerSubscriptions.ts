import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { fromMs } from '../servers/pubsub/protoTime.ts';
import { loadPubSubServices } from '../servers/pubsub/serviceDefinitions.ts';

export interface PublishedMessage {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Buffer;
}

/** The topics and push subscriptions that functions are triggered by, as Eventarc makes them. */
export interface TriggerSubscriptions {
  /** Creates the topic and the subscription of a function, or brings an existing subscription up to date. */
  connect(functionName: string, topicName: string, endpoint: string): Promise<void>;
  /** Publishes messages of an event source. */
  publish(topicName: string, messages: readonly PublishedMessage[]): Promise<void>;
  /** Stops deliveries; the subscription keeps what comes in. */
  disconnect(functionName: string): Promise<void>;
  close(): void;
}

export interface TriggerSubscriptionOptions {
  readonly pubsubHost: string;
  readonly projectId: string;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** The longest the service allows, as for deployed functions: the timeout of the function decides, not Pub/Sub. */
const ackDeadlineSeconds = 600;

/** A local call takes milliseconds; a server that does not answer for this long is not there, in ms. */
const callDeadlineMs = 5000;

/** How Eventarc names the subscription of a function. */
export function subscriptionName(projectId: string, functionName: string): string {
  return `projects/${projectId}/subscriptions/eventarc-${functionName.toLowerCase()}-sub`;
}

/** Connects to the Pub/Sub server at `pubsubHost`. */
export function openTriggerSubscriptions(options: TriggerSubscriptionOptions): TriggerSubscriptions {
  const { Publisher, Subscriber } = loadPubSubServices();
  const client = new Client(options.pubsubHost, credentials.createInsecure());

  function call(method: string, request: object): Promise<unknown> {
    const definition = Publisher[method] ?? Subscriber[method];
    if (!definition) throw new Error(`Pub/Sub has no method ${method}.`);
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest<object, object>(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        { deadline: Date.now() + callDeadlineMs },
        (error, response) => {
          if (error) reject(explain(error, method, options.pubsubHost));
          else resolve(response);
        },
      );
    });
  }

  /** Like `call`, but resolves with undefined when the server answers with `expected`. */
  function callUnless(expected: status, method: string, request: object): Promise<unknown> {
    return call(method, request).catch((error: unknown) => {
      if (isServiceError(error) && error.code === expected) return undefined;
      throw error;
    });
  }

  return {
    async connect(functionName, topicName, endpoint) {
      const subscription = {
        name: subscriptionName(options.projectId, functionName),
        topic: topicName,
        ackDeadlineSeconds,
        pushConfig: { pushEndpoint: endpoint },
        retryPolicy: { minimumBackoff: fromMs(options.minBackoffMs), maximumBackoff: fromMs(options.maxBackoffMs) },
      };
      await callUnless(status.ALREADY_EXISTS, 'CreateTopic', { name: topicName });
      const existing = await callUnless(status.NOT_FOUND, 'GetSubscription', { subscription: subscription.name });
      if (!isOfTopic(existing, topicName)) {
        if (existing) await call('DeleteSubscription', { subscription: subscription.name });
        await call('CreateSubscription', subscription);
      } else {
        const updateMask = { paths: ['push_config', 'retry_policy', 'ack_deadline_seconds'] };
        await call('UpdateSubscription', { subscription, updateMask });
      }
    },
    async publish(topicName, messages) {
      await call('Publish', { topic: topicName, messages });
    },
    async disconnect(functionName) {
      const subscription = subscriptionName(options.projectId, functionName);
      await callUnless(status.NOT_FOUND, 'ModifyPushConfig', { subscription, pushConfig: {} });
    },
    close: () => client.close(),
  };
}

function isOfTopic(subscription: unknown, topic: string): boolean {
  return typeof subscription === 'object' && subscription !== null && Reflect.get(subscription, 'topic') === topic;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}

function explain(error: ServiceError, method: string, host: string): ServiceError {
  return Object.assign(error, { message: `${method} at the Pub/Sub server ${host} failed: ${error.message}` });
}
