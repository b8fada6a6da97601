import type http from 'node:http';
import type https from 'node:https';
import type { Delivery } from '../delivery/deliveryQueue.ts';

/** How one push request ended; `failed` says why for the log. */
export type PushOutcome = { readonly kind: 'accepted' } | { readonly kind: 'failed'; readonly reason: string };

/** Statuses with which an endpoint acknowledges: https://cloud.google.com/pubsub/docs/push#receive_push */
const acknowledgingStatuses = new Set([102, 200, 201, 202, 204]);

/** The JSON body that the service posts. The snake_case twins of two fields are the service's own. */
export function pushEnvelope(delivery: Delivery, subscription: string, withAttempt: boolean): string {
  const { message } = delivery;
  const publishTime = new Date(message.publishedAt).toISOString();
  return JSON.stringify({
    message: {
      attributes: message.attributes,
      data: message.data.toString('base64'),
      messageId: message.id,
      message_id: message.id,
      publishTime,
      publish_time: publishTime,
      ...(message.orderingKey === '' ? {} : { orderingKey: message.orderingKey }),
    },
    subscription,
    ...(withAttempt ? { deliveryAttempt: delivery.attempt } : {}),
  });
}

/** Posts `body` and resolves with how it ended; never rejects. Aborting `signal` ends the request. */
export function postPush(
  endpoint: URL,
  body: string,
  token: string | undefined,
  agents: { http: http.Agent; https: https.Agent },
  request: { http: typeof http.request; https: typeof https.request },
  signal: AbortSignal,
): Promise<PushOutcome> {
  return new Promise((resolve) => {
    const secure = endpoint.protocol === 'https:';
    const call = (secure ? request.https : request.http)(endpoint, {
      method: 'POST',
      agent: secure ? agents.https : agents.http,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'CloudPubSub-Google',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      signal,
    });
    const fail = (reason: string) => resolve({ kind: 'failed', reason });
    call.on('error', (error) => fail(signal.aborted ? 'no answer before the ack deadline' : error.message));
    // 102 comes as an informational response, before any final one.
    call.on('information', ({ statusCode }) => {
      if (acknowledgingStatuses.has(statusCode)) resolve({ kind: 'accepted' });
    });
    call.on('response', (response) => {
      response.resume();
      response.on('error', (error) => fail(error.message));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (acknowledgingStatuses.has(status)) resolve({ kind: 'accepted' });
        else fail(`the endpoint answered ${status}`);
      });
    });
    call.end(body);
  });
}
