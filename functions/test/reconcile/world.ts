import type { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { startSecuredMongo } from '../../local/securedMongo.ts';
import type { MongoServer } from '../../local/servers/mongodb/server.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { type Config, type ConfigInput, defineConfig } from '../../src/config/defineConfig.ts';
import { createControlReader } from '../../src/control/control.ts';
import type { ReconcileRequest } from '../../src/events/reconciliationRequest.ts';
import type { Version } from '../../src/events/version.ts';
import { defaultReconcileLimits, type ReconcileLimits } from '../../src/reconcile/limits.ts';
import { requiredIndexes } from '../../src/reconcile/requiredIndexes.ts';
import { type ReconcileOutcome, type ReconcileTask, runReconciliation } from '../../src/reconcile/run.ts';
import type { Applier, ReconcileDependencies } from '../../src/reconcile/runRecord.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { estimateProjects } from '../../src/source/estimateProjects.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import { type AdminClient, startAdminClient } from '../local/servers/firestore/adminClient.ts';
import { shiftedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { fakeTopic } from '../support/topic.ts';

/** Assets and projects on real sockets, and reconciliation between them through the real clients. */
export interface World {
  readonly mongo: MongoServer;
  /** For the user as whom Lockstep runs. */
  readonly productUri: string;
  readonly firestore: Firestore;
  readonly client: AdminClient;
  /** The projects as the service that owns them writes them. */
  readonly source: ProjectsSource;
  readonly config: Config;
  readonly log: RecordedLog;
  /** Moves the clock of reconciliation on: records and assets keep the time of the machine. */
  advance(ms: number): void;
  dependencies(change?: Partial<ReconcileDependencies>): ReconcileDependencies;
  run(
    request: Partial<ReconcileRequest>,
    change?: Partial<ReconcileDependencies>,
    task?: Partial<ReconcileTask>,
  ): Promise<ReconcileOutcome>;
  /** Projects with these names; returns their ids, sorted. */
  addProjects(names: readonly string[]): Promise<string[]>;
  addAssets(collection: string, assets: readonly object[]): Promise<void>;
  /** Records of projects, as old events have left them; one for each project that Lockstep knows. */
  addRecords(ids: readonly string[], kind: 'live' | 'deleted', version?: Version): Promise<void>;
  /** How many assets a collection has. */
  countOf(collection: string): Promise<number>;
  close(): Promise<void>;
}

const day = 24 * 60 * 60 * 1000;

export const worldConfig: ConfigInput = {
  source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'analyses', projectId: 'projectId' },
    { group: 'scenes', projectId: 'projectId' },
  ],
};

/** Starts servers and clients. `firestoreClock` is the clock of the Firestore server. The clock of reconciliation is a
 *  day ahead, so that what tests write is past the grace period. */
export async function startWorld(
  input: ConfigInput = worldConfig,
  firestoreClock: Clock = systemClock,
): Promise<World> {
  const config = defineConfig(input);
  const client = await startAdminClient({ indexes: requiredIndexes(config), clock: firestoreClock });
  const { server: mongo, productUri } = await startSecuredMongo(config.source);
  const owner = await connectSource(mongo.uri, config);
  const source = await connectSource(productUri, config, { serverSelectionTimeoutMS: 300, socketTimeoutMS: 2_000 });
  const firestore = client.db;
  const log = recordedLog();
  let numbers = 0;
  const clock = shiftedClock(day);
  const uniqueId = () => {
    numbers += 1;
    return `unique-${numbers}`;
  };
  const truth = createProjectTruth(source, config);
  const applier: Applier = createSyncWorker({
    firestore,
    config,
    truth,
    countProjects: () => estimateProjects(source),
    events: fakeTopic(),
    deadLetters: fakeTopic(),
    control: createControlReader(firestore, clock),
    clock,
    random: () => 0.5,
    uniqueId,
    log,
    limits: defaultSyncLimits,
    throttle: createThrottle(),
    memory: createSyncMemory(),
  });
  const limits: ReconcileLimits = { ...defaultReconcileLimits, saveEveryMs: 50, closingMs: 0 };
  const dependencies = (change: Partial<ReconcileDependencies> = {}): ReconcileDependencies => ({
    firestore,
    source,
    truth,
    applier,
    config,
    clock,
    uniqueId,
    log,
    limits,
    ...change,
  });
  return {
    mongo,
    productUri,
    firestore,
    client,
    source: owner,
    config,
    log,
    advance: clock.shift,
    dependencies,
    run: (request, change, task) =>
      runReconciliation(dependencies(change), {
        request: { mode: 'report', reason: 'test', ...request },
        deadline: clock.now() + day,
        signal: new AbortController().signal,
        ...task,
      }),
    async addProjects(names) {
      const documents = names.map((name) => ({ _id: new ObjectId(), name }));
      if (documents.length > 0) await owner.projects.insertMany(documents);
      return documents.map(({ _id }) => _id.toHexString()).toSorted();
    },
    async addAssets(collection, assets) {
      for (let at = 0; at < assets.length; at += 400) {
        const batch = firestore.batch();
        for (const asset of assets.slice(at, at + 400)) batch.create(firestore.collection(collection).doc(), asset);
        await batch.commit();
      }
    },
    async addRecords(ids, kind, version = '0'.repeat(20)) {
      const deletedVersion = kind === 'deleted' ? version : null;
      const desired = { kind, version, deletedVersion, fields: {} };
      for (let at = 0; at < ids.length; at += 400) {
        const batch = firestore.batch();
        for (const id of ids.slice(at, at + 400)) {
          batch.set(projectRecordRef(firestore, id), projectRecordData({ ...emptyProjectRecord(id), desired }));
        }
        await batch.commit();
      }
    },
    async countOf(collection) {
      const counted = await firestore.collection(collection).count().get();
      return counted.data().count;
    },
    async close() {
      await Promise.all([source.close(), owner.close()]);
      await mongo.close();
      await client.close();
    },
  };
}
