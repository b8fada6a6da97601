import type { EncodedMessage } from '../../src/events/codec.ts';
import type { Publisher } from '../../src/publisher.ts';

/** A topic in memory that keeps what is published, and can fail, hold back and count. */
export interface FakeTopic extends Publisher {
  /** What was taken, in order. */
  readonly messages: EncodedMessage[];
  /** Errors that the next publications meet, one each. */
  readonly failures: Error[];
  /** Publications that were tried. */
  tries(): number;
  /** Calls of `publish` that have not been answered. */
  open(): number;
  mostOpen(): number;
  /** Until `succeed`, every publication fails (those held back as well). */
  fail(error: Error): void;
  succeed(): void;
  /** Until `release`, publications are not answered. */
  hold(): void;
  release(): void;
  /** Called with every message before it is taken; false refuses it as Pub/Sub refuses an invalid one. */
  accepts: (message: EncodedMessage) => boolean;
}

export function fakeTopic(): FakeTopic {
  const messages: EncodedMessage[] = [];
  const failures: Error[] = [];
  let failure: Error | undefined;
  let held: (() => void)[] | undefined;
  let tries = 0;
  let open = 0;
  let mostOpen = 0;
  const topic: FakeTopic = {
    messages,
    failures,
    tries: () => tries,
    open: () => open,
    mostOpen: () => mostOpen,
    accepts: () => true,
    fail(error) {
      failure = error;
    },
    succeed() {
      failure = undefined;
    },
    hold() {
      held ??= [];
    },
    release() {
      const waiting = held ?? [];
      held = undefined;
      for (const go of waiting) go();
    },
    async publish(message) {
      tries += 1;
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      try {
        if (held !== undefined) await new Promise<void>((resolve) => held?.push(resolve));
        const error = failure ?? failures.shift();
        if (error) throw error;
        if (!topic.accepts(message)) throw Object.assign(new Error('INVALID_ARGUMENT'), { code: 3 });
        messages.push(message);
      } finally {
        open -= 1;
      }
    },
    async flush() {},
  };
  return topic;
}
