import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createDeliveryQueue, type Delivery } from '../../../local/pubsub/delivery-queue.ts';
import type { StoredMessage } from '../../../local/pubsub/message.ts';
import { createVirtualClock } from './virtual-clock.ts';

/** What may happen to a queue; numbers choose among what is there. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), key: fc.constantFrom('', 'a', 'b') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nack' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 15_000 }) }) },
);

const ACK_DEADLINE_MS = 10_000;
const MAX_BACKOFF_MS = 4000;

function setUp(options: { ordered: boolean; deadLetters: boolean }) {
  const clock = createVirtualClock();
  const forwarded: StoredMessage[] = [];
  const queue = createDeliveryQueue({
    clock,
    changed: () => {},
    settings: () => ({
      ackDeadlineMs: ACK_DEADLINE_MS,
      retentionMs: Number.POSITIVE_INFINITY,
      retainAcked: false,
      ordered: options.ordered,
      retry: { minMs: 1000, maxMs: MAX_BACKOFF_MS },
      deadLetter: options.deadLetters ? { topic: 'dead', maxAttempts: 5 } : undefined,
    }),
    forwardDeadLetter(message) {
      forwarded.push(message);
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
    queue.add(message);
    return message;
  };
  return { clock, queue, forwarded, publish };
}

const lessee = { oneAtATimePerKey: false, released: () => {} };

describe('delivery queue, under any sequence of publish, take, ack, nack and time', () => {
  for (const ordered of [false, true]) {
    for (const deadLetters of [false, true]) {
      it(`loses no message and keeps its books (ordered: ${ordered}, dead letters: ${deadLetters})`, () => {
        fc.assert(
          fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
            const { clock, queue, forwarded, publish } = setUp({ ordered, deadLetters });
            const published: StoredMessage[] = [];
            const acknowledged = new Set<string>();
            const deliveries: Delivery[] = [];
            /** How far the deliveries of each key have come; a nack sets it back. */
            const reachedOfKey = new Map<string, number>();
            const note = (taken: Delivery[]) => {
              for (const delivery of taken) {
                const { id, orderingKey, sequence } = delivery.message;
                assert.ok(deadLetters || !acknowledged.has(id) || orderingKey !== '', `${id} came after its ack`);
                if (ordered && orderingKey !== '') {
                  const reached = reachedOfKey.get(orderingKey) ?? 0;
                  const gone = new Set(forwarded);
                  const before = published.filter((m) => m.orderingKey === orderingKey && m.sequence < sequence);
                  assert.ok(
                    sequence <= reached || before.every((m) => m.sequence <= reached || gone.has(m)),
                    `${id} overtook a message of its key`,
                  );
                  reachedOfKey.set(orderingKey, Math.max(reached, sequence));
                }
              }
              deliveries.push(...taken);
            };
            const pick = (which: number) => deliveries[which % Math.max(1, deliveries.length)];
            const acknowledge = (delivery: Delivery | undefined) => {
              if (delivery && queue.acknowledge(delivery.ackId)) acknowledged.add(delivery.message.id);
            };
            const giveBack = (delivery: Delivery | undefined) => {
              if (!delivery || !queue.modifyDeadline(delivery.ackId, 0)) return;
              const { orderingKey, sequence } = delivery.message;
              reachedOfKey.set(orderingKey, Math.min(sequence - 1, reachedOfKey.get(orderingKey) ?? 0));
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
              clock.advance(ACK_DEADLINE_MS + MAX_BACKOFF_MS);
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
        );
      });
    }
  }
});
