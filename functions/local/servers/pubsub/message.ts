import { fromMs } from './protoTime.ts';
import { invalidArgument, tooLarge } from './status.ts';
import type { WireMessage } from './wire.ts';

/** A published message as the server keeps it; one object is shared by every subscription that holds it. */
export interface StoredMessage {
  /** Order of publication on this server; the message id is made from it. */
  readonly sequence: number;
  readonly id: string;
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
  /** Ms since the epoch, of the server's clock. */
  readonly publishedAt: number;
  /** What flow control and the publish limit count: data, attributes and ordering key, in bytes. */
  readonly bytes: number;
}

// The service's own limits: https://cloud.google.com/pubsub/quotas#resource_limits
const maxPublishBytes = 10_000_000;
const maxPublishMessages = 1000;
const maxAttributes = 100;
const maxAttributeKeyBytes = 256;
const maxAttributeValueBytes = 1024;
const maxOrderingKeyBytes = 1024;

/** `googclient_` is for client libraries: they carry trace contexts in it. */
const reservedKeyPattern = /^goog(?!client_)/i;

/** Every message is accounted with this many bytes on top of its content, so that a request of tiny messages has a size
 *  too. */
const messageOverheadBytes = 20;

/** Size of a message for limits and flow control, in bytes. */
export function messageBytes(message: Pick<WireMessage, 'data' | 'attributes' | 'orderingKey'>): number {
  let bytes = message.data.length + Buffer.byteLength(message.orderingKey) + messageOverheadBytes;
  for (const [key, value] of Object.entries(message.attributes)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes;
}

/** Refuses what the service refuses to publish; throws INVALID_ARGUMENT and then nothing of the request is
 *  published. */
export function checkPublishable(messages: readonly WireMessage[]): void {
  if (messages.length === 0) throw invalidArgument('The publish request does not contain any messages.');
  if (messages.length > maxPublishMessages) throw tooLarge('message_count', messages.length, maxPublishMessages);
  const requestBytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
  const largest = messages.reduce((max, message) => Math.max(max, message.data.length), 0);
  if (largest > maxPublishBytes) throw tooLarge('message_size', largest, maxPublishBytes);
  if (requestBytes > maxPublishBytes) throw tooLarge('request_size', requestBytes, maxPublishBytes);
  for (const message of messages) {
    checkAttributes(message.attributes);
    if (message.data.length === 0 && Object.keys(message.attributes).length === 0) {
      throw invalidArgument(
        'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
      );
    }
    const keyBytes = Buffer.byteLength(message.orderingKey);
    if (keyBytes > maxOrderingKeyBytes) throw tooLarge('ordering_key_size', keyBytes, maxOrderingKeyBytes);
  }
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  const entries = Object.entries(attributes);
  if (entries.length > maxAttributes) throw tooLarge('num_attributes', entries.length, maxAttributes);
  for (const [key, value] of entries) {
    if (key === '') throw invalidArgument('Message attribute keys must be non-empty.');
    if (reservedKeyPattern.test(key)) {
      throw invalidArgument(`The attribute key "${key}" starts with the prefix "goog", which the service reserves.`);
    }
    const keyBytes = Buffer.byteLength(key);
    const valueBytes = Buffer.byteLength(value);
    if (keyBytes > maxAttributeKeyBytes) throw tooLarge('attribute_key_size', keyBytes, maxAttributeKeyBytes);
    if (valueBytes > maxAttributeValueBytes) {
      throw tooLarge('attribute_value_size', valueBytes, maxAttributeValueBytes);
    }
  }
}

export function toWireMessage(message: StoredMessage): WireMessage {
  return {
    data: message.data,
    attributes: { ...message.attributes },
    messageId: message.id,
    publishTime: fromMs(message.publishedAt),
    orderingKey: message.orderingKey,
  };
}
