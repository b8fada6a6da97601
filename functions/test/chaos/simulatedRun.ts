import { Timestamp } from 'firebase-admin/firestore';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { controlCacheMs, controlRef, createControlReader, type Pausable } from '../../src/control/control.ts';
import { parseFailure } from '../../src/deadLetters/failure.ts';
import { originalOf } from '../../src/deadLetters/letter.ts';
import { recordDeadLetter } from '../../src/deadLetters/record.ts';
import { decodeEvent, type EncodedMessage, encodeEvent } from '../../src/events/codec.ts';
import { eventId } from '../../src/events/contract.ts';
import { maxOrdinal, versionOf } from '../../src/events/version.ts';
import { createHolds, listHeld } from '../../src/holds/decide.ts';
import { createGuard } from '../../src/lateWrites/guard.ts';
import { defaultLateWriteLimits, defaultVisitLimits } from '../../src/lateWrites/limits.ts';
import { visitDeletions } from '../../src/lateWrites/visits.ts';
import { errorText, type Log } from '../../src/log.ts';
import { reasonToRedeliver } from '../../src/reconcile/brakes.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { runReconciliation } from '../../src/reconcile/run.ts';
import { documentIdFrom, textFromDocumentId } from '../../src/records/documentIds.ts';
import { parseProjectRecord } from '../../src/records/projectRecord.ts';
import { syncJobRef } from '../../src/records/syncJob.ts';
import { adoptSource } from '../../src/relay/adopt.ts';
import { defaultRelayLimits } from '../../src/relay/limits.ts';
import { runRelay } from '../../src/relay/relay.ts';
import { emptyRelayRecord, parseRelayRecord, relayRecordData, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { createRelayHealth, type RelayHealth } from '../../src/relay/status/health.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import type { SyncDependencies } from '../../src/sync/dependencies.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { continueParked } from '../../src/sync/parked.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import { transactAs } from '../support/transact.ts';
import { createHistory, describeAct, withRareActs } from './history.ts';
import { createRandom } from './random.ts';
import { type Actor, createActor } from './simulation/actor.ts';
import { type ArchiveWatch, createArchiveWatch } from './simulation/archiveWatch.ts';
import { createCheckpointWatch, pointOf } from './simulation/checkpointWatch.ts';
import { type ConvergedWatch, createConvergedWatch } from './simulation/convergedWatch.ts';
import { watchWrites, writeOfMessage } from './simulation/documentEvents.ts';
import { createDoor } from './simulation/door.ts';
import { firestoreThrough } from './simulation/firestoreDoor.ts';
import { lateWrites } from './simulation/lateWriters.ts';
import { sourceThrough } from './simulation/mongoDoor.ts';
import { chaosSource, type Services } from './simulation/services.ts';
import { createSimulation, StuckError } from './simulation/simulation.ts';
import { createTopic, type Topic } from './simulation/subscription.ts';
import { emptyTally, type Tally } from './tally.ts';
import { pickWeather, type Weather } from './weather.ts';
import { createWorld, type Places, type Violation } from './world.ts';

/** What came of one run. */
export interface RunResult {
  readonly violations: readonly Violation[];
  readonly tally: Tally;
  readonly weather: string;
  /** Everything that happened, when it was asked for. */
  readonly trace: readonly string[];
}

export interface SimulatedRunOptions {
  readonly seed: string;
  readonly run: number;
  readonly services: Services;
  /** When virtual time begins, in ms since 1970; later than the end of every run before. */
  readonly startsAt: number;
  readonly traced?: boolean;
  readonly weather?: Weather;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** A run that takes more than this does not come to an end by itself. */
const runLimits = { steps: 8_000, durationMs: 24 * hour };

/** How long an invocation works, in virtual ms: usually, and where its work shall go on in a continuation. */
const budgets = { usual: 480 * second, shortLeast: 10, shortMost: 150 };

/** The brakes of a reconciliation have tests of their own. Here a run has few projects, and often most of them are
 *  orphans. */
const brakes = {
  ...defaultReconcileLimits.brakes,
  deletions: { ...defaultReconcileLimits.brakes.deletions, maxShare: 1 },
  shrink: { ...defaultReconcileLimits.brakes.shrink, share: 1 },
};

/** How far the clock of a process may be off, in ms. */
const mostSkewMs = 2_000;

/** From so much meddling on, steps are left to it. */
const frequentMeddling = 0.2;

/** How often the end of a run is marked in MongoDB until the relay has published a mark. */
const markEveryMs = minute;

/** A project that is written when all is over: once its event is out, so is every one before it. */
const mark = 'the-end';

/** Runs the relay, the work on events and the reconciliation against local servers under faults from one seed, lets
 *  everything settle, and compares. */
export async function simulatedRun(options: SimulatedRunOptions): Promise<RunResult> {
  const { services, startsAt } = options;
  const seed = `${options.seed}:${options.run}`;
  const tally = emptyTally();
  tally.runs = 1;
  const random = createRandom(`${seed}:run`);
  const weather = options.weather ?? pickWeather(random);
  const simulation = createSimulation(startsAt, runLimits);
  services.follow(simulation.now);
  services.firestoreServer.clear();

  const lines: string[] = [];
  const trace = (who: string, line: string) => {
    if (options.traced)
      lines.push(`${((simulation.now() - startsAt) / second).toFixed(3).padStart(9)} s  ${who.padEnd(12)} ${line}`);
  };

  const isNotifying = createRandom(`${seed}:converged`).chance(0.25);
  const archiving = createRandom(`${seed}:archive`);
  const isArchiving = archiving.chance(0.4);
  const onDelete = () => (isArchiving && archiving.chance(0.6) ? 'archive' : 'delete');
  const config = defineConfig({
    converged: isNotifying,
    source: { ...chaosSource, fields: ['name', 'status'] },
    collections: [
      {
        path: 'storyboards',
        projectId: 'projectId',
        copies: { name: 'projectName' },
        subcollections: 'recursive',
        onDelete: onDelete(),
      },
      {
        path: 'media',
        projectId: 'projectId',
        copies: { name: 'projectName', status: 'meta.status' },
        onDelete: onDelete(),
      },
      { path: 'analyses', projectId: 'projectId', onDelete: onDelete() },
      { group: 'scenes', projectId: 'meta.projectId', onDelete: onDelete() },
    ],
  });
  const [storyboard, media, analysis, scene] = config.collections;
  if (!storyboard || !media || !analysis || !scene)
    throw new Error('the configuration of the runs has four collections');
  const places: Places = { storyboard, media, analysis, scene };
  const { firestore, mongo } = services;
  const { projects } = services.owner;
  const noise = services.owner.client.db('noise').collection('writes');

  const door = createDoor({ weather, random: createRandom(`${seed}:door`), tally, trace, meddle: () => takeStep() });
  const watch = createCheckpointWatch();
  const convergedWatch: ConvergedWatch = createConvergedWatch(services.firestore);
  const archiveWatch: ArchiveWatch = createArchiveWatch(services.firestore);
  const wakeStreams: (() => void)[] = [];
  const world = createWorld({
    projects,
    firestore,
    config,
    places,
    onChange(project, tells) {
      tally.changes += 1;
      const time = mongo.clusterTime;
      if (tells) watch.committed({ t: time.t, i: time.i }, project);
      for (const wake of wakeStreams.splice(0)) wake();
    },
    archive: archiveWatch,
    isNarrow: () => mostWrites < Number.POSITIVE_INFINITY,
    onInvent(project, aheadMs) {
      tally.invented += 1;
      const { t, i } = mongo.clusterTime;
      // Newer than every change so far, and older than the next.
      const version = versionOf({ seconds: t + Math.ceil(aheadMs / second), increment: i }, maxOrdinal - 1);
      events.put(
        encodeEvent({
          specversion: 1,
          id: eventId(project, version),
          type: 'ProjectDeleted',
          projectId: project,
          version,
          occurredAt: new Date(simulation.now()).toISOString(),
          changes: {},
          origin: { service: 'nobody', channel: 'invented' },
        }),
      );
    },
  });

  /** I9: at every moment a record that is behind has somebody who stands for its newest state. */
  async function noteStanding(paths: readonly string[]): Promise<void> {
    if (!isInStep) return;
    for (const path of paths) {
      if (!path.startsWith('syncProjects/')) continue;
      const projectId = textFromDocumentId(path.slice('syncProjects/'.length));
      const { parked } = parseProjectRecord(projectId, (await firestore.doc(path).get()).data());
      const job = parked === null ? undefined : await syncJobRef(firestore, parked.eventId).get();
      if (job?.get('parkedFor') !== undefined) continue;
      // After the job: its event is published first, and the job is not parked then.
      const record = parseProjectRecord(projectId, (await firestore.doc(path).get()).data());
      if (record.appliedRevision >= record.revision || record.hold !== null) continue;
      if ([events, deadLetters].some((topic) => topic.standsFor(projectId))) continue;
      const failures = await firestore.collection('syncFailures').where('projectId', '==', projectId).get();
      if (failures.docs.some((failure) => failure.get('status') === 'dead')) continue;
      violations.push({
        what: 'nobody stands for a record that is behind',
        detail: `${projectId}: revision ${record.revision}, applied ${record.appliedRevision}`,
      });
    }
  }

  let names = 0;
  const uniqueName = (kind: string) => {
    names += 1;
    return `${kind}-${names}`;
  };
  const dice = createRandom(`${seed}:code`);
  let isOver = false;

  const logOf = (name: string): Log => {
    const at = (level: string) => (message: string, fields?: object) =>
      options.traced ? trace(name, `${level}: ${message} ${JSON.stringify(fields ?? {})}`) : undefined;
    return {
      debug: () => undefined,
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      alarm(alarm, message, fields) {
        at('ALARM')(message, { alarm, ...fields });
        // A restored cluster does not know the relay's place: what was changed in it before the relay starts from now
        // is left to the reconciliation.
        if (alarm === 'history-lost' && tally.restores > 0) watch.historyLost();
      },
    };
  };

  let knownSource: string | undefined;
  /** Whether the relay has decided on a reconciliation that it has not asked for yet. */
  let isReconciliationPending = false;
  const noteCheckpoint = async (path: string) => {
    if (!path.startsWith('syncRelay/')) return;
    const record = parseRelayRecord(path, (await firestore.doc(path).get()).data());
    trace('checkpoint', pointOf(record.checkpoint) ?? 'none');
    const place = pointOf(record.checkpoint);
    if (isRestored && knewSource && !isAdopting && place !== lastPlace) {
      violations.push({ what: 'the relay goes on in another source unasked', detail: `from ${place}` });
    }
    lastPlace = place;
    if (!isRestored) knewSource = (record.checkpoint.source?.uuid ?? null) !== null;
    const source = JSON.stringify(record.checkpoint.source);
    // A restored cluster that was adopted is read from now on: what was changed in it before is left to the
    // reconciliation that is asked for.
    if (tally.restores > 0 && source !== knownSource) watch.historyLost();
    knownSource = source;
    isReconciliationPending = record.reconciliationPending !== null;
    watch.saw(record.checkpoint);
  };

  /** A stream without news waits for the next change; virtual time would otherwise pass in thousands of empty answers.
   */
  const pace = {
    quiet: (actor: Actor) =>
      new Promise<void>((resolve) => {
        const idleMs = 20 * second;
        const noticeMs = 300;
        const cancel = actor.schedule(idleMs, resolve);
        wakeStreams.push(() => {
          cancel();
          actor.schedule(random.whole(1, noticeMs), resolve);
        });
      }),
  };

  /** What the code of one process gets from outside. */
  function processOf(kind: string) {
    const actor = createActor(uniqueName(kind), simulation);
    actor.onDeath(() => trace(actor.name, 'dies'));
    const source = sourceThrough(door, actor, services.source, pace);
    const skewMs = dice.whole(-mostSkewMs, mostSkewMs);
    const shared = {
      config,
      clock: { now: () => actor.clock.now() + skewMs, after: actor.clock.after },
      random: dice.next,
      uniqueId: () => uniqueName(`${actor.name}-id`),
      log: logOf(actor.name),
      firestore: firestoreThrough(door, actor, firestore, {
        onWrite: noteCheckpoint,
        onCommit: noteStanding,
        onDeletion: async () => (isArchiving ? archiveWatch.check() : undefined),
        mostWrites,
      }),
      source,
      truth: createProjectTruth(source, config),
    };
    return { actor, shared };
  }

  /** A process that handles messages: the work on events, dead letters, reconciliations. */
  function startWorker() {
    const { actor, shared } = processOf('worker');
    const limits = {
      ...defaultSyncLimits,
      maxAttempts,
      // Others take the first page along with the claim.
      ...(counting.chance(0.4) && { countAfterMs: 0 }),
      hold: { ...defaultSyncLimits.hold, maxProjects: isHolding ? 1 : 0 },
    };
    const dependencies: SyncDependencies = {
      ...shared,
      countProjects: async () => 2,
      control: createControlReader(shared.firestore, shared.clock),
      events: events.publisher(actor),
      deadLetters: deadLetters.publisher(actor),
      limits,
      throttle: createThrottle(),
      memory: createSyncMemory(),
    };
    const worker = createSyncWorker(dependencies);
    const converged = isNotifying
      ? {
          publish: (message: EncodedMessage) =>
            door.call(actor, 'pubsub', 'publish converged', () => convergedWatch.taken(message)),
          flush: async () => undefined,
        }
      : null;
    const publishers = { requests: requests.publisher(actor) };
    const guard = createGuard({ ...dependencies, limits: defaultLateWriteLimits });
    const frame = () => ({
      deadline:
        actor.clock.now() +
        (!isCalm && random.chance(weather.shortBudget)
          ? random.whole(budgets.shortLeast, budgets.shortMost)
          : budgets.usual),
      signal: new AbortController().signal,
    });
    return {
      actor,
      apply: (message: EncodedMessage) => handleMessage({ ...dependencies, worker, converged }, message, frame()),
      continueParked: () =>
        continueParked({ ...dependencies, isShadow: limits.isShadow, events: async () => dependencies.events }),
      async guard(message: EncodedMessage) {
        const { kind } = await guard.check(writeOfMessage(message, watched));
        if (kind === 'published') tally.guarded += 1;
      },
      async visit() {
        const published = await visitDeletions({
          ...dependencies,
          isShadow: limits.isShadow,
          events: async () => dependencies.events,
          limits: { ...defaultVisitLimits, visitAfterMs: limits.visitAfterMs },
        });
        tally.visited += published;
        return published;
      },
      holds: createHolds({
        ...dependencies,
        retentionMs: defaultSyncLimits.jobRetentionMs,
        transact: transactAs('the operator of a run', dependencies),
      }),
      bury: async (message: EncodedMessage) => {
        await recordDeadLetter(shared, message);
      },
      async reconcile(message: EncodedMessage, graceMs: number) {
        tally.reconciliations += 1;
        const outcome = await runReconciliation(
          { ...shared, applier: worker, limits: { ...defaultReconcileLimits, graceMs, brakes } },
          {
            request: {
              mode: 'clean',
              reason: message.attributes.reason ?? 'test',
              ...(isRestored && { allow: { source: true } }),
              ...(isOver && { phantoms: true }),
            },
            ...frame(),
          },
        );
        const problem = reasonToRedeliver(outcome);
        if (problem !== undefined) throw new Error(problem);
        if (outcome.kind === 'continued') await publishers.requests.publish(message);
        return outcome;
      },
    };
  }
  type Worker = ReturnType<typeof startWorker>;

  /** Whether events alone bring everything in step. */
  const isInStep = weather.loss === 0;
  const maxAttempts = random.chance(0.4) ? random.whole(1, 2) : defaultSyncLimits.maxAttempts;
  const isFirstStart = random.chance(weather.firstStart);
  // Where nothing but the reconciliation knows what was missed, it must not wait for things to grow old.
  /** Whether deletions that come together are held, for an operator who decides about each. */
  const isHolding = random.chance(0.25);
  const mostWrites = random.chance(0.2) ? random.whole(1, 5) : Number.POSITIVE_INFINITY;
  const graceMs = isFirstStart || weather.oplogLoss > 0 || random.chance(0.7) ? 0 : hour;
  let isCalm = false;
  const pausing = createRandom(`${seed}:pauses`);
  const isPausing = pausing.chance(0.3);
  const lateness = createRandom(`${seed}:late`);
  const counting = createRandom(`${seed}:counting`);
  /** Whether server processes write assets that know of no deletion, and whether a guard is told of each write. */
  const isLate = isInStep && lateness.chance(0.25);
  const isGuarded = isLate && lateness.chance(0.6);
  const watched = config.collections.filter(({ kind }) => kind === 'path');
  const workers: Worker[] = [];
  const workerCount = random.whole(2, 3);

  /** A living worker. Dead ones are replaced at once: what delays a redelivery is Pub/Sub. */
  function someWorker(): Worker {
    const living = workers.filter(({ actor }) => actor.isAlive());
    while (living.length < workerCount) living.push(startWorker());
    workers.splice(0, workers.length, ...living);
    return random.pick(living);
  }

  const newestDelivered = new Map<string, string>();
  function noteOrder({ attributes: { projectId, version } }: EncodedMessage): void {
    if (projectId === undefined || version === undefined) return;
    const newest = newestDelivered.get(projectId) ?? '';
    if (version < newest) tally.reorderings += 1;
    else newestDelivered.set(projectId, version);
  }

  // Only events may get lost: a lost request would leave nobody to find them.
  const topicOptions = {
    simulation,
    door,
    weather: { ...weather, loss: 0 },
    random: createRandom(`${seed}:topics`),
    tally,
    trace,
  };
  const events: Topic = createTopic({
    ...topicOptions,
    weather,
    name: 'events',
    deliver(message) {
      noteOrder(message);
      const { actor, apply } = someWorker();
      return { actor, work: () => apply(message) };
    },
    onTaken: ({ attributes }) => watch.published(attributes.version ?? ''),
    onAcknowledged: ({ attributes: { projectId } }) => {
      if (projectId !== undefined) {
        simulation.schedule(0, () => noteStanding([`syncProjects/${documentIdFrom(projectId)}`]));
      }
    },
  });
  const deadLetters: Topic = createTopic({
    ...topicOptions,
    name: 'dead-letters',
    deliver(message) {
      const { actor, bury } = someWorker();
      return { actor, work: () => bury(message) };
    },
    onTaken() {
      tally.deadLetters += 1;
    },
  });
  const requests: Topic = createTopic({
    ...topicOptions,
    name: 'requests',
    deliver(message) {
      const { actor, reconcile } = someWorker();
      return {
        actor,
        work: async () => {
          await reconcile(message, graceMs);
        },
      };
    },
    onTaken: () => undefined,
  });

  const documents: Topic = createTopic({
    ...topicOptions,
    random: createRandom(`${seed}:documents`),
    name: 'documents',
    deliver(message) {
      const { actor, guard } = someWorker();
      return { actor, work: () => guard(message) };
    },
    onTaken: () => undefined,
  });
  const stopWatching = isGuarded ? watchWrites(services.firestoreServer, watched, documents.put) : () => undefined;

  const stopRelays = new AbortController();
  const relays = new Map<Actor, RelayHealth>();
  const relayBudget = random.chance(0.2) ? 70 * second : undefined;

  function startRelay(): void {
    const { actor, shared } = processOf('relay');
    const health = createRelayHealth(actor.clock);
    relays.set(actor, health);
    const next = (why: string) => {
      relays.delete(actor);
      trace(actor.name, `ends: ${why}`);
      if (!isOver) simulation.schedule(random.whole(1, 3 * second), () => (isOver ? undefined : startRelay()));
    };
    actor.onDeath(() => next('killed'));
    runRelay({
      ...shared,
      publishers: {
        events: events.publisher(actor),
        deadLetters: deadLetters.publisher(actor),
        reconciliationRequests: requests.publisher(actor),
      },
      limits: { ...defaultRelayLimits, standbyPollMs: 5 * second, maxAwaitMs: 1 },
      holder: actor.name,
      signal: stopRelays.signal,
      health,
      ...(relayBudget !== undefined && { budgetMs: relayBudget }),
    }).then(
      (outcome) => next(outcome.kind),
      (error: unknown) => next(errorText(error)),
    );
  }

  const violations: Violation[] = [];
  const projectIds = ['66f0aa00bb11cc22dd33ee01', 'p-two', 'ünï 3'].slice(0, random.whole(1, 3));
  const usual = createHistory(createRandom(`${seed}:history`), {
    // Short ones leave the last word to a single race, which later changes would paper over.
    steps: random.chance(0.5) ? random.whole(1, 4) : random.whole(4, 12),
    pauseMs: weather.meddling > frequentMeddling ? 4_000 : random.pick([20, 500, 4_000]),
    projectIds,
    assetPrefix: 'a',
    assetsPerStep: 3,
    manyAssets: 45,
    manyShare: weather.manyAssets,
  });
  const history = withRareActs(usual, createRandom(`${seed}:rare`), projectIds);
  let historyLost = false;
  /** Of the relay, and whether its record said of which collection. */
  let lastPlace: string | undefined;
  let knewSource = false;
  /** Whether the cluster was replaced, and whether the operator has begun to adopt the new one. */
  let isRestored = false;
  let isAdopting = false;

  let played = 0;
  let cancelStep = () => {};

  /** The acts of the history one after the other, each at its time. */
  function planStep(): void {
    const step = history.steps[played];
    if (step !== undefined) cancelStep = simulation.schedule(step.afterMs, takeStep);
  }

  /** The next act, with MongoDB's own troubles after it. */
  async function takeStep(): Promise<void> {
    const step = history.steps[played];
    if (step === undefined) return;
    cancelStep();
    played += 1;
    trace('world', describeAct(step.act));
    await world.perform(step.act);
    if (step.act.do === 'refuse') tally.refused += 1;
    if (step.act.do === 'abandon') tally.abandoned += 1;
    if (step.act.do === 'restore') await replaced();
    if (random.chance(weather.stepDown / history.steps.length)) {
      trace('mongodb', 'the primary steps down');
      tally.stepDowns += 1;
      mongo.stepDown();
      mongo.stepUp();
    }
    if (random.chance(weather.oplogLoss / history.steps.length)) {
      trace('mongodb', 'the oplog rolls over, and streams break');
      tally.oplogLosses += 1;
      historyLost = true;
      watch.historyLost();
      mongo.truncateOplog();
      // A real oplog is never empty.
      await noise.insertOne({});
      for (const actor of relays.keys()) actor.die();
    }
    planStep();
  }

  /** Another cluster knows no place in the stream of the one before. */
  async function replaced(): Promise<void> {
    isRestored = true;
    historyLost = true;
    tally.restores += 1;
    watch.historyLost();
    mongo.truncateOplog();
    await noise.insertOne({});
    for (const actor of relays.keys()) actor.die();
    simulation.schedule(random.whole(second, minute), adopt);
  }

  /** As an operator does, who has seen the alarm. */
  function adopt(): void {
    isAdopting = true;
    const { actor, shared } = processOf('adopter');
    adoptSource({
      ...shared,
      limits: { ...defaultRelayLimits, standbyPollMs: 5 * second },
      holder: actor.name,
      signal: stopRelays.signal,
    }).then(
      ({ kind }) => {
        trace('operator', `adoption: ${kind}`);
        if (kind !== 'adopted' && !isOver) simulation.schedule(second, adopt);
      },
      (error: unknown) => {
        trace('operator', `adopts again: ${errorText(error)}`);
        if (!isOver) simulation.schedule(second, adopt);
      },
    );
    actor.onDeath(() => (isOver ? undefined : simulation.schedule(second, adopt)));
  }

  function areTopicsIdle(): boolean {
    return [events, deadLetters, requests, documents].every((topic) => topic.outstanding() === 0);
  }

  /** Server processes write at times of their own, and what runs regularly makes the visits that are due, in a process
   *  that may die. */
  function writeLate(): void {
    for (const { afterMs, act } of lateWrites(lateness, projectIds)) {
      simulation.schedule(afterMs, async () => {
        if (isCalm) return;
        trace('server', describeAct(act));
        tally.late += 1;
        await world.perform(act);
      });
    }
    const visitRegularly = () =>
      simulation.schedule(minute, () => {
        if (isCalm) return;
        someWorker()
          .visit()
          .catch((error: unknown) => trace('upkeep', `failed: ${errorText(error)}`));
        visitRegularly();
      });
    visitRegularly();
  }

  /** Makes all visits that are left, each when it is due; then nothing of a deleted project is there any more. */
  async function visitAll(): Promise<void> {
    const tombstones = await firestore.collection('syncProjects').where('visitAt', '>', Timestamp.fromMillis(0)).get();
    for (const { id } of tombstones.docs) {
      const project = textFromDocumentId(id);
      tally.late += 1;
      await world.perform({ do: 'add', project, kind: 'media', ids: [`last-${id}`], below: 0 });
    }
    for (let round = 1; ; round += 1) {
      const next = await firestore
        .collection('syncProjects')
        .where('visitAt', '>', Timestamp.fromMillis(0))
        .orderBy('visitAt')
        .limit(1)
        .get();
      const at: unknown = next.docs[0]?.get('visitAt');
      if (!(at instanceof Timestamp)) return;
      if (round > mostVisitRounds) throw new StuckError(`visits do not end after ${mostVisitRounds} rounds`);
      const until = at.toMillis() + 2 * mostSkewMs;
      simulation.schedule(until - simulation.now(), () => undefined);
      await simulation.runUntil('a visit is due', () => simulation.now() >= until);
      // An idle MongoDB moves its time on by itself.
      await noise.insertOne({});
      let isMade = false;
      const make = () =>
        someWorker()
          .visit()
          .catch((error: unknown) => trace('upkeep', `failed: ${errorText(error)}`))
          .finally(() => {
            isMade = true;
          });
      simulation.schedule(1, () => void make());
      await simulation.runUntil('the visit is over, and what it found', () => isMade && areTopicsIdle());
      while (await decideHolds()) await simulation.runUntil('what was released is done', areTopicsIdle);
    }
  }

  async function settle(): Promise<void> {
    let newest = 'the end';
    const tellsOfNewest = ({ data, attributes }: EncodedMessage) =>
      attributes.projectId === mark && data.toString().includes(JSON.stringify(newest));
    const markIsOut = () => events.messages.some(tellsOfNewest);
    const putMark = async () => {
      if (isOver || markIsOut()) return;
      // From here on the mark before is not enough: this one has an event of its own.
      newest = `the end at ${simulation.now()}`;
      const isThere = await projects.countDocuments({ _id: mark });
      await world.perform(
        isThere === 0
          ? { do: 'create', project: mark, fields: { name: newest } }
          : { do: 'change', project: mark, set: { name: newest }, unset: [] },
      );
      simulation.schedule(markEveryMs, putMark);
    };
    simulation.schedule(1, putMark);
    const isIdle = () =>
      markIsOut() &&
      !isReconciliationPending &&
      areTopicsIdle() &&
      [...relays.values()].every((health) => health.status().inFlight === 0);
    await simulation.runUntil('everything is delivered and acknowledged', isIdle);
    if (isPausing) await resumeAll(isIdle);
    while (await decideHolds()) {
      await simulation.runUntil('every deletion that was released is acknowledged', isIdle);
    }
    for (let round = 1; await redriveAll(); round += 1) {
      if (round > mostRedrives) throw new StuckError(`dead letters return after ${mostRedrives} redrives`);
      await simulation.runUntil('every dead letter that was redriven is acknowledged', isIdle);
      while (await decideHolds()) {
        await simulation.runUntil('every deletion that was released is acknowledged', isIdle);
      }
    }
  }

  /** A person pauses something for a while, and again. */
  function planPauses(): void {
    const what: Pausable = pausing.pick(['deletions', 'collection:media', 'collection:storyboards']);
    simulation.schedule(pausing.whole(1, 30 * second), async () => {
      if (isCalm) return;
      trace('operator', `pauses ${what}`);
      tally.pauses += 1;
      await controlRef(firestore).set({ paused: [{ what, by: 'operator', reason: 'test', since: simulation.now() }] });
      simulation.schedule(pausing.whole(1, 2 * minute), async () => {
        if (isCalm) return;
        trace('operator', 'resumes');
        await controlRef(firestore).set({ paused: [] });
        planPauses();
      });
    });
  }

  /** What runs regularly lets parked work go on, in a process that may die. */
  function sweepRegularly(): void {
    simulation.schedule(20 * second, () => {
      if (isCalm) return;
      someWorker()
        .continueParked()
        .catch((error: unknown) => trace('upkeep', `failed: ${errorText(error)}`));
      sweepRegularly();
    });
  }

  /** Ends all pauses, and waits until what was parked is done. */
  async function resumeAll(isIdle: () => boolean): Promise<void> {
    await controlRef(firestore).set({ paused: [] });
    const until = simulation.now() + 2 * controlCacheMs;
    await simulation.runUntil('everybody knows that nothing is paused', () => simulation.now() >= until && isIdle());
    for (let published = 1; published > 0; ) {
      let outcome: number | Error | undefined;
      someWorker()
        .continueParked()
        .then(
          (count) => {
            outcome = count;
          },
          (error: unknown) => {
            outcome = new Error('parked work could not go on', { cause: error });
          },
        );
      await simulation.runUntil('parked work is published', () => outcome !== undefined);
      if (outcome instanceof Error) throw outcome;
      published = outcome ?? 0;
      tally.parked += published;
      await simulation.runUntil('everything that was parked is acknowledged', isIdle);
    }
    // Repairs are not parked: what a reconciliation found during a pause is left to the next one.
    if (!historyLost || tally.pauses === 0) return;
    requests.put({ data: Buffer.from('{}'), attributes: { reason: 'resumed' } });
    await simulation.runUntil('the reconciliation after the pause is over', isIdle);
  }

  /** Decides about what is held, as an operator does, through processes that may die in the middle; whether there was
   *  anything. */
  async function decideHolds(): Promise<boolean> {
    const { holds } = someWorker();
    let decided = 0;
    for await (const page of listHeld({ firestore })) {
      for (const held of page) {
        if (held instanceof Error) {
          violations.push({ what: 'a held deletion cannot be read', detail: held.message });
          continue;
        }
        decided += 1;
        const name = { projectId: held.projectId, eventId: held.event.id };
        const isKept = random.chance(0.3);
        trace('operator', `${isKept ? 'discards' : 'releases'} ${held.event.id}`);
        let isOver = false;
        const decision = isKept ? holds.discard(name) : holds.release(name);
        decision.then(
          ({ kind }) => {
            isOver = true;
            if (kind === 'discarded') {
              tally.discarded += 1;
              world.keep(held.projectId);
            }
            if (kind === 'released') tally.released += 1;
          },
          (error: unknown) => {
            isOver = true;
            violations.push({ what: 'a hold could not be decided about', detail: errorText(error) });
          },
        );
        await simulation.runUntil('a hold is decided about', () => isOver);
      }
    }
    return decided > 0;
  }

  /** Redrives dead letters, as an operator does; whether there were any. */
  async function redriveAll(): Promise<boolean> {
    const dead = await firestore.collection('syncFailures').where('status', '==', 'dead').get();
    let redriven = 0;
    for (const document of dead.docs) {
      const failure = parseFailure(document.id, document.data());
      const message = failure.message;
      // A full asset stays full, what was invented does not become true, and what no copy can have never will.
      if (failure.reason === 'asset' || failure.reason === 'future-version') continue;
      if (failure.reason === 'value' && tally.refused > 0) continue;
      redriven += 1;
      if (message === null || !decodeEvent(message.data).ok || failure.reason !== 'attempts') {
        violations.push({ what: 'a sound event became a dead letter', detail: `${failure.reason}: ${failure.error}` });
      }
      trace('operator', `redrives ${failure.id}`);
      tally.redriven += 1;
      if (message !== null) events.put(originalOf(message));
      await document.ref.update({ status: 'redriven' });
    }
    return redriven > 0;
  }

  try {
    // A reconciliation never acts on an empty MongoDB, and what was missed would stay.
    await world.perform({ do: 'create', project: 'always-there', fields: { name: 'always there' } });
    for (const act of history.before) {
      trace('world', `before: ${describeAct(act)}`);
      await world.perform(act);
    }
    await world.backUp();
    if (!isFirstStart) {
      const { t, i } = mongo.clusterTime;
      await relayRecordRef(firestore, config.source).set(
        relayRecordData({
          ...emptyRelayRecord,
          checkpoint: { token: null, startAt: { seconds: t, increment: i }, last: null, source: null },
        }),
      );
    } else {
      watch.historyLost();
      historyLost = true;
    }
    watch.begin();
    startRelay();
    if (random.chance(0.25)) startRelay();
    planStep();
    if (isLate) writeLate();
    if (isPausing) {
      planPauses();
      sweepRegularly();
    }
    if (random.chance(weather.reconciliation)) {
      const length = history.steps.reduce((sum, { afterMs }) => sum + afterMs, 0);
      simulation.schedule(random.next() * length, () =>
        requests.put({ data: Buffer.from('{}'), attributes: { reason: 'test' } }),
      );
    }
    await simulation.runUntil('the history is over', () => played === history.steps.length);
    const until = simulation.now() + random.whole(0, minute);
    await simulation.runUntil('the faults end', () => simulation.now() >= until);
    trace('world', 'faults end');
    isCalm = true;
    door.calm();
    for (const topic of [events, deadLetters, requests, documents]) topic.calm();
    await settle();
    isOver = true;
    stopRelays.abort();
    await simulation.runUntil('the relays have stopped', () => relays.size === 0);
    violations.push(...watch.violations());
    const isVisited = isLate && !isRestored && !historyLost;
    if (isVisited) await visitAll();
    if (isNotifying) violations.push(...(await convergedWatch.violations(!isInStep)));
    if (isArchiving) {
      await archiveWatch.check();
      tally.archived = archiveWatch.pages();
    }
    if (isInStep && !isRestored)
      violations.push(...(await world.verify({ reconciled: false, visited: isVisited, historyLost })));
    if (violations.length === 0 && (!isInStep || isRestored || world.hasLeftovers() || random.chance(0.2)))
      violations.push(...(await reconcileAll()));
  } catch (error) {
    const what = error instanceof StuckError ? 'does not settle' : 'the run broke off';
    violations.push({
      what,
      detail:
        error instanceof Error && !(error instanceof StuckError) ? (error.stack ?? error.message) : errorText(error),
    });
  } finally {
    isOver = true;
    stopRelays.abort();
    for (const { actor } of workers) actor.die();
    for (const actor of relays.keys()) actor.die();
    stopWatching();
    await projects.drop();
  }
  // Also of a run that did not settle.
  violations.push(...archiveWatch.violations());
  return { violations, tally, weather: weather.name, trace: lines };

  /** A reconciliation without any fault: what no event could repair is repaired then, and nothing else is touched. */
  async function reconcileAll(): Promise<readonly Violation[]> {
    const worker = startWorker();
    let outcome: string | undefined;
    const attempt = () => {
      worker.reconcile({ data: Buffer.alloc(0), attributes: {} }, 0).then(
        ({ kind }) => {
          outcome = kind;
        },
        (error: unknown) => {
          trace('operator', `waits: ${errorText(error)}`);
          // One that died may have left its lease.
          simulation.schedule(minute, attempt);
        },
      );
    };
    simulation.schedule(3 * second, attempt);
    await simulation.runUntil('the reconciliation is over', () => outcome !== undefined);
    worker.actor.die();
    if (outcome !== 'done') return [{ what: 'the reconciliation failed', detail: String(outcome) }];
    if (isNotifying) {
      await simulation.runUntil('others are notified of repairs', () => events.outstanding() === 0);
      const unpublished = await convergedWatch.violations(!isInStep);
      if (unpublished.length > 0) return unpublished;
    }
    return world.verify({ reconciled: true, historyLost: true, eventsLost: !isInStep || isRestored });
  }
}

/** Visits that find nothing are three for each deletion, and a run has few projects. */
const mostVisitRounds = 60;

/** How often a dead letter may come back once nothing goes wrong any more. */
const mostRedrives = 2;
