import { z } from 'zod';

/** Of the attributes of a CloudEvent in binary mode. */
export const attributePrefix = 'ce-';

/** The body of a push request, as far as it is needed here. */
const pushSchema = z.object({
  message: z.looseObject({
    messageId: z.string(),
    publishTime: z.string(),
    data: z.string().default(''),
    attributes: z.record(z.string(), z.string()).default({}),
    orderingKey: z.string().optional(),
  }),
  subscription: z.string(),
  deliveryAttempt: z.number().optional(),
});

/** The CloudEvent that Eventarc makes of a Pub/Sub message. */
export interface MessagePublishedEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: 'google.cloud.pubsub.topic.v1.messagePublished';
  readonly datacontenttype: 'application/json';
  readonly time: string;
  readonly data: z.infer<typeof pushSchema>;
}

/** Turns the body of a push request into the event that the function is called with; throws for another body. */
export function toMessagePublishedEvent(body: unknown, topic: string): MessagePublishedEvent {
  const data = pushSchema.parse(body);
  return {
    specversion: '1.0',
    id: data.message.messageId,
    source: `//pubsub.googleapis.com/${topic}`,
    type: 'google.cloud.pubsub.topic.v1.messagePublished',
    datacontenttype: 'application/json',
    time: data.message.publishTime,
    data,
  };
}

/** The event of a changed document, from the message that carries it: attributes of the CloudEvent with the prefix of
 *  its binary mode, and a protobuf message as data, which the function gets as bytes; throws for another body. Eventarc
 *  sends attributes as headers in UTF-8, and Node reads headers as Latin-1: a path with other characters than ASCII
 *  arrives as that of another document (https://github.com/firebase/firebase-functions/issues/1459).
 *  https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode
 */
export function toDocumentEvent(body: unknown): Record<string, unknown> {
  const { message } = pushSchema.parse(body);
  const attributes = Object.entries(message.attributes).flatMap(([name, value]) =>
    name.startsWith(attributePrefix) ? [[name.slice(attributePrefix.length), asHeader(value)] as const] : [],
  );
  return { ...Object.fromEntries(attributes), data: Buffer.from(message.data, 'base64') };
}

function asHeader(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}
