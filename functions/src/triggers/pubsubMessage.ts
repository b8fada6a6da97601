import type { CloudEvent } from 'firebase-functions/v2';
import type { MessagePublishedData } from 'firebase-functions/v2/pubsub';
import type { ReceivedMessage } from '../events/codec.ts';

/** The message inside the event with which Cloud Functions calls: data comes in base64, attributes may be missing. */
export function messageOf(event: CloudEvent<MessagePublishedData>): ReceivedMessage {
  const { data, attributes, messageId } = event.data.message;
  return { data: Buffer.from(data ?? '', 'base64'), attributes: attributes ?? {}, messageId };
}
