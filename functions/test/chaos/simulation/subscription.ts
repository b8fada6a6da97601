import type { EncodedMessage } from '../../../src/events/codec.ts';
import type { Publisher } from '../../../src/publisher.ts';
import type { Random } from '../random.ts';
import type { Tally } from '../tally.ts';
import type { Weather } from '../weather.ts';
import type { Actor } from './actor.ts';
import type { Door } from './door.ts';
import type { Simulation } from './simulation.ts';

/** A topic with one subscription, at least once and in no order: what Pub/Sub promises, and no more. */
export interface Topic {
  /** What an actor publishes with. */
  publisher(actor: Actor): Publisher;
  /** Publishes without any fault. */
  put(message: EncodedMessage): void;
  /** Messages that are not acknowledged, and deliveries under way. */
  outstanding(): number;
  /** Whether a message of a project is not acknowledged: it will be redelivered. */
  standsFor(projectId: string): boolean;
  /** Everything that was taken, in order. */
  readonly messages: readonly EncodedMessage[];
  /** From now on deliveries come soon and once. */
  calm(): void;
}

/** One delivery: the actor that takes it, and its work. Undefined when nobody is there to take it. */
export type Deliver = (
  message: EncodedMessage,
) => { readonly actor: Actor; readonly work: () => Promise<void> } | undefined;

export interface TopicOptions {
  readonly name: string;
  readonly simulation: Simulation;
  readonly door: Door;
  readonly weather: Weather;
  readonly random: Random;
  readonly tally: Tally;
  readonly trace: (actor: string, line: string) => void;
  readonly deliver: Deliver;
  /** Notified of every message that the topic has taken. */
  readonly onTaken: (message: EncodedMessage) => void;
  /** Notified when a message was acknowledged. */
  readonly onAcknowledged?: (message: EncodedMessage) => void;
}

/** Times of Pub/Sub in virtual ms: how soon a delivery usually comes, how late a late one, and the rest as its
 *  documentation has it (https://cloud.google.com/pubsub/docs/handling-failures). */
const times = { soon: 40, late: 90_000, ackDeadline: 30_000, leastBackoff: 1_000, mostBackoff: 60_000 };

export function createTopic(options: TopicOptions): Topic {
  const { name, simulation, door, weather, random, tally, trace, deliver, onTaken } = options;
  const messages: EncodedMessage[] = [];
  let unacknowledged = 0;
  const standing = new Map<string, number>();
  let running = 0;
  let planned = 0;
  let calmed = false;

  function put(message: EncodedMessage): void {
    messages.push(message);
    onTaken(message);
    if (!calmed && weather.loss > 0 && random.chance(weather.loss)) {
      tally.losses += 1;
      trace(name, `${name}/${messages.length} is lost`);
      return;
    }
    unacknowledged += 1;
    count(message, 1);
    const state = { acknowledged: false, failures: 0, number: messages.length };
    const label = `${name}/${state.number}`;

    const acknowledgeNow = () => {
      state.acknowledged = true;
      unacknowledged -= 1;
      count(message, -1);
      options.onAcknowledged?.(message);
    };

    const plan = (ms: number) => {
      planned += 1;
      simulation.schedule(ms, () => {
        planned -= 1;
        attempt();
      });
    };

    const again = () => {
      state.failures += 1;
      const backoff = Math.min(times.mostBackoff, times.leastBackoff * 2 ** state.failures);
      plan(random.whole(times.leastBackoff, backoff));
    };

    function attempt(): void {
      const delivery = deliver(message);
      if (delivery === undefined) {
        if (!state.acknowledged) again();
        return;
      }
      const { actor, work } = delivery;
      tally.deliveries += 1;
      trace(actor.name, `gets ${label} ${message.data.toString()}`);
      running += 1;
      // Work goes on after the deadline, until it is done or its process dies.
      let isWorking = true;
      const stopWorking = () => {
        if (isWorking) running -= 1;
        isWorking = false;
      };
      let isOver = false;
      /** The end of this delivery as Pub/Sub sees it: by the answer, the end of the connection, or the deadline. */
      const end = (why: string, acknowledge: boolean) => {
        if (isOver) return;
        isOver = true;
        cancelDeadline();
        trace(actor.name, `${label} ${why}`);
        if (acknowledge && !state.acknowledged) {
          acknowledgeNow();
        }
        if (!acknowledge && !state.acknowledged) again();
      };
      const cancelDeadline = simulation.schedule(times.ackDeadline, () => end('is not answered in time', false));
      actor.onDeath(() => {
        stopWorking();
        end('dies with its worker', false);
      });
      work().then(
        () => {
          stopWorking();
          if (!actor.isAlive()) return;
          if (!calmed && random.chance(weather.lostAck)) end('was handled, and Pub/Sub does not know', false);
          else if (isOver && !state.acknowledged) {
            // An answer after the deadline counts all the same, as Pub/Sub has it for push.
            acknowledgeNow();
            trace(actor.name, `${label} is acknowledged late`);
          } else end('is acknowledged', true);
        },
        (error: unknown) => {
          stopWorking();
          end(`is refused: ${String(error)}`, false);
        },
      );
    }

    plan(delay());
    while (!calmed && random.chance(weather.duplicate)) {
      tally.duplicates += 1;
      plan(delay());
    }
  }

  function count({ attributes: { projectId } }: EncodedMessage, change: number): void {
    if (projectId !== undefined) standing.set(projectId, (standing.get(projectId) ?? 0) + change);
  }

  const delay = () => random.whole(1, !calmed && random.chance(weather.late) ? times.late : times.soon);

  return {
    messages,
    put,
    publisher: (actor) => ({
      publish: (message) => door.call(actor, 'pubsub', `publish ${name}`, async () => put(message)),
      flush: async () => undefined,
    }),
    standsFor: (projectId) => (standing.get(projectId) ?? 0) > 0,
    outstanding: () => unacknowledged + running + planned,
    calm() {
      calmed = true;
    },
  };
}
