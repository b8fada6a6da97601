import type { ProtoTime } from './protoTime.ts';

// The messages of `google.pubsub.v1` that this server reads and writes, in the shape the protobuf loader gives them
// with `defaults: true`: scalars, lists and maps are always there, an absent message is null. Only fields that mean
// something here are listed.

export interface WireTopic {
  name: string;
  labels: Record<string, string>;
  messageRetentionDuration: ProtoTime | null;
  messageStoragePolicy: { allowedPersistenceRegions: readonly string[]; enforceInTransit: boolean } | null;
  kmsKeyName: string;
  schemaSettings: object | null;
  ingestionDataSourceSettings: object | null;
  messageTransforms: readonly object[];
  tags: Record<string, string>;
  state: string;
}

export interface WireOidcToken {
  serviceAccountEmail: string;
  audience: string;
}

export interface WirePushConfig {
  pushEndpoint: string;
  attributes: Record<string, string>;
  oidcToken?: WireOidcToken | null;
  noWrapper?: object | null;
}

export interface WireSnapshot {
  name: string;
  topic: string;
  expireTime: ProtoTime | null;
  labels: Record<string, string>;
}

export interface WireSubscription {
  name: string;
  topic: string;
  pushConfig: WirePushConfig | null;
  bigqueryConfig: object | null;
  cloudStorageConfig: object | null;
  bigtableConfig: object | null;
  ackDeadlineSeconds: number;
  retainAckedMessages: boolean;
  messageRetentionDuration: ProtoTime | null;
  labels: Record<string, string>;
  enableMessageOrdering: boolean;
  expirationPolicy: { ttl: ProtoTime | null } | null;
  filter: string;
  deadLetterPolicy: { deadLetterTopic: string; maxDeliveryAttempts: number } | null;
  retryPolicy: { minimumBackoff: ProtoTime | null; maximumBackoff: ProtoTime | null } | null;
  detached: boolean;
  enableExactlyOnceDelivery: boolean;
  topicMessageRetentionDuration: ProtoTime | null;
  messageTransforms: readonly object[];
  tags: Record<string, string>;
  state: string;
}

export interface WireMessage {
  data: Buffer;
  attributes: Record<string, string>;
  messageId: string;
  publishTime: ProtoTime | null;
  orderingKey: string;
}

export interface WireReceivedMessage {
  ackId: string;
  message: WireMessage;
  deliveryAttempt: number;
}

export interface FieldMask {
  paths: readonly string[];
}

export interface Paging {
  pageSize: number;
  pageToken: string;
}

export interface StreamingPullRequest {
  subscription: string;
  ackIds: readonly string[];
  modifyDeadlineSeconds: readonly number[];
  modifyDeadlineAckIds: readonly string[];
  streamAckDeadlineSeconds: number;
  maxOutstandingMessages: number;
  maxOutstandingBytes: number;
}

/** What became of the ids of one request, under exactly-once delivery. */
export interface AckConfirmation {
  ackIds: string[];
  invalidAckIds: string[];
  unorderedAckIds: string[];
}

export interface StreamingPullResponse {
  acknowledgeConfirmation?: AckConfirmation;
  modifyAckDeadlineConfirmation?: Omit<AckConfirmation, 'unorderedAckIds'>;
  receivedMessages?: readonly WireReceivedMessage[];
  subscriptionProperties?: { exactlyOnceDeliveryEnabled: boolean; messageOrderingEnabled: boolean };
}
