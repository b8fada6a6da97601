import type { Clock } from '../../../../src/clock.ts';
import type { StoredMessage } from '../message.ts';
import type { DeliverySettings } from '../subscriptionSettings.ts';
import { type Disturbance, shuffled } from './disturbance.ts';
import { createKeyLane, type KeyLane, type LaneEntry } from './keyLane.ts';

/** One message in the hands of a subscriber. */
export interface Delivery {
  readonly ackId: string;
  readonly message: StoredMessage;
  /** 1 for the first; one more for every nack and every missed deadline. */
  readonly attempt: number;
}

/** How a delivery ended. `revoked`: by a seek, or because an earlier message of the ordering key is redelivered. */
export type Release = 'acked' | 'nacked' | 'expired' | 'revoked';

/** What became of an ack id. `invalid`: it is unknown or its deadline has passed, and the message is redelivered.
 *  `unordered`: under exactly-once delivery, an earlier message of its ordering key is not acknowledged yet. */
export type AckResult = 'done' | 'invalid' | 'unordered';

/** Who messages are delivered to: one stream, one pull, one push endpoint. */
export interface Lessee {
  /** True: one message of an ordering key at a time. False: later ones may follow before the first is acknowledged. */
  readonly oneAtATimePerKey: boolean;
  released(delivery: Delivery, how: Release): void;
}

/** What happened on one subscription since its creation, in messages. */
export interface DeliveryStats {
  published: number;
  delivered: number;
  redelivered: number;
  acked: number;
  nacked: number;
  expired: number;
  deadLettered: number;
}

/** The messages of one subscription: which may be delivered, which are out, which wait for their backoff. */
export interface DeliveryQueue {
  /** A newly published message. */
  add(message: StoredMessage): void;
  /** Leases up to `limit.messages` messages, and stops after the one that uses up `limit.bytes`. */
  take(limit: { messages: number; bytes: number }, lessee: Lessee, ackDeadlineMs?: number): Delivery[];
  acknowledge(ackId: string): AckResult;
  /** Sets the deadline to `ms` from now; 0 gives the message back. */
  modifyDeadline(ackId: string, ms: number): AckResult;
  /** Acknowledges all published before `time` and redelivers all since that is still kept here or in `retained`. */
  seek(time: number, retained: readonly StoredMessage[]): void;
  /** Acknowledges everything, and delivers these messages instead. */
  replace(messages: Iterable<StoredMessage>): void;
  /** The messages that are not acknowledged. */
  unacknowledged(): StoredMessage[];
  disturb(disturbance: Disturbance | undefined): void;
  /** The next `times` deliveries of messages without an ordering key happen twice. */
  deliverTwice(times: number): void;
  /** Messages that are not acknowledged. */
  backlog(): number;
  stats(): DeliveryStats;
  /** Forgets everything and stops every timer. */
  close(): void;
}

export interface DeliveryQueueOptions {
  readonly clock: Clock;
  /** Read at every use, so that updates of the subscription count at once. */
  readonly settings: () => DeliverySettings;
  /** Forwards a message that failed too often; false if that was not possible, and then it is delivered again. */
  readonly forwardDeadLetter: (message: StoredMessage, topic: string, attempts: number) => boolean;
  /** Something may be ready for delivery, or finished. */
  readonly changed: () => void;
}

interface Entry extends LaneEntry {
  readonly message: StoredMessage;
  readonly lane: KeyLane<Entry> | undefined;
  /** A second delivery that a test asked for; it is not doubled again. */
  readonly copy: boolean;
  failures: number;
  deliveries: number;
  lease: Lease | undefined;
  stopWaiting: (() => void) | undefined;
}

interface Lease {
  readonly entry: Entry;
  readonly delivery: Delivery;
  readonly lessee: Lessee;
  stopTimer: () => void;
}

/** Creates the empty queue of one subscription. */
export function createDeliveryQueue(options: DeliveryQueueOptions): DeliveryQueue {
  const { clock, settings, changed } = options;
  const stats: DeliveryStats = {
    published: 0,
    delivered: 0,
    redelivered: 0,
    acked: 0,
    nacked: 0,
    expired: 0,
    deadLettered: 0,
  };
  /** Deliverable now, in the order in which they became so. */
  const ready = new Set<Entry>();
  const unfinished = new Set<Entry>();
  const leases = new Map<string, Lease>();
  const lanes = new Map<string, KeyLane<Entry>>();
  /** Acknowledged messages that a seek may redeliver. */
  const history = new Map<number, StoredMessage>();
  let disturbance: Disturbance | undefined;
  let toDouble = 0;
  let lastAckId = 0;
  /** No unfinished message was published before this: spares a scan of them. */
  let oldest = Number.POSITIVE_INFINITY;

  const isKept = (message: StoredMessage) => message.publishedAt + settings().retentionMs > clock.now();
  const disturbedDelayMs = () =>
    disturbance?.maxDelayMs ? Math.floor(disturbance.random() * (disturbance.maxDelayMs + 1)) : 0;

  function laneOf(message: StoredMessage): KeyLane<Entry> | undefined {
    if (!settings().ordered || message.orderingKey === '') return undefined;
    const lane = lanes.get(message.orderingKey) ?? createKeyLane<Entry>();
    lanes.set(message.orderingKey, lane);
    return lane;
  }

  function enqueue(message: StoredMessage, delayMs: number, origin?: Entry): void {
    const lane = laneOf(message);
    const entry: Entry = {
      message,
      lane,
      copy: origin !== undefined,
      state: 'ready',
      failures: origin?.failures ?? 0,
      deliveries: origin?.deliveries ?? 0,
      lease: undefined,
      stopWaiting: undefined,
    };
    unfinished.add(entry);
    oldest = Math.min(oldest, message.publishedAt);
    lane?.push(entry);
    offer(entry, delayMs);
  }

  /** Makes an entry deliverable, after a wait. Of an ordering key only the next entry is. */
  function offer(entry: Entry, delayMs: number): void {
    if (delayMs > 0) {
      entry.state = 'waiting';
      entry.stopWaiting = clock.after(delayMs, () => {
        entry.stopWaiting = undefined;
        offer(entry, 0);
        changed();
      });
      return;
    }
    entry.state = 'ready';
    if (!entry.lane || entry.lane.next() === entry) ready.add(entry);
  }

  function offerNextOf(lane: KeyLane<Entry>): void {
    const next = lane.next();
    if (next?.state === 'ready') ready.add(next);
  }

  function lease(entry: Entry, lessee: Lessee, ackDeadlineMs: number): Delivery {
    lastAckId += 1;
    const delivery: Delivery = {
      ackId: `${entry.message.id}-${lastAckId}`,
      message: entry.message,
      attempt: entry.failures + 1,
    };
    ready.delete(entry);
    entry.state = 'leased';
    entry.lease = { entry, delivery, lessee, stopTimer: expireAfter(delivery.ackId, ackDeadlineMs) };
    leases.set(delivery.ackId, entry.lease);
    stats.delivered += 1;
    if (entry.deliveries > 0) stats.redelivered += 1;
    entry.deliveries += 1;
    if (entry.lane) {
      entry.lane.advance(lessee);
      offerNextOf(entry.lane);
    }
    return delivery;
  }

  function expireAfter(ackId: string, ms: number): () => void {
    return clock.after(ms, () => {
      const expired = leases.get(ackId);
      if (expired) giveBack(expired, 'expired');
    });
  }

  function endLease(ended: Lease, how: Release): void {
    ended.stopTimer();
    leases.delete(ended.delivery.ackId);
    ended.entry.lease = undefined;
    ended.lessee.released(ended.delivery, how);
  }

  function finish(entry: Entry): void {
    entry.state = 'acked';
    unfinished.delete(entry);
    entry.lane?.settled();
    if (entry.lane?.size() === 0) lanes.delete(entry.message.orderingKey);
  }

  function giveBack(lapsed: Lease, how: 'nacked' | 'expired'): void {
    const { entry } = lapsed;
    stats[how] += 1;
    entry.failures += 1;
    endLease(lapsed, how);
    const { deadLetter, retry } = settings();
    if (deadLetter && entry.failures >= deadLetter.maxAttempts) {
      if (options.forwardDeadLetter(entry.message, deadLetter.topic, entry.failures)) {
        stats.deadLettered += 1;
        finish(entry);
        changed();
        return;
      }
    }
    if (entry.lane) takeBackLater(entry.lane, entry);
    offer(entry, retry ? Math.min(retry.maxMs, retry.minMs * 2 ** (entry.failures - 1)) : 0);
    changed();
  }

  /** The redelivery of a message of an ordering key redelivers every later one of the key that was delivered before. */
  function takeBackLater(lane: KeyLane<Entry>, entry: Entry): void {
    const next = lane.next();
    if (next) ready.delete(next);
    for (const later of lane.rewind(entry)) {
      if (later.lease) endLease(later.lease, 'revoked');
      later.state = 'ready';
      unfinished.add(later);
    }
  }

  /** Removes a deliverable entry that is older than the retention. */
  function dropExpired(entry: Entry): void {
    ready.delete(entry);
    unfinished.delete(entry);
    if (!entry.lane) return;
    entry.lane.dropNext();
    if (entry.lane.size() === 0) lanes.delete(entry.message.orderingKey);
    else offerNextOf(entry.lane);
  }

  function dropAllExpired(): void {
    if (oldest + settings().retentionMs > clock.now()) return;
    for (const entry of ready) if (!isKept(entry.message)) dropExpired(entry);
    oldest = Number.POSITIVE_INFINITY;
    for (const { message } of unfinished) oldest = Math.min(oldest, message.publishedAt);
  }

  function mustDouble(entry: Entry): boolean {
    if (entry.copy || entry.lane || settings().exactlyOnce) return false;
    if (toDouble > 0) {
      toDouble -= 1;
      return true;
    }
    return disturbance?.duplicate !== undefined && disturbance.random() < disturbance.duplicate;
  }

  function forgetAll(): void {
    for (const held of [...leases.values()]) endLease(held, 'revoked');
    for (const entry of unfinished) entry.stopWaiting?.();
    unfinished.clear();
    ready.clear();
    lanes.clear();
  }

  function unacknowledged(): StoredMessage[] {
    dropAllExpired();
    return [...unfinished].map(({ message }) => message);
  }

  function replace(messages: Iterable<StoredMessage>): void {
    const wanted = new Map([...messages].filter(isKept).map((message) => [message.sequence, message]));
    forgetAll();
    for (const [sequence, message] of history) if (!isKept(message)) history.delete(sequence);
    const inOrder = [...wanted.values()].sort((a, b) => a.sequence - b.sequence);
    for (const message of inOrder) enqueue(message, 0);
    changed();
  }

  return {
    add(message) {
      stats.published += 1;
      enqueue(message, disturbedDelayMs());
      changed();
    },

    take(limit, lessee, ackDeadlineMs = settings().ackDeadlineMs) {
      const taken: Delivery[] = [];
      let bytes = 0;
      const candidates = disturbance?.shuffle ? shuffled(ready, disturbance.random) : ready;
      for (const entry of candidates) {
        if (taken.length >= limit.messages || bytes >= limit.bytes) break;
        if (!isKept(entry.message)) {
          dropExpired(entry);
          continue;
        }
        if (entry.lane && !entry.lane.freeFor(lessee, lessee.oneAtATimePerKey)) continue;
        taken.push(lease(entry, lessee, ackDeadlineMs));
        bytes += entry.message.bytes;
        if (mustDouble(entry)) enqueue(entry.message, disturbedDelayMs(), entry);
      }
      return taken;
    },

    acknowledge(ackId) {
      const held = leases.get(ackId);
      if (!held) return 'invalid';
      if (settings().exactlyOnce && held.entry.lane?.isOldest(held.entry) === false) return 'unordered';
      stats.acked += 1;
      endLease(held, 'acked');
      finish(held.entry);
      if (settings().retainAcked) history.set(held.entry.message.sequence, held.entry.message);
      changed();
      return 'done';
    },

    modifyDeadline(ackId, ms) {
      const held = leases.get(ackId);
      if (!held) return 'invalid';
      if (ms === 0) {
        giveBack(held, 'nacked');
        return 'done';
      }
      held.stopTimer();
      held.stopTimer = expireAfter(ackId, ms);
      return 'done';
    },

    seek(time, retained) {
      replace([...unacknowledged(), ...history.values(), ...retained].filter(({ publishedAt }) => publishedAt >= time));
    },
    replace,
    unacknowledged,

    disturb(wanted) {
      disturbance = wanted;
    },

    deliverTwice(times) {
      toDouble += times;
    },

    backlog() {
      dropAllExpired();
      return unfinished.size;
    },

    stats: () => ({ ...stats }),

    close() {
      forgetAll();
      history.clear();
    },
  };
}
