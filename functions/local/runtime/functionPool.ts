import http from 'node:http';
import { type Clock, sleep, systemClock } from '../../src/clock.ts';
import { aborted, untilAborted, within } from '../../src/waiting.ts';
import { callFunction, type FunctionRequest, type FunctionResponse } from './callFunction.ts';
import type { FunctionProcess } from './functionProcess.ts';
import type { FunctionSpec } from './manifest.ts';

/** How one invocation ended. */
export type Outcome =
  | { readonly kind: 'answered'; readonly response: FunctionResponse }
  /** It took longer than `timeoutSeconds`. What it does goes on; nobody listens any more. */
  | { readonly kind: 'timed-out' }
  /** The caller's signal was aborted first. What the function does goes on; nobody listens any more. */
  | { readonly kind: 'cancelled' }
  /** The process ended under it. */
  | { readonly kind: 'crashed'; readonly reason: string }
  /** Every instance is busy and there may be no more: the function has not seen the request. */
  | { readonly kind: 'busy' }
  /** No instance came up: the function has not seen the request. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** The instances of one function. */
export interface FunctionPool {
  readonly spec: FunctionSpec;
  /** Runs one request on an instance with room; starts another instance if there may be one. */
  invoke(request: FunctionRequest, signal?: AbortSignal): Promise<Outcome>;
  /** The first instance is the one that is always there. */
  instances(): readonly FunctionProcess[];
  counts(): { readonly invocations: number; readonly errors: number };
  kill(signal: NodeJS.Signals): Promise<void>;
  restart(graceMs: number): Promise<void>;
  stop(graceMs: number): Promise<void>;
}

export interface FunctionPoolOptions {
  readonly spec: FunctionSpec;
  /** Times the timeout of invocations. */
  readonly clock: Clock;
  /** Times the life of idle instances: that of the machine, for processes do not live in virtual time. */
  readonly machineClock?: Clock;
  /** How many instances the machine bears, whatever the function declares; undefined: as declared. */
  readonly mostInstances?: number | undefined;
  /** How long a request waits for room, in ms of the clock. */
  readonly pendingMs?: number | undefined;
  /** Starts an instance. Only the first one is kept alive: more come and go with the load. */
  readonly start: (keepAlive: boolean) => FunctionProcess;
}

interface Instance {
  readonly process: FunctionProcess;
  readonly agent: http.Agent;
  cancelRetirement: (() => void) | undefined;
}

const neverAborted = new AbortController().signal;

/** The platform's limit where a function declares none: https://firebase.google.com/docs/functions/manage-functions */
const defaultMaxInstances = 100;

/** An instance beyond the first ends when it has had nothing to do for this long, in ms of the machine's time. The
 *  cloud keeps it for up to 15 minutes; here all of them share one machine. */
const idleLifeMs = 10_000;

/** How long such an instance may take to end, in ms. */
const retirementGraceMs = 10_000;

/** How long a request waits for room before it is refused, in ms. Cloud Run holds requests about as long:
 *  https://cloud.google.com/run/docs/about-instance-autoscaling */
const defaultPendingMs = 10_000;

/** A broken connection means that the process is ending; should it go on living, nobody waits longer than this for its
 *  end, in ms. */
const crashGraceMs = 2000;

/** How long to wait before another look at a process that refused a connection, in ms of the machine's time. */
const refusedPauseMs = 10;

export function createFunctionPool(options: FunctionPoolOptions): FunctionPool {
  const { spec, clock, machineClock = systemClock, pendingMs = defaultPendingMs } = options;
  const maxInstances = Math.min(spec.maxInstances ?? defaultMaxInstances, options.mostInstances ?? Infinity);
  /** Requests without room, in order; each is notified when there may be some. */
  const waiting = new Set<() => void>();
  let invocations = 0;
  let errors = 0;
  const first = startInstance(true);
  let instances = [first];

  function startInstance(keepAlive: boolean): Instance {
    const agent = new http.Agent({ keepAlive: true });
    return { process: options.start(keepAlive), agent, cancelRetirement: undefined };
  }

  /** An instance with room, those that are up before those that are on their way. */
  function findRoom(): Instance | undefined {
    instances = instances.filter((instance) => instance === first || instance.process.state() !== 'stopped');
    const free = instances.filter(({ process }) => process.busy() < spec.concurrency);
    const ready = free.find(({ process }) => process.state() === 'ready');
    if (ready) return ready;
    if (free[0]) return free[0];
    if (instances.length >= maxInstances || first.process.state() === 'stopped') return undefined;
    const added = startInstance(false);
    instances.push(added);
    return added;
  }

  /** An instance with a place taken in it, or undefined after a while. */
  async function takeRoom(): Promise<Instance | undefined> {
    const since = clock.now();
    for (;;) {
      const instance = findRoom();
      const leftMs = since + pendingMs - clock.now();
      if (instance) {
        instance.cancelRetirement?.();
        instance.process.begin();
        return instance;
      }
      if (leftMs <= 0 || first.process.state() === 'stopped') return undefined;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(leftMs, proceed);
        function proceed(): void {
          cancel();
          waiting.delete(proceed);
          resolve();
        }
        waiting.add(proceed);
      });
    }
  }

  function giveBackRoom(instance: Instance): void {
    instance.process.end();
    const [next] = waiting;
    next?.();
    if (instance === first || instance.process.busy() > 0) return;
    instance.cancelRetirement?.();
    instance.cancelRetirement = machineClock.after(idleLifeMs, () => void instance.process.stop(retirementGraceMs));
  }

  async function run({ process, agent }: Instance, request: FunctionRequest, cancelled: AbortSignal): Promise<Outcome> {
    const timeout = new AbortController();
    const cancelTimeout = clock.after(spec.timeoutSeconds * 1000, () => timeout.abort());
    try {
      for (;;) {
        const port = await untilAborted(process.port(), timeout.signal);
        if (port === aborted) return unavailable(`no instance was ready within ${spec.timeoutSeconds} s`);
        const outcome = await call(port, agent, request, { timeout: timeout.signal, cancelled });
        if (outcome.kind !== 'refused') {
          invocations += 1;
          // Answered only when the end of the process is known: a redelivery must not meet its remains.
          if (outcome.kind === 'crashed') await within(systemClock, crashGraceMs, process.gone());
          return outcome;
        }
        // The process died a moment ago and its end is not known here yet: the next try finds the one that replaces it.
        await sleep(systemClock, refusedPauseMs);
      }
    } catch (error) {
      return unavailable(error instanceof Error ? error.message : String(error));
    } finally {
      cancelTimeout();
    }
  }

  return {
    spec,
    async invoke(request, cancelled = neverAborted) {
      const instance = await takeRoom();
      if (!instance) {
        return first.process.state() === 'stopped' ? unavailable(`${spec.name} is stopped`) : { kind: 'busy' };
      }
      const outcome = await run(instance, request, cancelled);
      giveBackRoom(instance);
      if (isError(outcome)) errors += 1;
      return outcome;
    },
    instances: () => instances.map(({ process }) => process),
    counts: () => ({ invocations, errors }),
    async kill(signal) {
      await Promise.all(instances.map(({ process }) => process.kill(signal)));
    },
    async restart(graceMs) {
      await Promise.all(instances.map(({ process }) => process.stop(graceMs)));
      instances = [first];
      first.process.start();
    },
    async stop(graceMs) {
      for (const proceed of waiting) proceed();
      for (const { cancelRetirement } of instances) cancelRetirement?.();
      await Promise.all(instances.map(({ process }) => process.stop(graceMs)));
      for (const { agent } of instances) agent.destroy();
    },
  };
}

/** One try at a process; `refused`: nobody listens on the port any more. */
async function call(
  port: number,
  agent: http.Agent,
  request: FunctionRequest,
  { timeout, cancelled }: { readonly timeout: AbortSignal; readonly cancelled: AbortSignal },
): Promise<Outcome | { readonly kind: 'refused' }> {
  try {
    const response = await callFunction(port, agent, request, AbortSignal.any([timeout, cancelled]));
    return { kind: 'answered', response };
  } catch (error) {
    if (timeout.aborted) return { kind: 'timed-out' };
    if (cancelled.aborted) return { kind: 'cancelled' };
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return { kind: 'refused' };
    return { kind: 'crashed', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether the function failed. What it never saw is not its error. */
export function isError(outcome: Outcome): boolean {
  if (outcome.kind === 'answered') return outcome.response.status >= 500;
  return outcome.kind === 'timed-out' || outcome.kind === 'crashed';
}

function unavailable(reason: string): Outcome {
  return { kind: 'unavailable', reason };
}
