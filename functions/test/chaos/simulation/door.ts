import { AsyncLocalStorage } from 'node:async_hooks';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import type { Random } from '../random.ts';
import { countError, type Tally } from '../tally.ts';
import type { Weather } from '../weather.ts';
import type { Actor } from './actor.ts';

export type Service = 'firestore' | 'mongodb' | 'pubsub';

/** What an actor meets at one call. `effect`: whether the call does its work all the same. */
export type Fault =
  | { readonly kind: 'crash'; readonly effect: boolean }
  | { readonly kind: 'stall'; readonly effect: boolean; readonly ms: number }
  | {
      readonly kind: 'error';
      readonly effect: boolean;
      readonly name: string;
      readonly error: Error;
      /** How long the caller waits for the answer until it gets the error. */
      readonly waitsMs: number;
    };

/** Every call of the system under test to a service goes through here, is numbered, and waits for its turn: one at a
 *  time, each after a latency in virtual time. On the way it may meet a fault. */
export interface Door {
  /** @throws what the service answers, or the fault's error. Never settles for an actor that has died. */
  call<T>(actor: Actor, service: Service, what: string | { toString(): string }, act: () => Promise<T>): Promise<T>;
  /** A call inside another one, such as a read of a transaction: has its number and may meet a fault, which interrupts
   *  the whole. */
  inside(actor: Actor, what: string): void;
  /** From now on nothing goes wrong any more. */
  calm(): void;
  calls(): number;
}

/** Thrown inside a transaction, so that the client rolls it back; carries no status, so that the client does not try
 *  again by itself. */
class Interruption extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super('interrupted by the test');
    this.fault = fault;
  }
}

export interface DoorOptions {
  readonly weather: Weather;
  readonly random: Random;
  readonly tally: Tally;
  readonly trace: (actor: string, line: string) => void;
  /** Lets the world take its next step now. */
  readonly meddle: () => Promise<void>;
}

/** Longest latency of an ordinary call and of a slow one, in ms. */
const latencyMs = { usual: 30, slow: 5_000 };

/** How long an actor stands still: mostly past every lease there is, sometimes not quite. */
const stallMs = { least: 20_000, most: 200_000 };

export function createDoor({ weather, random, tally, trace, meddle }: DoorOptions): Door {
  let calls = 0;
  let calmed = false;
  /** Set in what a call of Firestore does, such as the body of a transaction. */
  const inTransaction = new AsyncLocalStorage<true>();

  const latency = () => random.whole(1, !calmed && random.chance(weather.slow) ? latencyMs.slow : latencyMs.usual);

  function faultAt(
    actor: Actor,
    service: Service,
    what: string | { toString(): string },
    number: number,
  ): Fault | undefined {
    if (calmed) return undefined;
    // Weathers without it draw no number for it, so that their seeds stay what they are.
    const isLost = weather.lostAnswer > 0 && isTransaction(what) && random.chance(weather.lostAnswer);
    const dice = random.next();
    const fault = ((): Fault | undefined => {
      if (isLost)
        return { kind: 'error', effect: true, ...errorOf(service, random), waitsMs: random.whole(1, latencyMs.slow) };
      const effect = random.chance(0.5);
      if (dice < weather.crash) return { kind: 'crash', effect };
      if (dice < weather.crash + weather.stall)
        return { kind: 'stall', effect, ms: random.whole(stallMs.least, stallMs.most) };
      if (dice < weather.crash + weather.stall + weather.error)
        return { kind: 'error', effect, ...errorOf(service, random), waitsMs: 0 };
      return undefined;
    })();
    if (fault) {
      const name = fault.kind === 'error' ? fault.name : fault.kind === 'stall' ? `stall of ${fault.ms} ms` : 'crash';
      trace(actor.name, `#${number} ${service} ${what} -> ${name} ${fault.effect ? 'after' : 'before'} the effect`);
    }
    return fault;
  }

  /** What a fault does to its actor and its call, at the moment when it happens. */
  function strike(actor: Actor, fault: Fault, goOn: () => void, reject: (error: Error) => void): void {
    switch (fault.kind) {
      case 'crash':
        // At the end of a slow call, when the faults may be over.
        if (calmed) {
          goOn();
          return;
        }
        tally.kills += 1;
        actor.die();
        return;
      case 'stall':
        tally.stalls += 1;
        actor.standStill(fault.ms);
        actor.schedule(0, goOn);
        return;
      case 'error':
        countError(tally, fault.name);
        reject(fault.error);
    }
  }

  return {
    call: (actor, service, what, act) =>
      new Promise((resolve, reject) => {
        calls += 1;
        const number = calls;
        const fault = faultAt(actor, service, what, number);
        if (service === 'mongodb' && inTransaction.getStore()) {
          // Within a transaction: time stands still, and a fault interrupts the whole.
          if (fault) reject(new Interruption(fault));
          else act().then(resolve, reject);
          return;
        }
        const run = async () => {
          if (!calmed && isTransaction(what) && random.chance(weather.meddling)) await meddle();
          const outcome = await inTransaction.run(true, act).then(
            (value) => ({ ok: true as const, value }),
            (error: unknown) => ({ ok: false as const, error }),
          );
          if (!outcome.ok && outcome.error instanceof Interruption) {
            const inner = outcome.error.fault;
            return strike(actor, inner, () => reject(expiredTransaction()), reject);
          }
          const answer = () => {
            if (outcome.ok) {
              trace(actor.name, `#${number} ${service} ${what}`);
              resolve(outcome.value);
            } else {
              trace(actor.name, `#${number} ${service} ${what} -> ${String(outcome.error)}`);
              reject(outcome.error);
            }
          };
          if (fault?.kind === 'error' && fault.waitsMs > 0)
            return void actor.schedule(fault.waitsMs, () => strike(actor, fault, answer, reject));
          if (fault?.effect) return strike(actor, fault, answer, reject);
          answer();
        };
        actor.schedule(latency(), () => {
          if (fault === undefined || fault.effect) return run();
          return strike(actor, fault, () => void actor.schedule(0, run), reject);
        });
      }),
    inside(actor, what) {
      calls += 1;
      const fault = faultAt(actor, 'firestore', what, calls);
      if (fault) throw new Interruption(fault);
    },
    calm() {
      calmed = true;
    },
    calls: () => calls,
  };
}

/** Transactions are where the work on assets is decided, and so where it matters what happened just before. */
function isTransaction(what: string | { toString(): string }): boolean {
  return typeof what !== 'string';
}

/** What Firestore says to an actor that returns to a transaction after too long. */
function expiredTransaction(): Error {
  return Object.assign(new Error('3 INVALID_ARGUMENT: The referenced transaction has expired or is no longer valid.'), {
    code: 3,
  });
}

/** Status codes of gRPC by name: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const statuses = { UNAVAILABLE: 14, ABORTED: 10, RESOURCE_EXHAUSTED: 8, DEADLINE_EXCEEDED: 4 } as const;

/** Errors of MongoDB after which a call may be made again: NotWritablePrimary, InterruptedDueToReplStateChange, and one
 *  without a label, MaxTimeMSExpired. */
const sourceErrors = [
  { name: 'NotWritablePrimary', code: 10107, labels: ['ResumableChangeStreamError', 'RetryableError'] },
  { name: 'InterruptedDueToReplStateChange', code: 11602, labels: ['ResumableChangeStreamError', 'RetryableError'] },
  { name: 'MaxTimeMSExpired', code: 50, labels: [] },
];

function errorOf(service: Service, random: Random): { readonly name: string; readonly error: Error } {
  const isDropped = random.chance(0.2);
  if (service === 'mongodb') {
    if (isDropped)
      return { name: 'dropped connection', error: new MongoNetworkError('connection dropped by the test') };
    const { name, code, labels } = random.pick(sourceErrors);
    return {
      name,
      error: new MongoServerError({ message: `${name} by the test`, code, codeName: name, errorLabels: labels }),
    };
  }
  // A dropped connection reaches the callers of Google's clients as UNAVAILABLE.
  const name = random.pick(['UNAVAILABLE', 'ABORTED', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED'] as const);
  if (isDropped)
    return { name: 'dropped connection', error: serviceError('UNAVAILABLE', 'Connection dropped by the test') };
  return { name, error: serviceError(name, 'by the test') };
}

function serviceError(name: keyof typeof statuses, message: string): Error {
  return Object.assign(new Error(`${statuses[name]} ${name}: ${message}`), { code: statuses[name] });
}
