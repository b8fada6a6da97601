import { Server } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createFaults, type Faults } from '../../faults.ts';
import { createConnections } from '../grpcListener.ts';
import { createBroker } from './broker.ts';
import type { DeliveryStats } from './delivery/deliveryQueue.ts';
import type { Disturbance } from './delivery/disturbance.ts';
import type { LogEntry } from './logEntry.ts';
import { startPushWorker } from './push/pushWorker.ts';
import { loadPubSubServices } from './serviceDefinitions.ts';
import { publisherService } from './services/publisherService.ts';
import { addRefusedServices } from './services/refusedServices.ts';
import type { CallContext } from './services/rpc.ts';
import { subscriberService } from './services/subscriberService.ts';
import { notFound } from './status.ts';

/** A running Pub/Sub server. Subscriptions are named in full or by their last part. */
export interface PubSubServer {
  readonly port: number;
  /** What goes into `PUBSUB_EMULATOR_HOST`. */
  readonly host: string;
  /** By RPC name (`Publish`, `Acknowledge`, `StreamingPull` …); `Push` is one delivery to a push endpoint. */
  readonly faults: Faults;
  /** What happened on each subscription, by its full name. */
  stats(): Record<string, DeliveryStats>;
  /** How many messages of a subscription are not acknowledged. */
  backlog(subscription: string): number;
  /** Resolves when no message is outstanding or undelivered on these subscriptions (default: on any). */
  idle(subscriptions?: readonly string[]): Promise<void>;
  /** Duplicates, delays or shuffles the deliveries of a subscription from now on; undefined stops that. */
  disturb(subscription: string, disturbance: Disturbance | undefined): void;
  /** The next `times` (default 1) deliveries of a subscription happen twice. Messages with an ordering key are left
   *  out. */
  deliverTwice(subscription: string, times?: number): void;
  close(): Promise<void>;
}

export interface PubSubServerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** The address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Times deadlines, backoff and retention. */
  readonly clock?: Clock;
  readonly log?: (entry: LogEntry) => void;
}

/** Larger than any legal request (10 MB and its framing), so that the limit of the service answers and not that of the
 *  transport. */
const maxRequestBytes = 32 * 1024 * 1024;

/** Starts a Pub/Sub server in memory; rejects with code `EADDRINUSE` if the port is taken. */
export async function startPubSubServer(options: PubSubServerOptions = {}): Promise<PubSubServer> {
  const { clock = systemClock, host = '127.0.0.1', log = () => {} } = options;
  const faults = createFaults();
  const broker = createBroker({
    clock,
    log,
    startPush: (subscription, target) =>
      startPushWorker({
        clock,
        faults,
        log,
        target,
        queue: subscription.queue,
        dispatcher: subscription.dispatcher,
        subscription: subscription.wire().name,
        withAttempt: () => subscription.settings().deadLetter !== undefined,
        hasRetryPolicy: () => subscription.settings().retry !== undefined,
      }),
  });

  const connections = createConnections();
  const context: CallContext = {
    clock,
    faults,
    disconnect: (call) => connections.drop(call.getPeer()),
  };
  const grpc = new Server({ 'grpc.max_receive_message_length': maxRequestBytes });
  const services = loadPubSubServices();
  grpc.addService(services.Publisher, publisherService(broker, context));
  grpc.addService(services.Subscriber, subscriberService(broker, context));
  addRefusedServices(grpc, services.SchemaService, context);

  const listener = await connections.listen(grpc, options.port ?? 0, host);

  function queueOf(name: string) {
    const full = name.includes('/') ? name : Object.keys(broker.stats()).find((known) => known.endsWith(`/${name}`));
    if (full === undefined) throw notFound(name);
    return broker.subscription(full).queue;
  }

  const isIdle = (names: readonly string[] | undefined) =>
    (names ?? Object.keys(broker.stats())).every((name) => queueOf(name).backlog() === 0);

  return {
    port: listener.port,
    host: `${host}:${listener.port}`,
    faults,
    stats: () => broker.stats(),
    backlog: (name) => queueOf(name).backlog(),
    idle: (names) =>
      new Promise((resolve) => {
        const stop = broker.onChange(check);
        function check(): void {
          if (!isIdle(names)) return;
          stop();
          resolve();
        }
        check();
      }),
    disturb: (name, disturbance) => queueOf(name).disturb(disturbance),
    deliverTwice: (name, times = 1) => queueOf(name).deliverTwice(times),
    close() {
      broker.close();
      return listener.close();
    },
  };
}
