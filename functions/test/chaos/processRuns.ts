import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import type { RuntimeLogEntry } from '../../local/runtime/runtime.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { sleep, systemClock } from '../../src/clock.ts';
import { parseFailure } from '../../src/deadLetters/failure.ts';
import type { EncodedMessage } from '../../src/events/codec.ts';
import config from '../../src/lockstep.config.ts';
import { createPublisher, createPubSub } from '../../src/publisher.ts';
import { connectSource } from '../../src/source/connect.ts';
import { createHistory, describeAct } from './history.ts';
import { createRandom, type Random } from './random.ts';
import { countError, emptyTally, type Tally } from './tally.ts';
import { createWorld, type Places, type Violation } from './world.ts';

/** What came of one run. */
export interface ProcessRunResult {
  readonly violations: readonly Violation[];
  readonly tally: Tally;
  readonly trace: readonly string[];
}

/** The processes that are killed, and how often compared with each other. The relay's lease outlives its process by up
 *  to 15 s, so killing it takes long. */
const victims = {
  syncProject: 8,
  syncDeletions: 4,
  recordDeadLetter: 1,
  reconcileOnRequest: 1,
  relayProjectChanges: 1,
} as const;

/** Time between two kills, in ms: an invocation has time to begin, and rarely to end. */
const killEveryMs = { least: 60, most: 700 };

/** How long a run may take to settle, in ms: several leases of the relay and of workers, on a busy machine. */
const patienceMs = 120_000;

/** How often something is looked at that has to come true, in ms. */
const lookEveryMs = 25;

const relayFunction = 'relayProjectChanges';

/** Runs one history after the other against functions in processes of their own that are killed with SIGKILL at random
 *  moments, on one stack. `onRun` says whether to go on. Needs `lib/`, the built functions. */
export async function processRuns(
  options: { readonly seed: string; readonly first: number; readonly runs: number; readonly traced?: boolean },
  onRun: (run: number, result: ProcessRunResult) => boolean,
): Promise<void> {
  const stage = await openStage();
  try {
    for (let run = options.first; run < options.first + options.runs; run += 1) {
      if (!onRun(run, await processRun(stage, options.seed, run, options.traced === true))) return;
    }
  } finally {
    await stage.close();
  }
}

type Stage = Awaited<ReturnType<typeof openStage>>;

/** The services and functions, and clients of the service that owns the projects, the clients and the operator. */
async function openStage() {
  const listeners = new Set<(entry: RuntimeLogEntry) => void>();
  const stack: Stack = await startStack({
    ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0 },
    env: {
      SYNC_LEASE_SECONDS: '1',
      SYNC_MAX_ATTEMPTS: '25',
      RECONCILE_GRACE_MINUTES: '0',
      RECONCILE_MODE: 'clean',
      HOLD_MAX_PROJECTS: '0',
      HOLD_MAX_SHARE_PERCENT: '100',
      NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=192',
    },
    schedules: false,
    retry: { minBackoffMs: 50, maxBackoffMs: 600 },
    onLog: (entry) => {
      for (const listener of listeners) listener(entry);
    },
  });
  const source = await connectSource(stack.mongodbUri, config);
  const firestore = new Firestore({
    projectId: stack.variables.GCLOUD_PROJECT ?? '',
    host: stack.firestoreHost,
    ssl: false,
  });
  const pubsub = createPubSub(stack.variables.GCLOUD_PROJECT, stack.pubsubHost);
  const { runtime, pubsub: broker, firestore: firestoreServer } = stack;
  if (!runtime || !broker || !firestoreServer) throw new Error('the runs with processes need servers of their own');

  // The schedule of a deployment begins a relay every minute; here one begins whenever there is none.
  let isOpen = true;
  const relay = (async () => {
    while (isOpen) {
      const { ok } = await runtime.fire(relayFunction);
      if (!ok) await pause(lookEveryMs);
    }
  })();
  await until('a relay to have a place', () => relayHasPlace(firestore));
  return {
    runtime,
    broker,
    firestoreServer,
    source,
    firestore,
    listeners,
    events: createPublisher(pubsub, 'project-events'),
    async close() {
      isOpen = false;
      await pubsub.close();
      await source.close();
      await firestore.terminate();
      await stack.close();
      await relay;
    },
  };
}

async function processRun(stage: Stage, seed: string, run: number, traced: boolean): Promise<ProcessRunResult> {
  const { runtime, broker, firestore, source, listeners } = stage;
  const random = createRandom(`${seed}:${run}:processes`);
  const tally = emptyTally();
  tally.runs = 1;
  const lines: string[] = [];
  const startedAt = performance.now();
  const trace = (line: string) => {
    if (traced) lines.push(`${((performance.now() - startedAt) / 1_000).toFixed(3).padStart(8)} s  ${line}`);
  };
  const newest = new Map<string, string>();
  const onLog = (entry: RuntimeLogEntry) => {
    trace(`${entry.function} ${entry.pid ?? ''} ${entry.severity} ${entry.message} ${JSON.stringify(entry)}`);
    const { projectId, version, outcome } = entry;
    if (typeof projectId !== 'string' || typeof version !== 'string' || outcome === undefined) return;
    tally.deliveries += 1;
    if (version < (newest.get(projectId) ?? '')) tally.reorderings += 1;
    else newest.set(projectId, version);
  };
  listeners.add(onLog);

  const world = createWorld({
    projects: source.projects,
    firestore,
    config,
    places: placesOfConfig(),
    onChange() {
      tally.changes += 1;
    },
    // The simulated runs do that.
    onInvent: () => undefined,
    isNarrow: () => false,
  });
  const mark = `the-end-${run}-${seed}`;
  const steps = random.whole(5, 14);
  const pauseMs = random.pick([5, 60]);
  const projectIds = [new ObjectId().toHexString(), `p-${run}-two`, `ünï ${run}`].slice(0, random.whole(1, 3));
  const history = createHistory(random, {
    steps,
    pauseMs,
    projectIds,
    assetPrefix: `a${run}-`,
    assetsPerStep: 40,
    manyAssets: 90,
    manyShare: 0.01,
  });
  const deadBefore = new Set((await firestore.collection('syncFailures').get()).docs.map(({ id }) => id));
  const redelivered = () => Object.values(broker.stats()).reduce((sum, stats) => sum + stats.redelivered, 0);
  const before = redelivered();
  const violations: Violation[] = [];
  const killer = startKiller(stage, random, tally, trace);
  try {
    for (const act of history.before) {
      trace(`before: ${describeAct(act)}`);
      await world.perform(act);
    }
    for (const name of subscriptions) {
      broker.disturb(name, { random: random.next, duplicate: 0.2, maxDelayMs: 150, shuffle: true });
    }
    const errors = createErrors(stage, random, tally);
    killer.start();
    for (const { afterMs, act } of history.steps) {
      await pause(afterMs);
      trace(describeAct(act));
      errors.takeBack();
      await world.perform(act);
      errors.inject();
    }
    await pause(random.whole(0, 2_000));
    await killer.stop();
    for (const name of subscriptions) broker.disturb(name, undefined);
    errors.takeBack();
    trace('faults end');
    await world.perform({ do: 'create', project: mark, fields: { name: 'the end' } });
    await until('the last change to be applied', async () => {
      const record = await firestore.doc(`syncProjects/${mark}`).get();
      return record.exists && record.get('appliedRevision') === record.get('revision');
    });
    await idle(stage);
    for (let round = 0; (await redriveAll(stage, deadBefore, tally, violations)) && round < mostRedrives; round += 1)
      await idle(stage);
    violations.push(...(await world.verify({ reconciled: false, historyLost: false })));
    if (violations.length === 0 && world.hasLeftovers()) {
      tally.reconciliations += 1;
      // The projects by their names: of so few, brakes rightly allow no other number of orphans.
      const { ok, error } = await runtime.fire('reconcileOnRequest', { mode: 'clean', reason: 'chaos', projectIds });
      if (!ok) violations.push({ what: 'the reconciliation failed', detail: error ?? '' });
      await idle(stage);
      violations.push(...(await world.verify({ reconciled: true, historyLost: true })));
    }
  } catch (error) {
    violations.push({
      what: 'the run broke off',
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  } finally {
    await killer.stop();
    listeners.delete(onLog);
    tally.duplicates += redelivered() - before;
    await removeAssets(firestore);
  }
  return { violations, tally, trace: lines };
}

/** Subscriptions of the functions that get messages. */
const subscriptions = ['syncproject', 'syncdeletions', 'recorddeadletter', 'reconcileonrequest'].map(
  (name) => `eventarc-${name}-sub`,
);

/** How often a dead letter may come back once nothing goes wrong any more. */
const mostRedrives = 2;

function placesOfConfig(): Places {
  const named = (name: string) => {
    const collection = config.collections.find((candidate) => candidate.name === name);
    if (collection === undefined) throw new Error(`lockstep.config.ts has no collection "${name}"`);
    return collection;
  };
  return {
    storyboard: named('storyboards'),
    media: named('generatedMedia'),
    analysis: named('aiAnalyses'),
    scene: named('scenes'),
  };
}

/** Kills processes at random moments until it is stopped. */
function startKiller({ runtime }: Stage, random: Random, tally: Tally, trace: (line: string) => void) {
  const candidates = Object.entries(victims).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
  let isOn = false;
  let running: Promise<void> = Promise.resolve();
  async function kill(): Promise<void> {
    while (isOn) {
      await pause(random.whole(killEveryMs.least, killEveryMs.most));
      if (!isOn) return;
      const name = random.pick(candidates);
      trace(`SIGKILL for ${name}`);
      tally.kills += 1;
      await runtime.kill(name);
    }
  }
  return {
    start() {
      isOn = true;
      running = kill();
    },
    async stop() {
      isOn = false;
      await running;
    },
  };
}

/** Commits of the functions that fail, some of them after they have done their work. Only calls without a stream: the
 *  client tries streams again with pauses of seconds. What was not met when the world acts next is taken back, since
 *  the world itself must not fail. */
function createErrors({ firestoreServer: { faults } }: Stage, random: Random, tally: Tally) {
  let injected: readonly string[] = [];
  return {
    inject() {
      injected = Array.from({ length: random.whole(0, 3) }, () =>
        random.pick(['ABORTED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED']),
      );
      for (const code of injected) faults.inject('Commit', { error: { code }, afterEffect: random.chance(0.5) });
    },
    takeBack() {
      for (const code of injected.slice(0, injected.length - faults.pending())) countError(tally, code);
      injected = [];
      faults.clear();
    },
  };
}

async function idle({ broker }: Stage): Promise<void> {
  const late = new AbortController();
  const tooLate = sleep(systemClock, patienceMs, late.signal).then(() => {
    throw new Error(`messages are still not acknowledged after ${patienceMs} ms`);
  });
  try {
    await Promise.race([broker.idle(subscriptions), tooLate]);
  } finally {
    // Nobody waits for the end of the patience any more.
    tooLate.catch(() => undefined);
    late.abort();
  }
}

/** Redrives dead letters, as an operator does; whether there were any. */
async function redriveAll(stage: Stage, known: Set<string>, tally: Tally, violations: Violation[]): Promise<boolean> {
  const dead = (await stage.firestore.collection('syncFailures').where('status', '==', 'dead').get()).docs;
  for (const document of dead) {
    const { message, reason, error } = parseFailure(document.id, document.data());
    if (!known.has(document.id)) tally.deadLetters += 1;
    known.add(document.id);
    if (message === null || reason !== 'attempts')
      violations.push({ what: 'a sound event became a dead letter', detail: `${reason}: ${error}` });
    await document.ref.update({ status: 'redriven' });
    tally.redriven += 1;
    if (message !== null) await republish(stage, message);
  }
  return dead.length > 0;
}

function republish({ events }: Stage, { data, attributes }: EncodedMessage): Promise<void> {
  return events.publish({ data, attributes });
}

/** So that the next run finds none. */
async function removeAssets(firestore: Firestore): Promise<void> {
  const groups = ['storyboards', 'generatedMedia', 'aiAnalyses', 'scenes', 'panels'];
  for (const group of groups) {
    const all = await firestore.collectionGroup(group).select().get();
    const batch = firestore.batch();
    for (const { ref } of all.docs) batch.delete(ref);
    await batch.commit();
  }
}

function pause(ms: number): Promise<void> {
  return sleep(systemClock, ms);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs} ms for ${what}`);
    await pause(lookEveryMs);
  }
}
