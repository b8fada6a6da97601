import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import { systemClock } from '../../src/clock.ts';
import { type Config, defineConfig } from '../../src/config/defineConfig.ts';
import { createControlReader } from '../../src/control/control.ts';
import type { EncodedMessage } from '../../src/events/codec.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { eventId, type ProjectEvent } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import type { Publisher } from '../../src/publisher.ts';
import type { SyncDependencies } from '../../src/sync/dependencies.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import { assetCollection, type Contender, type Work } from './contender.ts';
import { loudLog } from './loudLog.ts';

const config: Config = defineConfig({
  source: { database: 'bench', collection: 'projects', fields: ['name'] },
  collections: [{ path: assetCollection, projectId: 'projectId', copies: { name: 'projectName' } }],
});

const archiving: Config = defineConfig({
  source: { database: 'bench', collection: 'projects', fields: ['name'] },
  collections: [
    { path: assetCollection, projectId: 'projectId', copies: { name: 'projectName' }, onDelete: 'archive' },
  ],
});

/** Longer than any of these runs: none is continued. */
const noLimitMs = 3_600_000;

/** So many that no deletion here is out of the ordinary. */
const manyProjects = 1_000_000;

/** One event of Lockstep, from the message to the record that says it is applied. The throttle is new every time, as in
 *  a fresh instance. */
export const ours: Contender = async (firestore, work) => {
  await applyEvent(firestore, config, eventOf(work), noLimitMs);
};

/** As ours, where the collection is archived. */
export const oursArchiving: Contender = async (firestore, work) => {
  await applyEvent(firestore, archiving, eventOf(work), noLimitMs);
};

/** Delivers an event to `syncProject`'s code, and its continuations after it; returns how many invocations that
 *  took. */
export async function applyEvent(
  firestore: Firestore,
  collections: Config,
  event: ProjectEvent,
  budgetMs: number,
): Promise<number> {
  const queue: EncodedMessage[] = [encodeEvent(event)];
  const instance = startInstance(firestore, collections, (message) => queue.push(message));
  let invocations = 0;
  for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
    invocations += 1;
    await instance(message, budgetMs);
  }
  return invocations;
}

/** One instance of `syncProject`: handles messages, any number at once.
 *  @param onContinuation takes what an invocation leaves */
export function startInstance(
  firestore: Firestore,
  collections: Config,
  onContinuation: (message: EncodedMessage) => void,
): (message: EncodedMessage, budgetMs: number) => Promise<void> {
  const publisher = (take: (message: EncodedMessage) => void): Publisher => ({
    publish: async (message) => take(message),
    flush: async () => {},
  });
  const dependencies: SyncDependencies = {
    firestore,
    config: collections,
    // MongoDB's answer, one for a deletion, costs as much as it takes to say that the project is gone.
    truth: { ask: async () => ({ version: newestVersion(), projects: new Map() }) },
    countProjects: async () => manyProjects,
    events: publisher(onContinuation),
    deadLetters: publisher((message) => {
      throw new Error(`a dead letter: ${JSON.stringify(message.attributes)}`);
    }),
    control: createControlReader(firestore, systemClock),
    clock: systemClock,
    random: Math.random,
    uniqueId: randomUUID,
    log: loudLog,
    limits: defaultSyncLimits,
    throttle: createThrottle(),
    memory: createSyncMemory(),
  };
  const worker = createSyncWorker(dependencies);
  return (message, budgetMs) => {
    const budget = { deadline: systemClock.now() + budgetMs, signal: new AbortController().signal };
    return handleMessage({ ...dependencies, worker, converged: null }, message, budget);
  };
}

/** Not older than any event so far. */
function newestVersion(): string {
  return versionOf({ seconds: Math.floor(systemClock.now() / 1_000), increment: 2 ** 31 - 1 }, 0);
}

let events = 0;

/** An event that says what the work is to come to; each is newer than the one before. */
export function eventOf(work: Work): ProjectEvent {
  events += 1;
  const version = versionOf({ seconds: Math.floor(systemClock.now() / 1_000), increment: events }, 0);
  return {
    specversion: 1,
    id: eventId(work.projectId, version),
    type: work.kind === 'delete' ? 'ProjectDeleted' : 'ProjectUpdated',
    projectId: work.projectId,
    version,
    occurredAt: new Date(systemClock.now()).toISOString(),
    changes: work.kind === 'delete' ? {} : { name: work.name },
    origin: { service: 'bench', channel: 'bench' },
  };
}
