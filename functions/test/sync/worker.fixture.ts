import { randomUUID } from 'node:crypto';
import { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { type Config, defineConfig } from '../../src/config/defineConfig.ts';
import { createControlReader } from '../../src/control/control.ts';
import { type EncodedMessage, encodeEvent } from '../../src/events/codec.ts';
import { eventId, type ProjectEvent } from '../../src/events/contract.ts';
import type { CopyValue } from '../../src/events/copyValue.ts';
import { maxOrdinal, versionOf } from '../../src/events/version.ts';
import { type ProjectRecord, parseProjectRecord, projectRecordRef } from '../../src/records/projectRecord.ts';
import type { ProjectTruth } from '../../src/source/truth.ts';
import type { SyncDependencies } from '../../src/sync/dependencies.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { defaultSyncLimits, type SyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle, type Throttle } from '../../src/sync/pages/throttle.ts';
import { createSyncWorker, type SyncWorker } from '../../src/sync/worker.ts';
import { type SteppedClock, steppedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';

export const testConfig = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name', 'status'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, subcollections: 'recursive' },
    { path: 'media', projectId: 'projectId', copies: { name: 'projectName', status: 'meta.status' } },
    { path: 'analyses', projectId: 'projectId' },
    { group: 'scenes', projectId: 'meta.projectId' },
  ],
});

/** What the tests of `src/sync` work with: the real code on a real client and a local server; MongoDB's word is a set
 *  of live projects. */
export interface SyncFixture {
  readonly server: FirestoreServer;
  readonly firestore: Firestore;
  readonly clock: SteppedClock;
  readonly events: FakeTopic;
  readonly deadLetters: FakeTopic;
  /** Of converged projects; used where the configuration says so. */
  readonly converged: FakeTopic;
  readonly log: RecordedLog;
  /** Projects that live in MongoDB, with their fields. */
  readonly alive: Map<string, Record<string, CopyValue>>;
  readonly dependencies: SyncDependencies;
  readonly worker: SyncWorker;
  /** Delivers an event as a message, as Pub/Sub would; `budgetMs` of the fixture's clock. */
  deliver(event: ProjectEvent, budgetMs?: number): Promise<void>;
  deliverMessage(message: EncodedMessage, budgetMs?: number): Promise<void>;
  /** Another worker, as in another process: same records, own limits. */
  worker2(change: Partial<SyncDependencies>): SyncWorker;
  record(projectId: string): Promise<ProjectRecord>;
  /** Documents in a collection, by path, with data. */
  documents(group: string): Promise<Map<string, Record<string, unknown>>>;
  close(): Promise<void>;
}

export async function startSyncFixture(
  options: {
    readonly config?: Config;
    readonly limits?: Partial<SyncLimits>;
    /** Firestore's clock. Default: it stands still. */
    readonly serverClock?: Clock;
  } = {},
): Promise<SyncFixture> {
  const server = await startFirestoreServer({
    clock: options.serverClock ?? { now: () => startedAt, after: systemClock.after },
  });
  const firestore = connect(server);
  const clock = steppedClock();
  const events = fakeTopic();
  const deadLetters = fakeTopic();
  const converged = fakeTopic();
  const log = recordedLog();
  const alive = new Map<string, Record<string, CopyValue>>();
  const truth: ProjectTruth = {
    ask: async (projectIds) => ({
      // Later than every event of this second.
      version: versionOf({ seconds: Math.floor(clock.now() / 1000), increment: 0x7fff_ffff }, maxOrdinal),
      projects: new Map(
        projectIds.flatMap((projectId) => {
          const fields = alive.get(projectId);
          return fields === undefined ? [] : [[projectId, { projectId, fields, refused: {} }] as const];
        }),
      ),
    }),
  };
  const dependencies: SyncDependencies = {
    firestore,
    config: options.config ?? testConfig,
    truth,
    countProjects: async () => alive.size,
    events,
    deadLetters,
    control: createControlReader(firestore, clock),
    clock,
    random: () => 0.5,
    uniqueId: randomUUID,
    log,
    limits: { ...defaultSyncLimits, ...options.limits },
    throttle: createThrottle(),
    memory: createSyncMemory(),
  };
  const worker = createSyncWorker(dependencies);
  const deliverMessage = (message: EncodedMessage, budgetMs = 60_000) =>
    handleMessage({ ...dependencies, worker, converged: dependencies.config.converged ? converged : null }, message, {
      deadline: clock.now() + budgetMs,
      signal: new AbortController().signal,
    });
  return {
    server,
    firestore,
    clock,
    events,
    deadLetters,
    converged,
    log,
    alive,
    dependencies,
    worker,
    deliver: (event, budgetMs) => deliverMessage(encodeEvent(event), budgetMs),
    deliverMessage,
    worker2: (change) => createSyncWorker({ ...dependencies, throttle: createThrottle(), ...change }),
    record: async (projectId) =>
      parseProjectRecord(projectId, (await projectRecordRef(firestore, projectId).get()).data()),
    documents: async (group) => {
      const all = await firestore.collectionGroup(group).get();
      return new Map(all.docs.map((document) => [document.ref.path, document.data()]));
    },
    async close() {
      await firestore.terminate();
      await server.close();
    },
  };
}

/** The real client on a local server. */
export function connect(server: FirestoreServer): Firestore {
  return new Firestore({ projectId: 'demo-test', host: server.host, ssl: false });
}

/** When everything begins. Firestore's clock stands still there, so that all assets are older than any deletion. */
const startedAt = Date.UTC(2026, 10, 22);

/** Pages one after the other; `onPage` is called after each. */
export function oneAtATime(onPage: () => void = () => undefined): Throttle {
  return { ...createThrottle({ most: 1 }), succeeded: onPage };
}

let ticks = 0;

/** An event of a project; every call is newer than the one before, unless `seconds` says otherwise. */
export function event(
  type: ProjectEvent['type'],
  projectId: string,
  changes: ProjectEvent['changes'] = {},
  seconds?: number,
): ProjectEvent {
  ticks += 1;
  const version = versionOf({ seconds: seconds ?? startedAt / 1_000, increment: ticks }, 0);
  return {
    specversion: 1,
    id: eventId(projectId, version),
    type,
    projectId,
    version,
    occurredAt: '2026-11-21T12:00:00.000Z',
    changes,
    origin: { service: 'test', channel: 'test' },
  };
}
