import { randomUUID } from 'node:crypto';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import type { Firestore } from 'firebase-admin/firestore';
import functionsTest from 'firebase-functions-test';
import { startSecuredMongo } from '../../local/securedMongo.ts';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { type StorageServer, startStorageServer } from '../../local/servers/storage/server.ts';
import { createAlertingLog } from '../../src/alerts/alertingLog.ts';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { createControlReader } from '../../src/control/control.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { estimateProjects } from '../../src/source/estimateProjects.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { openBucket } from '../../src/storage/bucket.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import type { Services } from '../../src/triggers/services.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';
import { setVariables } from '../support/variables.ts';
import { connect } from '../sync/worker.fixture.ts';

// The client libraries would look for a metadata server of the cloud.
process.env.METADATA_SERVER_DETECTION ??= 'none';

export const triggersConfig = defineConfig({
  source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
  collections: [{ path: 'media', projectId: 'projectId', copies: { name: 'projectName' } }],
});

/** What the exported functions share, with real clients on local servers and topics that keep what is published. */
export interface ServicesFixture {
  readonly services: Services;
  readonly firestoreServer: FirestoreServer;
  readonly firestore: Firestore;
  /** With the buckets `archive` and `files`. */
  readonly storage: StorageServer;
  /** The projects as the service that owns them writes them. */
  readonly source: ProjectsSource;
  readonly log: RecordedLog;
  /** By topic name. */
  topic(name: string): FakeTopic;
  /** What SIGTERM does. */
  stop(): void;
  close(): Promise<void>;
}

export async function startServices(): Promise<ServicesFixture> {
  const [{ server: mongo, productUri }, firestoreServer, storage] = await Promise.all([
    startSecuredMongo(triggersConfig.source),
    startFirestoreServer(),
    startStorageServer({ buckets: ['archive', 'files'] }),
  ]);
  const restoreVariables = setVariables({ STORAGE_EMULATOR_HOST: storage.url });
  const app = initializeApp({ projectId: 'demo-test' }, randomUUID());
  const owner = await connectSource(mongo.uri, triggersConfig);
  const source = await connectSource(productUri, triggersConfig);
  const firestore = connect(firestoreServer);
  const log = recordedLog();
  const controller = new AbortController();
  const topics = new Map<string, FakeTopic>();
  const topic = (name: string) => {
    const known = topics.get(name) ?? fakeTopic();
    topics.set(name, known);
    return known;
  };
  const { log: alertingLog, ...alerts } = createAlertingLog({
    log,
    clock: systemClock,
    uniqueId: randomUUID,
    publisher: async () => topic('sync-alerts'),
  });
  const shared = {
    config: triggersConfig,
    clock: systemClock,
    log: alertingLog,
    random: () => 0.5,
    uniqueId: randomUUID,
  };
  const dependencies = {
    ...shared,
    firestore,
    truth: createProjectTruth(source, triggersConfig),
    countProjects: () => estimateProjects(source),
    events: topic('project-events'),
    deadLetters: topic('project-events-dead-letter'),
    control: createControlReader(firestore, systemClock),
    limits: defaultSyncLimits,
    throttle: createThrottle(),
    memory: createSyncMemory(),
  };
  return {
    services: {
      ...shared,
      alerts,
      firestore: async () => firestore,
      bucket: (name) => openBucket(app, name, systemClock),
      source: async () => source,
      publisher: async (name) => topic(name),
      sync: async () => ({ ...dependencies, worker: createSyncWorker(dependencies), converged: null }),
      stopping: () => controller.signal,
    },
    firestoreServer,
    firestore,
    storage,
    source: owner,
    log,
    topic,
    stop: () => controller.abort(new Error('the instance is asked to stop')),
    async close() {
      await Promise.all([source.close(), owner.close()]);
      await firestore.terminate();
      await deleteApp(app);
      restoreVariables();
      await Promise.all([mongo.close(), firestoreServer.close(), storage.close()]);
    },
  };
}

/** `firebase-functions-test` in offline mode. It sets variables for as long as it is in use. */
export const startFunctionsTest = (): ReturnType<typeof functionsTest> => functionsTest({ projectId: 'demo-test' });
