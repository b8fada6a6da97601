import { compileFilter } from './filter.ts';
import { fromMs, toMs } from './protoTime.ts';
import { DELETED_TOPIC, parseResourceName } from './resourceNames.ts';
import { invalidArgument, notOffered } from './status.ts';
import { applyMask, checkRetention } from './topicSettings.ts';
import type { WirePushConfig, WireSubscription } from './wire.ts';

/** What the delivery of one subscription depends on, in ms. */
export interface DeliverySettings {
  readonly ackDeadlineMs: number;
  readonly retentionMs: number;
  readonly retainAcked: boolean;
  readonly ordered: boolean;
  /** Without a retry policy a message that was not acknowledged comes again at once. */
  readonly retry: { readonly minMs: number; readonly maxMs: number } | undefined;
  readonly deadLetter: { readonly topic: string; readonly maxAttempts: number } | undefined;
}

// Defaults and ranges of the service: https://cloud.google.com/pubsub/docs/subscription-properties
const DEFAULT_ACK_DEADLINE_S = 10;
const MIN_ACK_DEADLINE_S = 10;
const MAX_ACK_DEADLINE_S = 600;
const DEFAULT_RETENTION_MS = 7 * 24 * 60 * 60 * 1000;
const DEFAULT_EXPIRATION_MS = 31 * 24 * 60 * 60 * 1000;
const DEFAULT_MIN_BACKOFF_MS = 10_000;
const DEFAULT_MAX_BACKOFF_MS = 600_000;
const MAX_BACKOFF_MS = 600_000;
const DEFAULT_DELIVERY_ATTEMPTS = 5;
const MIN_DELIVERY_ATTEMPTS = 5;
const MAX_DELIVERY_ATTEMPTS = 100;

/** Checks the ack deadline of a subscription or a stream, in seconds; throws INVALID_ARGUMENT. */
export function checkAckDeadline(seconds: number): void {
  if (seconds < MIN_ACK_DEADLINE_S || seconds > MAX_ACK_DEADLINE_S) {
    throw invalidArgument(
      `Invalid ack deadline given (ack_deadline_seconds=${seconds}): it must be between ${MIN_ACK_DEADLINE_S} and ${MAX_ACK_DEADLINE_S}.`,
    );
  }
}

/** Checks the deadline of a modifyAckDeadline call, in seconds, where 0 gives the message back; throws INVALID_ARGUMENT. */
export function checkModifiedDeadline(seconds: number): void {
  if (seconds < 0 || seconds > MAX_ACK_DEADLINE_S) {
    throw invalidArgument(
      `Invalid ack deadline given (ack_deadline_seconds=${seconds}): it must be between 0 and ${MAX_ACK_DEADLINE_S}.`,
    );
  }
}

/** Checks a subscription that a client creates or changes, and fills in the service's defaults. */
export function completeSubscription(subscription: WireSubscription): WireSubscription {
  parseResourceName('subscriptions', subscription.name);
  if (subscription.topic !== DELETED_TOPIC) parseResourceName('topics', subscription.topic);
  refuseWhatIsLeftOut(subscription);
  const ackDeadlineSeconds = subscription.ackDeadlineSeconds || DEFAULT_ACK_DEADLINE_S;
  checkAckDeadline(ackDeadlineSeconds);
  const messageRetentionDuration = subscription.messageRetentionDuration ?? fromMs(DEFAULT_RETENTION_MS);
  checkRetention(toMs(messageRetentionDuration));
  compileFilter(subscription.filter);
  if (subscription.pushConfig) checkPushConfig(subscription.pushConfig);
  return {
    ...subscription,
    ackDeadlineSeconds,
    messageRetentionDuration,
    expirationPolicy: subscription.expirationPolicy ?? { ttl: fromMs(DEFAULT_EXPIRATION_MS) },
    deadLetterPolicy: subscription.deadLetterPolicy && completeDeadLetterPolicy(subscription.deadLetterPolicy),
    retryPolicy: subscription.retryPolicy && completeRetryPolicy(subscription.retryPolicy),
    state: 'ACTIVE',
  };
}

function refuseWhatIsLeftOut(subscription: WireSubscription): void {
  if (subscription.bigqueryConfig) throw notOffered('A BigQuery subscription');
  if (subscription.cloudStorageConfig) throw notOffered('A Cloud Storage subscription');
  if (subscription.bigtableConfig) throw notOffered('A Bigtable subscription');
  if (subscription.messageTransforms.length > 0) throw notOffered('A subscription with message transforms');
  // Said aloud rather than accepted and not kept: who asks for exactly-once relies on it.
  if (subscription.enableExactlyOnceDelivery) throw notOffered('Exactly-once delivery');
}

/** Checks where a push subscription delivers to; throws INVALID_ARGUMENT for what is no HTTP URL. */
export function checkPushConfig(config: WirePushConfig): void {
  if (config.noWrapper) throw notOffered('Push delivery without the JSON wrapper');
  if (config.pushEndpoint === '') return;
  if (!URL.canParse(config.pushEndpoint) || !/^https?:$/.test(new URL(config.pushEndpoint).protocol)) {
    throw invalidArgument(`Invalid push endpoint given (endpoint=${config.pushEndpoint}).`);
  }
}

function completeDeadLetterPolicy(
  policy: NonNullable<WireSubscription['deadLetterPolicy']>,
): NonNullable<WireSubscription['deadLetterPolicy']> {
  parseResourceName('topics', policy.deadLetterTopic);
  const maxDeliveryAttempts = policy.maxDeliveryAttempts || DEFAULT_DELIVERY_ATTEMPTS;
  if (maxDeliveryAttempts < MIN_DELIVERY_ATTEMPTS || maxDeliveryAttempts > MAX_DELIVERY_ATTEMPTS) {
    throw invalidArgument(
      `Invalid max_delivery_attempts (${maxDeliveryAttempts}): it must be between ${MIN_DELIVERY_ATTEMPTS} and ${MAX_DELIVERY_ATTEMPTS}.`,
    );
  }
  return { ...policy, maxDeliveryAttempts };
}

function completeRetryPolicy(
  policy: NonNullable<WireSubscription['retryPolicy']>,
): NonNullable<WireSubscription['retryPolicy']> {
  const minimumBackoff = policy.minimumBackoff ?? fromMs(DEFAULT_MIN_BACKOFF_MS);
  const maximumBackoff = policy.maximumBackoff ?? fromMs(DEFAULT_MAX_BACKOFF_MS);
  for (const backoff of [minimumBackoff, maximumBackoff]) {
    if (toMs(backoff) < 0 || toMs(backoff) > MAX_BACKOFF_MS) {
      throw invalidArgument(`Invalid retry policy: a backoff must be between 0 and ${MAX_BACKOFF_MS / 1000} seconds.`);
    }
  }
  if (toMs(minimumBackoff) > toMs(maximumBackoff)) {
    throw invalidArgument('Invalid retry policy: the minimum backoff is longer than the maximum backoff.');
  }
  return { minimumBackoff, maximumBackoff };
}

/** Which fields of a subscription an update may name; topic, filter and ordering are fixed at creation. */
const CHANGEABLE = new Set([
  'pushConfig',
  'ackDeadlineSeconds',
  'retainAckedMessages',
  'messageRetentionDuration',
  'labels',
  'expirationPolicy',
  'deadLetterPolicy',
  'retryPolicy',
  'enableExactlyOnceDelivery',
]);

/** The subscription after an update; throws INVALID_ARGUMENT for a field that cannot change. */
export function changeSubscription(
  current: WireSubscription,
  wanted: WireSubscription,
  paths: readonly string[],
): WireSubscription {
  return completeSubscription(applyMask(current, wanted, paths, CHANGEABLE, 'subscription'));
}

/** What delivery needs to know of a complete subscription. */
export function deliverySettings(subscription: WireSubscription): DeliverySettings {
  const { retryPolicy, deadLetterPolicy } = subscription;
  return {
    ackDeadlineMs: subscription.ackDeadlineSeconds * 1000,
    retentionMs: subscription.messageRetentionDuration
      ? toMs(subscription.messageRetentionDuration)
      : DEFAULT_RETENTION_MS,
    retainAcked: subscription.retainAckedMessages,
    ordered: subscription.enableMessageOrdering,
    retry: retryPolicy
      ? {
          minMs: retryPolicy.minimumBackoff ? toMs(retryPolicy.minimumBackoff) : DEFAULT_MIN_BACKOFF_MS,
          maxMs: retryPolicy.maximumBackoff ? toMs(retryPolicy.maximumBackoff) : DEFAULT_MAX_BACKOFF_MS,
        }
      : undefined,
    deadLetter: deadLetterPolicy
      ? { topic: deadLetterPolicy.deadLetterTopic, maxAttempts: deadLetterPolicy.maxDeliveryAttempts }
      : undefined,
  };
}
