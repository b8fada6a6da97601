import http from 'node:http';
import https from 'node:https';
import { type Clock, sleep } from '../../../../src/clock.ts';
import type { Faults } from '../../../faults.ts';
import type { Delivery, DeliveryQueue } from '../delivery/deliveryQueue.ts';
import type { Dispatcher } from '../delivery/dispatcher.ts';
import type { LogEntry } from '../logEntry.ts';
import type { WirePushConfig } from '../wire.ts';
import { unsignedToken } from './oidcToken.ts';
import { createPushPacing } from './pushPacing.ts';
import { type PushOutcome, postPush, pushEnvelope } from './pushRequest.ts';

export interface PushWorkerOptions {
  readonly clock: Clock;
  readonly queue: DeliveryQueue;
  readonly dispatcher: Dispatcher;
  readonly subscription: string;
  readonly target: WirePushConfig;
  readonly faults: Faults;
  readonly log: (entry: LogEntry) => void;
  /** Whether deliveries carry their attempt: the subscription has a dead-letter policy. */
  readonly withAttempt: () => boolean;
  /** Whether the subscription has a backoff of its own for every message; without, the endpoint as a whole is given a
   *  rest. */
  readonly hasRetryPolicy: () => boolean;
}

/** Delivery to one endpoint. */
export interface PushWorker {
  /** Sends no more; the answers to what is under way still count. */
  retire(): void;
  /** Ends everything at once. */
  stop(): void;
}

/** Delivers the messages of one push subscription to its endpoint. */
export function startPushWorker(options: PushWorkerOptions): PushWorker {
  const { clock, queue, dispatcher, subscription, faults, log } = options;
  const { pushEndpoint, oidcToken } = options.target;
  const endpoint = new URL(pushEndpoint);
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
  const request = { http: http.request, https: https.request };
  const pacing = createPushPacing();
  const underWay = new Map<string, AbortController>();
  let wakeAfterPause: (() => void) | undefined;
  let state: 'delivering' | 'retired' | 'stopped' = 'delivering';

  async function post(delivery: Delivery, signal: AbortSignal): Promise<PushOutcome> {
    const body = pushEnvelope(delivery, subscription, options.withAttempt());
    const token = oidcToken ? unsignedToken(oidcToken, pushEndpoint, clock.now()) : undefined;
    const send = () => postPush(endpoint, body, token, agents, request, signal);
    const fault = faults.take('Push');
    if (!fault) return send();
    if (fault.latencyMs) await sleep(clock, fault.latencyMs, signal);
    if (fault.afterEffect || (!fault.error && !fault.drop)) {
      const outcome = await send();
      if (!fault.error && !fault.drop) return outcome;
    }
    return { kind: 'failed', reason: 'injected fault' };
  }

  async function deliver(delivery: Delivery): Promise<void> {
    const controller = new AbortController();
    underWay.set(delivery.ackId, controller);
    const outcome = await post(delivery, controller.signal).catch(
      (error: unknown): PushOutcome => ({ kind: 'failed', reason: String(error) }),
    );
    underWay.delete(delivery.ackId);
    if (state === 'retired' && underWay.size === 0) closeConnections();
    if (state === 'stopped') return;
    if (outcome.kind === 'accepted') {
      pacing.succeeded();
      queue.acknowledge(delivery.ackId);
    } else {
      log({ event: 'push-failed', subscription, messageId: delivery.message.id, reason: outcome.reason });
      rest(pacing.failed());
      queue.modifyDeadline(delivery.ackId, 0);
    }
    dispatcher.wake();
  }

  function rest(ms: number): void {
    if (options.hasRetryPolicy() || state !== 'delivering') return;
    wakeAfterPause?.();
    wakeAfterPause = clock.after(ms, () => {
      wakeAfterPause = undefined;
      dispatcher.wake();
    });
  }

  const detach = dispatcher.attach({
    oneAtATimePerKey: true,
    room: () => ({
      messages: wakeAfterPause ? 0 : pacing.window() - underWay.size,
      bytes: Number.POSITIVE_INFINITY,
    }),
    ackDeadlineMs: () => undefined,
    // The ack deadline is the timeout of the request; a revoked message will be sent again.
    released(delivery, how) {
      if (how === 'expired' || how === 'revoked') underWay.get(delivery.ackId)?.abort();
    },
    receive(deliveries) {
      for (const delivery of deliveries) void deliver(delivery);
    },
  });

  function closeConnections(): void {
    agents.http.destroy();
    agents.https.destroy();
  }

  return {
    retire() {
      state = 'retired';
      detach();
      wakeAfterPause?.();
      if (underWay.size === 0) closeConnections();
    },
    stop() {
      state = 'stopped';
      detach();
      wakeAfterPause?.();
      for (const controller of underWay.values()) controller.abort();
      closeConnections();
    },
  };
}
