import { randomUUID } from 'node:crypto';
import type { DocumentReference, Firestore } from 'firebase-admin/firestore';
import { type Collection, MongoClient } from 'mongodb';
import { startSecuredMongo } from '../../local/securedMongo.ts';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import type { MongoServer, MongoServerOptions } from '../../local/servers/mongodb/server.ts';
import { type Config, defineConfig } from '../../src/config/defineConfig.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { createRelayHealth, type RelayHealth } from '../../src/relay/health.ts';
import type { RelayLimits } from '../../src/relay/limits.ts';
import { type RelayOutcome, runRelay } from '../../src/relay/relay.ts';
import { parseRelayRecord, type RelayRecord, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { connectSource, type ProjectDocument, type ProjectsSource } from '../../src/source/connect.ts';
import { type ShiftedClock, shiftedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';
import { until } from '../support/until.ts';
import { connectFirestore, quickLimits } from './doubles.ts';

/** A relay that runs in this process. */
export interface RunningRelay {
  readonly clock: ShiftedClock;
  readonly log: RecordedLog;
  readonly health: RelayHealth;
  readonly outcome: Promise<RelayOutcome>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<RelayOutcome>;
  /** Takes its connections away in the middle of whatever it does, as the death of its process would. */
  kill(): Promise<void>;
}

export interface RelayStart {
  readonly limits?: Partial<RelayLimits>;
  readonly budgetMs?: number;
  readonly latestMs?: number;
  /** Another MongoDB than the fixture's. */
  readonly uri?: string;
  readonly holder?: string;
  readonly config?: Config;
}

/** What tests of the relay work with: the real relay on real drivers and local servers; topics in memory. */
export interface RelayFixture {
  readonly mongo: MongoServer;
  /** The connection string of the relay's user, through another port if given. */
  uri(port?: number): string;
  readonly firestoreServer: FirestoreServer;
  readonly firestore: Firestore;
  readonly config: Config;
  /** The projects as the service that owns them writes them. */
  readonly projects: Collection<ProjectDocument>;
  readonly client: MongoClient;
  readonly topics: {
    readonly events: FakeTopic;
    readonly deadLetters: FakeTopic;
    readonly reconciliationRequests: FakeTopic;
  };
  readonly ref: DocumentReference;
  start(options?: RelayStart): Promise<RunningRelay>;
  /** Starts a relay and waits until it reads. */
  reading(options?: RelayStart): Promise<RunningRelay>;
  /** The published events in the order in which they were taken. */
  events(): ProjectEvent[];
  record(): Promise<RelayRecord>;
  /** Waits until a checkpoint says that this many changes were delivered at its cluster time, or something else about
   *  the record. */
  untilRecord(holds: (record: RelayRecord) => boolean): Promise<RelayRecord>;
  close(): Promise<void>;
}

export const fieldsConfig = (fields: readonly string[] = ['name', 'profile.title', 'tags']): Config =>
  defineConfig({
    source: { database: 'collaboration', collection: 'projects', fields: [...fields] },
    collections: [{ path: 'storyboards', projectId: 'projectId' }],
  });

export async function startRelayFixture(options: MongoServerOptions = {}): Promise<RelayFixture> {
  const config = fieldsConfig();
  const [{ server: mongo, productUri }, firestoreServer] = await Promise.all([
    startSecuredMongo(config.source, options),
    startFirestoreServer(),
  ]);
  const projectId = `demo-${randomUUID()}`;
  const firestore = connectFirestore(firestoreServer, projectId);
  const client = await new MongoClient(mongo.uri).connect();
  const projects = client.db(config.source.database).collection<ProjectDocument>(config.source.collection);
  const topics = { events: fakeTopic(), deadLetters: fakeTopic(), reconciliationRequests: fakeTopic() };
  const ref = relayRecordRef(firestore, config.source);
  const running: RunningRelay[] = [];

  const record = async () => parseRelayRecord(ref.path, (await ref.get()).data());

  const start = async (given: RelayStart = {}): Promise<RunningRelay> => {
    const own = connectFirestore(firestoreServer, projectId);
    const source = await connectSource(given.uri ?? productUri, config);
    const clock = shiftedClock();
    const log = recordedLog();
    const health = createRelayHealth(clock);
    const controller = new AbortController();
    const closed = async () => {
      await Promise.allSettled([own.terminate(), source.close()]);
    };
    const run = runRelay({
      source,
      firestore: own,
      config: given.config ?? config,
      publishers: topics,
      clock,
      random: Math.random,
      log,
      limits: { ...quickLimits, ...given.limits },
      holder: given.holder ?? randomUUID(),
      ...(given.budgetMs === undefined ? {} : { budgetMs: given.budgetMs }),
      ...(given.latestMs === undefined ? {} : { latestMs: given.latestMs }),
      signal: controller.signal,
      health,
    });
    const untilClosed = async () => {
      try {
        return await run;
      } finally {
        await closed();
      }
    };
    const outcome = untilClosed();
    // Whoever awaits the outcome sees the error; a killed relay has nobody who does.
    outcome.catch(() => undefined);
    const relay: RunningRelay = {
      clock,
      log,
      health,
      outcome,
      stop() {
        controller.abort();
        return outcome;
      },
      async kill() {
        await closed();
        controller.abort();
        await outcome.catch(() => undefined);
      },
    };
    running.push(relay);
    return relay;
  };

  return {
    mongo,
    uri(port) {
      const uri = new URL(productUri);
      if (port === undefined) return productUri;
      uri.port = String(port);
      uri.search = '?directConnection=true';
      return uri.href;
    },
    firestoreServer,
    firestore,
    config,
    projects,
    client,
    topics,
    ref,
    start,
    async reading(given) {
      const relay = await start(given);
      try {
        await until(() => relay.health.status().phase === 'reading');
      } catch (error) {
        throw new Error(`the relay does not read: ${JSON.stringify([relay.health.status(), relay.log.lines])}`, {
          cause: error,
        });
      }
      return relay;
    },
    events: () => topics.events.messages.map((message) => eventOf(message.data)),
    record,
    async untilRecord(holds) {
      await until(async () => holds(await record()));
      return record();
    },
    async close() {
      await Promise.allSettled(running.map((relay) => relay.stop()));
      await Promise.allSettled([client.close(), firestore.terminate()]);
      await Promise.all([mongo.close(), firestoreServer.close()]);
    },
  };
}

/** The event in a message.
 *  @throws Error when it does not fit the contract. */
export function eventOf(data: Buffer): ProjectEvent {
  const decoded = decodeEvent(data);
  if (!decoded.ok) throw new Error(`not an event: ${decoded.reason}`);
  return decoded.event;
}

export type { ProjectsSource };
