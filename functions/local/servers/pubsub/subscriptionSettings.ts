import { compileFilter } from './filter.ts';
import { fromMs, type ProtoTime, toMs } from './protoTime.ts';
import { deletedTopic, parseResourceName } from './resourceNames.ts';
import { invalidArgument, notOffered } from './status.ts';
import { applyMask, checkRetention } from './topicSettings.ts';
import type { WirePushConfig, WireSubscription } from './wire.ts';

/** What the delivery of one subscription depends on, in ms. */
export interface DeliverySettings {
  readonly ackDeadlineMs: number;
  readonly retentionMs: number;
  readonly retainAcked: boolean;
  readonly ordered: boolean;
  /** An acknowledgement counts or fails for certain, and what it counts for is not delivered again. */
  readonly exactlyOnce: boolean;
  /** Without a retry policy a message that was not acknowledged is redelivered at once. */
  readonly retry: { readonly minMs: number; readonly maxMs: number } | undefined;
  readonly deadLetter: { readonly topic: string; readonly maxAttempts: number } | undefined;
}

// Defaults and ranges of the service: https://cloud.google.com/pubsub/docs/subscription-properties
const defaultAckDeadlineSeconds = 10;
const ackDeadlineSeconds = { least: 10, most: 600 };
const dayMs = 24 * 60 * 60 * 1000;
const defaultRetentionMs = 7 * dayMs;
const defaultExpirationMs = 31 * dayMs;
const minExpirationMs = dayMs;
const defaultMinBackoffMs = 10_000;
const maxBackoffMs = 600_000;
const defaultDeliveryAttempts = 5;
const deliveryAttempts = { least: 5, most: 100 };

function checkRange(what: string, value: number, { least, most }: { least: number; most: number }): void {
  if (value < least || value > most) {
    throw invalidArgument(`Invalid ${what} given (${value}): it must be between ${least} and ${most}.`);
  }
}

/** Checks the ack deadline of a subscription or a stream, in seconds; throws INVALID_ARGUMENT. */
export function checkAckDeadline(seconds: number): void {
  checkRange('ack_deadline_seconds', seconds, ackDeadlineSeconds);
}

/** Checks the deadline of a modifyAckDeadline call, in seconds, where 0 gives the message back; throws
 *  INVALID_ARGUMENT. */
export function checkModifiedDeadline(seconds: number): void {
  checkRange('ack_deadline_seconds', seconds, { ...ackDeadlineSeconds, least: 0 });
}

/** Checks a subscription that a client creates or changes, and fills in the service's defaults. */
export function completeSubscription(subscription: WireSubscription): WireSubscription {
  parseResourceName('subscriptions', subscription.name);
  if (subscription.topic !== deletedTopic) parseResourceName('topics', subscription.topic);
  refuseWhatIsLeftOut(subscription);
  const deadline = subscription.ackDeadlineSeconds || defaultAckDeadlineSeconds;
  checkAckDeadline(deadline);
  const messageRetentionDuration = subscription.messageRetentionDuration ?? fromMs(defaultRetentionMs);
  checkRetention(toMs(messageRetentionDuration));
  compileFilter(subscription.filter);
  const pushConfig = subscription.pushConfig ?? noPush;
  checkPushConfig(pushConfig);
  if (pushConfig.pushEndpoint !== '' && subscription.enableExactlyOnceDelivery) {
    throw invalidArgument('Exactly-once delivery is for pull subscriptions only.');
  }
  checkExpiration(subscription.expirationPolicy?.ttl);
  return {
    ...subscription,
    pushConfig,
    ackDeadlineSeconds: deadline,
    messageRetentionDuration,
    expirationPolicy: subscription.expirationPolicy ?? { ttl: fromMs(defaultExpirationMs) },
    deadLetterPolicy: subscription.deadLetterPolicy && completeDeadLetterPolicy(subscription.deadLetterPolicy),
    retryPolicy: subscription.retryPolicy && completeRetryPolicy(subscription.retryPolicy),
    state: 'ACTIVE',
  };
}

/** What a pull subscription shows. */
const noPush: WirePushConfig = { pushEndpoint: '', attributes: {} };

function checkExpiration(ttl: ProtoTime | null | undefined): void {
  if (ttl && toMs(ttl) < minExpirationMs) {
    throw invalidArgument(`Invalid expiration policy (ttl=${toMs(ttl) / 1000} s): it must be at least one day.`);
  }
}

function refuseWhatIsLeftOut(subscription: WireSubscription): void {
  if (subscription.bigqueryConfig) throw notOffered('A BigQuery subscription');
  if (subscription.cloudStorageConfig) throw notOffered('A Cloud Storage subscription');
  if (subscription.bigtableConfig) throw notOffered('A Bigtable subscription');
  if (subscription.messageTransforms.length > 0) throw notOffered('A subscription with message transforms');
  if (Object.keys(subscription.tags).length > 0) throw notOffered('A subscription with tags');
}

/** Checks where a push subscription delivers to; throws INVALID_ARGUMENT for what is no HTTP URL. */
export function checkPushConfig(config: WirePushConfig): void {
  if (config.noWrapper) throw notOffered('Push delivery without the JSON wrapper');
  for (const [name, value] of Object.entries(config.attributes)) {
    if (name !== 'x-goog-version' || value !== 'v1') throw notOffered(`The push attribute ${name}=${value}`);
  }
  if (config.oidcToken && config.oidcToken.serviceAccountEmail === '') {
    throw invalidArgument('Invalid push config: an OIDC token needs the e-mail address of a service account.');
  }
  if (config.pushEndpoint === '') return;
  if (!URL.canParse(config.pushEndpoint) || !/^https?:$/.test(new URL(config.pushEndpoint).protocol)) {
    throw invalidArgument(`Invalid push endpoint given (endpoint=${config.pushEndpoint}).`);
  }
}

function completeDeadLetterPolicy(
  policy: NonNullable<WireSubscription['deadLetterPolicy']>,
): NonNullable<WireSubscription['deadLetterPolicy']> {
  if (policy.deadLetterTopic !== deletedTopic) parseResourceName('topics', policy.deadLetterTopic);
  const maxDeliveryAttempts = policy.maxDeliveryAttempts || defaultDeliveryAttempts;
  checkRange('max_delivery_attempts', maxDeliveryAttempts, deliveryAttempts);
  return { ...policy, maxDeliveryAttempts };
}

function completeRetryPolicy(
  policy: NonNullable<WireSubscription['retryPolicy']>,
): NonNullable<WireSubscription['retryPolicy']> {
  const minimumBackoff = policy.minimumBackoff ?? fromMs(defaultMinBackoffMs);
  const maximumBackoff = policy.maximumBackoff ?? fromMs(maxBackoffMs);
  checkRange('minimum backoff in ms', toMs(minimumBackoff), { least: 0, most: maxBackoffMs });
  checkRange('maximum backoff in ms', toMs(maximumBackoff), { least: toMs(minimumBackoff), most: maxBackoffMs });
  return { minimumBackoff, maximumBackoff };
}

/** Which fields of a subscription an update may name; topic, filter and ordering are fixed at creation. */
const changeableFields = new Set([
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
  return completeSubscription(applyMask(current, wanted, paths, changeableFields, 'subscription'));
}

/** What delivery needs to know of a complete subscription. */
export function deliverySettings(subscription: WireSubscription): DeliverySettings {
  const { retryPolicy, deadLetterPolicy } = subscription;
  return {
    ackDeadlineMs: subscription.ackDeadlineSeconds * 1000,
    retentionMs: subscription.messageRetentionDuration
      ? toMs(subscription.messageRetentionDuration)
      : defaultRetentionMs,
    retainAcked: subscription.retainAckedMessages,
    ordered: subscription.enableMessageOrdering,
    exactlyOnce: subscription.enableExactlyOnceDelivery,
    retry: retryPolicy
      ? {
          minMs: retryPolicy.minimumBackoff ? toMs(retryPolicy.minimumBackoff) : defaultMinBackoffMs,
          maxMs: retryPolicy.maximumBackoff ? toMs(retryPolicy.maximumBackoff) : maxBackoffMs,
        }
      : undefined,
    deadLetter: deadLetterPolicy
      ? { topic: deadLetterPolicy.deadLetterTopic, maxAttempts: deadLetterPolicy.maxDeliveryAttempts }
      : undefined,
  };
}
