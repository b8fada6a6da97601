import type { Delivery, DeliveryQueue, Lessee } from './deliveryQueue.ts';

/** A subscriber that messages are handed to as long as it has room. */
export interface Consumer extends Lessee {
  /** How much may be handed over now; zero or less means nothing. */
  room(): { messages: number; bytes: number };
  /** Its own ack deadline in ms; undefined for the subscription's. */
  ackDeadlineMs(): number | undefined;
  receive(deliveries: readonly Delivery[]): void;
}

/** Hands the messages of one queue to its consumers, in turn. */
export interface Dispatcher {
  /** Starts to deliver to `consumer`; call the returned function to stop. What it holds stays leased to it. */
  attach(consumer: Consumer): () => void;
  /** Looks for deliverable messages and consumers with room, soon. */
  wake(): void;
  close(): void;
}

/** How many messages one consumer gets before the next has its turn: small enough to spread a short backlog over all
 *  streams. */
const messagesPerTurn = 10;

export function createDispatcher(queue: DeliveryQueue): Dispatcher {
  const consumers = new Set<Consumer>();
  let scheduled: NodeJS.Immediate | undefined;

  function wake(): void {
    scheduled ??= setImmediate(() => {
      scheduled = undefined;
      while (serveEachOnce());
    });
  }

  /** True if any consumer took something. */
  function serveEachOnce(): boolean {
    let any = false;
    for (const consumer of [...consumers]) {
      const room = consumer.room();
      if (room.messages <= 0 || room.bytes <= 0) continue;
      const limit = { messages: Math.min(room.messages, messagesPerTurn), bytes: room.bytes };
      const deliveries = queue.take(limit, consumer, consumer.ackDeadlineMs());
      if (deliveries.length === 0) continue;
      any = true;
      // Whoever was served goes to the end, so that the next single message is another's.
      if (consumers.delete(consumer)) consumers.add(consumer);
      consumer.receive(deliveries);
    }
    return any;
  }

  return {
    attach(consumer) {
      consumers.add(consumer);
      wake();
      return () => {
        consumers.delete(consumer);
      };
    },
    wake,
    close() {
      consumers.clear();
      if (scheduled) clearImmediate(scheduled);
      scheduled = undefined;
    },
  };
}
