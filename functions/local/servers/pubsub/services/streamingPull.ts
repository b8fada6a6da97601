import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { sleep } from '../../../../src/clock.ts';
import type { Fault } from '../../../faults.ts';
import type { Broker } from '../broker.ts';
import type { Delivery } from '../delivery/deliveryQueue.ts';
import { invalidArgument } from '../status.ts';
import type { BrokerSubscription } from '../subscription.ts';
import { checkAckDeadline, checkModifiedDeadline } from '../subscriptionSettings.ts';
import type { StreamingPullRequest, StreamingPullResponse } from '../wire.ts';
import { confirmation } from './ackResults.ts';
import { checkPullable, toReceivedMessage } from './pull.ts';
import { type CallContext, faultError, toServiceError } from './rpc.ts';

type Call = ServerDuplexStream<StreamingPullRequest, StreamingPullResponse>;

/** `StreamingPull`: the first request names the subscription, the deadline and the flow control; later ones
 *  acknowledge, move deadlines or keep the stream alive. Messages that are out when a stream ends stay leased until
 *  their deadline.
 *
 *  A fault meets the stream when it opens; with `afterEffect`, when the first messages have been sent. */
export function streamingPull(
  broker: Broker,
  context: CallContext,
): handleBidiStreamingCall<StreamingPullRequest, StreamingPullResponse> {
  return (call) => {
    let session: Session | undefined;
    let ended = false;
    const closed = new AbortController();

    const end = (error?: unknown) => {
      if (ended) return;
      ended = true;
      session?.stop();
      closed.abort();
      if (error === undefined) call.end();
      else call.emit('error', toServiceError(error));
    };
    const meet = (fault: Fault) => {
      if (fault.drop) context.disconnect(call);
      const error = faultError('StreamingPull', fault);
      if (error) end(error);
    };
    const fault = context.faults.take('StreamingPull');
    const opened = open();

    async function open(): Promise<void> {
      if (fault?.latencyMs) await sleep(context.clock, fault.latencyMs, closed.signal).catch(() => {});
      if (fault && !fault.afterEffect) meet(fault);
    }

    async function serve(request: StreamingPullRequest): Promise<void> {
      await opened;
      if (ended) return;
      if (session) {
        session.handle(request);
        return;
      }
      session = startSession(call, broker.subscription(request.subscription), request, {
        fail: end,
        sent: () => {
          if (fault?.afterEffect) meet(fault);
        },
      });
      session.acknowledge(request);
    }

    call.on('data', (request: StreamingPullRequest) => {
      serve(request).catch(end);
    });
    call.on('end', () => end());
    call.on('cancelled', () => end());
    call.on('error', () => end());
  };
}

interface Session {
  /** A request after the first. */
  handle(request: StreamingPullRequest): void;
  /** Acknowledgements and deadlines that a request carries. */
  acknowledge(request: StreamingPullRequest): void;
  stop(): void;
}

function startSession(
  call: Call,
  subscription: BrokerSubscription,
  first: StreamingPullRequest,
  on: { fail(error: unknown): void; sent(): void },
): Session {
  const { queue, dispatcher } = subscription;
  checkPullable(subscription.wire());
  checkAckDeadline(first.streamAckDeadlineSeconds);
  let ackDeadlineMs = first.streamAckDeadlineSeconds * 1000;
  const maxMessages = limitOf(first.maxOutstandingMessages);
  const maxBytes = limitOf(first.maxOutstandingBytes);
  let messages = 0;
  let bytes = 0;
  let writable = true;

  const detach = dispatcher.attach({
    oneAtATimePerKey: false,
    room: () => (writable ? { messages: maxMessages - messages, bytes: maxBytes - bytes } : { messages: 0, bytes: 0 }),
    ackDeadlineMs: () => ackDeadlineMs,
    released(delivery) {
      messages -= 1;
      bytes -= delivery.message.bytes;
      dispatcher.wake();
    },
    receive(deliveries: readonly Delivery[]) {
      messages += deliveries.length;
      bytes += deliveries.reduce((sum, { message }) => sum + message.bytes, 0);
      const wire = subscription.wire();
      writable = call.write({
        receivedMessages: deliveries.map((delivery) => toReceivedMessage(delivery, wire)),
        subscriptionProperties: {
          exactlyOnceDeliveryEnabled: wire.enableExactlyOnceDelivery,
          messageOrderingEnabled: wire.enableMessageOrdering,
        },
      });
      on.sent();
    },
  });
  const forget = subscription.onEnded(on.fail);
  const onDrain = () => {
    writable = true;
    dispatcher.wake();
  };
  call.on('drain', onDrain);

  function acknowledge(request: StreamingPullRequest): void {
    if (request.modifyDeadlineAckIds.length !== request.modifyDeadlineSeconds.length) {
      throw invalidArgument('modify_deadline_ack_ids and modify_deadline_seconds must have the same length.');
    }
    request.modifyDeadlineSeconds.forEach(checkModifiedDeadline);
    const acked = new Map(request.ackIds.map((ackId) => [ackId, queue.acknowledge(ackId)]));
    const modified = new Map(
      request.modifyDeadlineAckIds.map((ackId, index) => {
        const seconds = request.modifyDeadlineSeconds[index] ?? 0;
        return [ackId, queue.modifyDeadline(ackId, seconds * 1000)];
      }),
    );
    if (!subscription.settings().exactlyOnce || acked.size + modified.size === 0) return;
    const { ackIds, invalidAckIds } = confirmation(modified);
    call.write({
      ...(acked.size > 0 && { acknowledgeConfirmation: confirmation(acked) }),
      ...(modified.size > 0 && { modifyAckDeadlineConfirmation: { ackIds, invalidAckIds } }),
    });
  }

  return {
    acknowledge,
    handle(request) {
      if (request.subscription !== '') {
        throw invalidArgument('Only the first request of a streaming pull may name the subscription.');
      }
      if (request.streamAckDeadlineSeconds !== 0) {
        checkAckDeadline(request.streamAckDeadlineSeconds);
        ackDeadlineMs = request.streamAckDeadlineSeconds * 1000;
      }
      acknowledge(request);
    },
    stop() {
      detach();
      forget();
      call.off('drain', onDrain);
    },
  };
}

/** Zero and less mean no limit. */
function limitOf(value: number): number {
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}
