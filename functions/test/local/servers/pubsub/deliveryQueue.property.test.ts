import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  createDeliveryQueue,
  type Delivery,
  type Lessee,
} from '../../../../local/servers/pubsub/delivery/deliveryQueue.ts';
import type { StoredMessage } from '../../../../local/servers/pubsub/message.ts';
import { manualClock } from '../../../support/clock.ts';

/** What may happen to a queue; numbers choose among what is there. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), key: fc.constantFrom('', 'a', 'b') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nack' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 15_000 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const ackDeadlineMs = 10_000;
const maxBackoffMs = 4000;
const maxAttempts = 5;

/** The first message of a key fails for the last time while a later one is with the subscriber. Being dead-lettered is
 *  no redelivery: the later one stays out, and a new one may follow it. */
const deadLetteredBeforeAnOutstandingOne: Step[] = [
  { do: 'publish', key: 'b' },
  ...Array.from({ length: maxAttempts - 1 }, (_, which): Step[] => [
    { do: 'take', count: 1 },
    { do: 'nack', which },
    { do: 'wait', ms: maxBackoffMs * 2 },
  ]).flat(),
  { do: 'publish', key: 'b' },
  { do: 'take', count: 2 },
  { do: 'nack', which: maxAttempts - 1 },
  { do: 'publish', key: 'b' },
  { do: 'take', count: 1 },
];

/** What a subscriber of one key may rely on: a message comes only when every earlier one is out, acknowledged or
 *  dead-lettered, and after a redelivery every later one is redelivered. */
function createOrderModel() {
  const due = new Set<StoredMessage>();
  const delivered = new Set<StoredMessage>();
  return {
    published: (message: StoredMessage) => due.add(message),
    /** Nacked, expired or revoked: it has to be redelivered before any later one. */
    returned: (message: StoredMessage) => due.add(message),
    deadLettered: (message: StoredMessage) => due.delete(message),
    delivered(message: StoredMessage) {
      for (const other of due) {
        const overtaken = other.orderingKey === message.orderingKey && other.sequence < message.sequence;
        assert.ok(!overtaken, `${message.id} overtook ${other.id} of its key`);
      }
      due.delete(message);
      if (delivered.has(message)) {
        for (const other of delivered) {
          if (other.orderingKey === message.orderingKey && other.sequence > message.sequence) due.add(other);
        }
      }
      delivered.add(message);
    },
  };
}

function setUp(options: { ordered: boolean; deadLetters: boolean; exactlyOnce: boolean }) {
  const order = createOrderModel();
  const clock = manualClock();
  const forwarded: StoredMessage[] = [];
  const queue = createDeliveryQueue({
    clock,
    changed: () => {},
    settings: () => ({
      ackDeadlineMs,
      retentionMs: Number.POSITIVE_INFINITY,
      retainAcked: false,
      ordered: options.ordered,
      exactlyOnce: options.exactlyOnce,
      retry: { minMs: 1000, maxMs: maxBackoffMs },
      deadLetter: options.deadLetters ? { topic: 'dead', maxAttempts } : undefined,
    }),
    forwardDeadLetter(message) {
      forwarded.push(message);
      order.deadLettered(message);
      return true;
    },
  });
  let sequence = 0;
  const publish = (orderingKey: string): StoredMessage => {
    sequence += 1;
    const message: StoredMessage = {
      sequence,
      id: String(sequence),
      data: Buffer.alloc(0),
      attributes: {},
      orderingKey,
      publishedAt: clock.now(),
      bytes: 1,
    };
    order.published(message);
    queue.add(message);
    return message;
  };
  const lessee: Lessee = {
    oneAtATimePerKey: false,
    released: (delivery, how) => {
      if (how !== 'acked') order.returned(delivery.message);
    },
  };
  return { clock, queue, forwarded, publish, lessee, order };
}

describe('delivery queue, under any sequence of publish, take, ack, nack and time', () => {
  for (const ordered of [false, true]) {
    for (const [deadLetters, exactlyOnce] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const) {
      const title = `ordered: ${ordered}, dead letters: ${deadLetters}, exactly once: ${exactlyOnce}`;
      it(`loses no message and keeps its books (${title})`, () => {
        fc.assert(
          fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
            const { clock, queue, forwarded, publish, lessee, order } = setUp({
              ordered,
              deadLetters,
              exactlyOnce,
            });
            const published: StoredMessage[] = [];
            const acknowledged = new Set<string>();
            const deliveries: Delivery[] = [];
            const note = (taken: Delivery[]) => {
              for (const delivery of taken) {
                const { id, orderingKey } = delivery.message;
                const keepsOrder = ordered && orderingKey !== '';
                const mayFollowItsAck = keepsOrder && !exactlyOnce;
                assert.ok(mayFollowItsAck || !acknowledged.has(id), `${id} came after its ack`);
                if (keepsOrder) order.delivered(delivery.message);
              }
              deliveries.push(...taken);
            };
            const pick = (which: number) => deliveries[which % Math.max(1, deliveries.length)];
            const acknowledge = (delivery: Delivery | undefined) => {
              if (delivery && queue.acknowledge(delivery.ackId) === 'done') acknowledged.add(delivery.message.id);
            };
            const giveBack = (delivery: Delivery | undefined) => {
              if (delivery) queue.modifyDeadline(delivery.ackId, 0);
            };
            for (const action of steps) {
              if (action.do === 'publish') published.push(publish(action.key));
              if (action.do === 'take') note(queue.take({ messages: action.count, bytes: 100 }, lessee));
              if (action.do === 'ack') acknowledge(pick(action.which));
              if (action.do === 'nack') giveBack(pick(action.which));
              if (action.do === 'wait') clock.advance(action.ms);
            }
            for (let round = 0; queue.backlog() > 0; round += 1) {
              assert.ok(round < 50, 'the backlog does not drain');
              clock.advance(ackDeadlineMs + maxBackoffMs);
              const taken = queue.take({ messages: 1000, bytes: 1000 }, lessee);
              note(taken);
              taken.forEach(acknowledge);
            }
            const done = new Set([...acknowledged, ...forwarded.map(({ id }) => id)]);
            assert.deepEqual(
              published.filter(({ id }) => !done.has(id)),
              [],
              'lost messages',
            );
            const { delivered, acked, nacked, expired } = queue.stats();
            if (!ordered) assert.equal(delivered, acked + nacked + expired);
            assert.equal(clock.timers(), 0, 'timers left behind');
          }),
          { examples: [[deadLetteredBeforeAnOutstandingOne]] },
        );
      });
    }
  }
});
