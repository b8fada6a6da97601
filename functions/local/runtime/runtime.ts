import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { DocumentEvents } from '../servers/firestore/triggers/documentWatch.ts';
import type { FunctionRequest } from './callFunction.ts';
import { bundleEnvironment, functionEnvironment, withoutOtherSecrets } from './childEnvironment.ts';
import { checkManifest, describeBundle } from './describeBundle.ts';
import { createDocumentTriggers } from './documentTriggers.ts';
import { type Answer, openFrontDoor } from './frontDoor.ts';
import { type FunctionPool, isError } from './functionPool.ts';
import { type FunctionStatus, functionStatus } from './functionStatus.ts';
import { type FireResult, toResult, triggerRequest } from './invocation.ts';
import { parseLogLine, type RuntimeLogEntry } from './logLine.ts';
import type { FunctionSpec, Trigger } from './manifest.ts';
import { type ScheduleTrigger, startSchedule } from './scheduler.ts';
import { startPool } from './startPool.ts';
import { openTriggerSubscriptions } from './triggerSubscriptions.ts';

export type { FireResult } from './invocation.ts';
export type { RuntimeLogEntry } from './logLine.ts';

/** The functions of one bundle, running. */
export interface Runtime {
  /** The front door. GET / lists the functions; POST /NAME runs one: a JSON body is the data of a message for a Pub/Sub
   *  function. */
  readonly url: string;
  functions(): FunctionStatus[];
  /** Runs a function now and waits for its end; never rejects because of the function. */
  fire(name: string, payload?: unknown): Promise<FireResult>;
  /** Sends a signal (default SIGKILL) to every process of a function and resolves when they are gone. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Stops a function gracefully and starts it again; also one that was killed with `keepAlive: false`. Resolves when
   *  it is ready. */
  restart(name: string): Promise<void>;
  /** Resolves when every function is ready; rejects when one does not start. */
  waitUntilReady(): Promise<void>;
  /** Stops deliveries and schedules, lets invocations end for a grace, and ends every process. */
  close(): Promise<void>;
}

export interface RuntimeOptions {
  /** The module that exports the functions, such as `lib/index.js`. */
  readonly bundle: string;
  readonly projectId: string;
  /** HOST:PORT of the Pub/Sub server. */
  readonly pubsubHost: string;
  /** Where documents change. Without, functions that a document triggers never run, and a warning says so. */
  readonly documentEvents?: DocumentEvents;
  /** Settings, parameters and secrets of the functions; nothing of this process's environment reaches them
   *  otherwise. */
  readonly env?: Readonly<Record<string, string>>;
  /** Port of the front door; default 0: any free one. The Firebase emulator uses 5001. */
  readonly port?: number;
  /** Times schedules and the timeouts of functions. */
  readonly clock?: Clock;
  readonly log?: (entry: RuntimeLogEntry) => void;
  /** Names of the functions to run; default: all. */
  readonly only?: readonly string[];
  /** Backoff of the redelivery of a failed message, in ms. The cloud waits 10 s to 600 s; the default here is 0.5 s to
   *  10 s. */
  readonly retry?: { readonly minBackoffMs: number; readonly maxBackoffMs: number };
  /** False: scheduled functions run only on request. Default: true. */
  readonly schedules?: boolean;
  /** Names of scheduled functions whose first execution is due at once, before the first time of their schedule. */
  readonly dueAtStart?: readonly string[];
  /** False: a process that ended is not started again by itself. Default: true. */
  readonly keepAlive?: boolean;
  /** True: a process has no CPU between invocations, as in the cloud, so that work which goes on after its invocation
   *  shows. Default: false. */
  readonly freezeIdle?: boolean;
  /** How many instances of a function the machine bears, whatever the function declares. Default: as declared. */
  readonly mostInstances?: number;
  /** How long a request waits for room when every instance is busy, in ms, before it is refused. Default: 10 s. */
  readonly pendingMs?: number;
  /** How long processes may take to end before they are killed, in ms. Default: 10 s, as in Cloud Run. */
  readonly graceMs?: number;
}

const notTriggered =
  'it is never triggered, because only the embedded Firestore reports changes of documents, and Firestore runs elsewhere';

const defaultRetry = { minBackoffMs: 500, maxBackoffMs: 10_000 };
const defaultGraceMs = 10_000;

/** Name of the runtime itself in log entries. */
const runtimeName = 'runtime';

/** Runs the functions of a bundle as the cloud would: each in processes of its own, triggered as its `__endpoint` says.
 *  Rejects when the bundle cannot be loaded, a parameter has no value, or Pub/Sub is not there. Functions may still be
 *  starting when this resolves. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { clock = systemClock, log = () => {}, retry = defaultRetry, graceMs = defaultGraceMs, projectId } = options;
  const bundle = resolve(options.bundle);
  const env = bundleEnvironment({ projectId, pubsubHost: options.pubsubHost, env: options.env ?? {} });
  const described = await describeBundle(bundle, env, (line, stream) => {
    log({ function: runtimeName, ...parseLogLine(line, stream) });
  });
  const manifest = checkManifest(described, options.only, env);

  const pools = new Map<string, FunctionPool>();
  const schedules: { stop(): void }[] = [];
  const subscriptions = openTriggerSubscriptions({ pubsubHost: options.pubsubHost, projectId, ...retry });
  const frontDoor = await openFrontDoor(options.port ?? 0, {
    list: () => ({ functions: statuses() }),
    push,
    call,
  }).catch((error: unknown) => {
    subscriptions.close();
    throw error;
  });
  const documents = options.documentEvents
    ? createDocumentTriggers({
        events: options.documentEvents,
        clock: systemClock,
        publish: subscriptions.publish,
        onFailure: (topic, error) => {
          const message = `events for ${topic} are published later: ${String(error)}`;
          log({ function: runtimeName, severity: 'WARNING', message });
        },
      })
    : undefined;
  let messages = 0;

  function environmentOf({ name, trigger, secrets }: FunctionSpec): Record<string, string> {
    return {
      ...withoutOtherSecrets({ ...env, ...manifest.params }, manifest.secrets, secrets),
      ...functionEnvironment(name, isEventTrigger(trigger), Boolean(env.FIREBASE_AUTH_EMULATOR_HOST)),
    };
  }

  /** The topic whose messages reach a function; undefined for one that serves requests. */
  function topicOf({ name, trigger }: FunctionSpec): string | undefined {
    if (!isEventTrigger(trigger)) return undefined;
    const topic = trigger.kind === 'pubsub' ? trigger.topic : `eventarc-${name.toLowerCase()}-documents`;
    return topic.includes('/') ? topic : `projects/${projectId}/topics/${topic}`;
  }

  function poolOf(name: string): FunctionPool {
    const pool = pools.get(name);
    if (!pool) throw new Error(`There is no function ${name}; there are ${[...pools.keys()].join(', ')}.`);
    return pool;
  }

  const statuses = (): FunctionStatus[] => [...pools.values()].map((pool) => functionStatus(pool, frontDoor.url));

  /** A delivery of Pub/Sub: what the function has seen and failed is redelivered only if it asks for that. */
  async function push(name: string, request: FunctionRequest): Promise<Answer> {
    const pool = pools.get(name);
    if (!pool || !isEventTrigger(pool.spec.trigger)) return { status: 404, body: { error: `no function ${name}` } };
    const outcome = await pool.invoke(request);
    const { status, error } = toResult(outcome);
    if (!isError(outcome) || pool.spec.trigger.retry || closing) return { status };
    log({
      function: name,
      severity: 'ERROR',
      message: `the ${pool.spec.trigger.kind === 'pubsub' ? 'message' : 'event'} is dropped, because the function does not ask for retries: ${error ?? status}`,
    });
    return { status: 204 };
  }

  /** A request to the front door. */
  async function call(name: string, request: FunctionRequest, signal: AbortSignal): Promise<Answer> {
    const pool = pools.get(name);
    if (!pool) return { status: 404, body: { error: `no function ${name}`, functions: [...pools.keys()] } };
    if (pool.spec.trigger.kind === 'https') {
      const outcome = await pool.invoke(request, signal);
      if (outcome.kind === 'answered') return 'streamed';
      const result = toResult(outcome);
      return { status: result.status, body: result };
    }
    if (request.method !== 'POST') return { status: 405, body: { error: `POST /${name} runs the function.` } };
    const payload = parseJson(Buffer.isBuffer(request.body) ? request.body : await buffer(request.body));
    if (!payload.ok) return { status: 400, body: { error: `The body is not JSON: ${payload.error}` } };
    const result = await fire(name, payload.value);
    return { status: result.status === 204 ? 200 : result.status, body: result };
  }

  async function fire(
    name: string,
    payload?: unknown,
    scheduledAt = clock.now(),
    signal?: AbortSignal,
  ): Promise<FireResult> {
    const pool = poolOf(name);
    if (pool.spec.trigger.kind === 'firestore') {
      const error = `${name} runs when a document at ${pool.spec.trigger.document} changes: write one`;
      return { status: 400, ok: false, error };
    }
    messages += 1;
    const request = triggerRequest(pool.spec, { projectId, payload, scheduledAt, messageId: `manual-${messages}` });
    return toResult(await pool.invoke(request, signal));
  }

  function openSchedule(spec: FunctionSpec, trigger: ScheduleTrigger): { stop(): void } {
    const { name } = spec;
    return startSchedule({
      spec: { ...spec, trigger },
      clock,
      dueAtStart: options.dueAtStart?.includes(name) === true,
      async attempt(scheduledAt, signal) {
        const { ok, status, error } = await fire(name, undefined, scheduledAt, signal);
        // A stop of the runtime ends what runs; that is no failure.
        if (!ok && !closing) {
          log({ function: name, severity: 'ERROR', message: `the scheduled run failed: ${error ?? status}` });
        }
        return ok;
      },
      ended: (error) => log({ function: name, severity: 'ERROR', message: `its schedule ended: ${String(error)}` }),
    });
  }

  async function waitUntilReady(): Promise<void> {
    await Promise.all([...pools.values()].map((pool) => pool.instances()[0]?.firstReady));
  }

  let closing: Promise<void> | undefined;
  async function shutDown(): Promise<void> {
    for (const schedule of schedules) schedule.stop();
    await documents?.close();
    await Promise.all([...pools.values()].map(stopDeliveries));
    subscriptions.close();
    await Promise.all([...pools.values()].map((pool) => pool.stop(graceMs)));
    await frontDoor.close(graceMs);
  }

  async function stopDeliveries({ spec: { name, trigger } }: FunctionPool): Promise<void> {
    if (!isEventTrigger(trigger)) return;
    await subscriptions.disconnect(name).catch((error: unknown) => {
      // Pub/Sub may have been closed before; then there are no deliveries either.
      log({ function: name, severity: 'WARNING', message: `its subscription was left as it is: ${String(error)}` });
    });
  }

  try {
    for (const spec of manifest.functions) {
      const { name, trigger } = spec;
      const topic = topicOf(spec);
      pools.set(name, startPool(spec, { ...options, clock, log, bundle, env: environmentOf(spec), topic }));
      if (topic !== undefined) await subscriptions.connect(name, topic, frontDoor.pushEndpoint(name));
      if (topic !== undefined && trigger.kind === 'firestore') {
        const database = `projects/${projectId}/databases/${trigger.database}`;
        documents?.connect(topic, { database, document: trigger.document, kind: trigger.event });
        if (!documents) log({ function: name, severity: 'WARNING', message: notTriggered });
      }
      if (trigger.kind === 'schedule' && options.schedules !== false) {
        schedules.push(openSchedule(spec, trigger));
      }
    }
  } catch (error) {
    await shutDown();
    throw error;
  }

  return {
    url: frontDoor.url,
    functions: statuses,
    fire: (name, payload) => fire(name, payload),
    kill: (name, signal = 'SIGKILL') => poolOf(name).kill(signal),
    async restart(name) {
      const pool = poolOf(name);
      await pool.restart(graceMs);
      await pool.instances()[0]?.port();
    },
    waitUntilReady,
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** A trigger whose occasions arrive as messages. */
type EventTrigger = Extract<Trigger, { retry: boolean }>;

function isEventTrigger(trigger: Trigger): trigger is EventTrigger {
  return trigger.kind === 'pubsub' || trigger.kind === 'firestore';
}

function parseJson(body: Buffer): { ok: true; value: unknown } | { ok: false; error: string } {
  if (body.length === 0) return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(body.toString()) };
  } catch (error) {
    return { ok: false, error: String(error) };
  }
}
