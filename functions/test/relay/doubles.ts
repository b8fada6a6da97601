import { randomUUID } from 'node:crypto';
import { Firestore } from 'firebase-admin/firestore';
import type { FirestoreServer } from '../../local/servers/firestore/server.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { EncodedMessage } from '../../src/events/codec.ts';
import type { Log, LogFields } from '../../src/log.ts';
import type { Publisher } from '../../src/publisher.ts';
import type { RelayContext } from '../../src/relay/context.ts';
import { defaultRelayLimits, type RelayLimits } from '../../src/relay/limits.ts';

/** The machine's clock, which a test may put forward: for the one who looks at it, leases run out. */
export interface ShiftedClock extends Clock {
  shift(ms: number): void;
}

export function shiftedClock(): ShiftedClock {
  let offset = 0;
  return {
    now: () => systemClock.now() + offset,
    after: systemClock.after,
    shift(ms) {
      offset += ms;
    },
  };
}

/** A clock that stands still until a test moves it, and runs what comes due. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
  timers(): number;
}

export function manualClock(start = 1_700_000_000_000): ManualClock {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.run();
      }
    },
    timers: () => timers.size,
  };
}

/** A topic in memory that can fail, hold messages back and count. */
export interface FakeTopic extends Publisher {
  /** What was taken, in order. */
  readonly messages: EncodedMessage[];
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
  /** Asked about every message before it is taken; false refuses it as Pub/Sub refuses an invalid one. */
  accepts: (message: EncodedMessage) => boolean;
}

export function fakeTopic(): FakeTopic {
  const messages: EncodedMessage[] = [];
  let failure: Error | undefined;
  let held: (() => void)[] | undefined;
  let tries = 0;
  let open = 0;
  let mostOpen = 0;
  const topic: FakeTopic = {
    messages,
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
        if (failure) throw failure;
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

/** An error as a Google client raises it. */
export function serviceError(code: number, message = 'as told by the test'): Error {
  return Object.assign(new Error(message), { code });
}

/** gRPC's UNAVAILABLE, which passes, and PERMISSION_DENIED, which does not. */
export const unavailable = 14;
export const permissionDenied = 7;

export interface RecordedLog extends Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[];
  alarms(): string[];
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog['lines'] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields });
    };
  return {
    lines,
    alarms: () => lines.filter(({ level }) => level === 'alarm').map(({ fields }) => String(fields.alarm)),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    alarm: (alarm, message, fields = {}) => at('alarm')(message, { alarm, ...fields }),
  };
}

/** The limits of production, with short pauses. */
export const quickLimits: RelayLimits = {
  ...defaultRelayLimits,
  standbyPollMs: 10,
  checkpointEveryMs: 15,
  renewEveryMs: 100,
  maxAwaitMs: 50,
  backoff: { firstPauseMs: 5, longestPauseMs: 40 },
};

export function retryContext(
  clock: Clock,
  limits: Partial<RelayLimits> = {},
): RelayContext & { readonly log: RecordedLog } {
  return { clock, random: () => 0.5, limits: { ...quickLimits, ...limits }, log: recordedLog() };
}

// The client library looks for a Google machine around it, which takes time and prints warnings where there is none.
process.env.METADATA_SERVER_DETECTION ??= 'none';

/** A client of a local Firestore. */
export function connectFirestore(server: FirestoreServer, projectId = `demo-${randomUUID()}`): Firestore {
  return new Firestore({ projectId, host: server.host, ssl: false });
}

/** How long a test waits for something that should happen at once, in ms: only a defect takes longer, and then the test fails here. */
const patienceMs = 10_000;

/** Resolves when `holds` does; rejects when it never does. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
