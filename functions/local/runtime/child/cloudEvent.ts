import { z } from 'zod';

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
