import type { Clock } from '../../../../src/clock.ts';
import type { Delivery } from '../delivery/deliveryQueue.ts';
import { toWireMessage } from '../message.ts';
import { detached, failedPrecondition, invalidArgument } from '../status.ts';
import type { BrokerSubscription } from '../subscription.ts';
import type { WireReceivedMessage, WireSubscription } from '../wire.ts';

/** How long a pull without messages waits for some before it answers with none, in ms: shorter than the client's own
 *  deadline (60 s). */
const emptyPullWaitMs = 30_000;

/** A delivery as clients receive it: the attempt is set only under a dead-letter policy. */
export function toReceivedMessage(delivery: Delivery, subscription: WireSubscription): WireReceivedMessage {
  return {
    ackId: delivery.ackId,
    message: toWireMessage(delivery.message),
    deliveryAttempt: subscription.deadLetterPolicy ? delivery.attempt : 0,
  };
}

/** Throws FAILED_PRECONDITION for a subscription that is detached or pushes, which cannot be pulled from. */
export function checkPullable(subscription: WireSubscription): void {
  if (subscription.detached) throw detached(subscription.name);
  if (subscription.pushConfig?.pushEndpoint) {
    throw failedPrecondition('This method is not supported for this subscription type: it is a push subscription.');
  }
}

/** One pull: up to `maxMessages` messages, waiting for the first unless told not to. */
export function pull(
  subscription: BrokerSubscription,
  request: { maxMessages: number; returnImmediately: boolean },
  clock: Clock,
  signal: AbortSignal,
): Promise<WireReceivedMessage[]> {
  const wire = subscription.wire();
  checkPullable(wire);
  if (request.maxMessages <= 0) throw invalidArgument('Invalid max_messages given: it must be positive.');
  const lessee = { oneAtATimePerKey: false, released: () => {} };
  const toWire = (deliveries: readonly Delivery[]) => deliveries.map((delivery) => toReceivedMessage(delivery, wire));
  const limit = { messages: request.maxMessages, bytes: Number.POSITIVE_INFINITY };
  const atOnce = subscription.queue.take(limit, lessee);
  if (atOnce.length > 0 || request.returnImmediately) return Promise.resolve(toWire(atOnce));
  return new Promise((resolve, reject) => {
    const end = () => {
      detach();
      forget();
      stopWaiting();
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const stopWaiting = clock.after(emptyPullWaitMs, () => {
      end();
      resolve([]);
    });
    const forget = subscription.onEnded((error) => {
      end();
      reject(error);
    });
    const detach = subscription.dispatcher.attach({
      ...lessee,
      room: () => limit,
      ackDeadlineMs: () => undefined,
      receive(deliveries) {
        end();
        resolve(toWire(deliveries));
      },
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
