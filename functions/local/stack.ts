import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import config from '../src/lockstep.config.ts';
import { startOnPort } from './ports.ts';
import { type Runtime, type RuntimeLogEntry, startRuntime } from './runtime/runtime.ts';
import { startSecuredMongo } from './securedMongo.ts';
import { type FirestoreServer, startFirestoreServer } from './servers/firestore/server.ts';
import type { MongoServer } from './servers/mongodb/server.ts';
import { readHosting } from './servers/page/hosting.ts';
import { type PageServer, startPageServer } from './servers/page/server.ts';
import { type PubSubServer, startPubSubServer } from './servers/pubsub/server.ts';
import { type StorageServer, startStorageServer } from './servers/storage/server.ts';
import { createTopics } from './topics.ts';

const functionsDir = join(import.meta.dirname, '..');

/** A `demo-` project: the Firebase tools and client libraries never take it for a real one. */
export const localProjectId = 'demo-lockstep';

/** Another one that nobody has used: records of earlier runs on the same services do not count in it. */
export function freshProjectId(): string {
  return `${localProjectId}-${randomBytes(4).toString('hex')}`;
}

/** What `npm run build` makes and Cloud Functions load. */
export const builtBundle = join(functionsDir, 'lib', 'index.js');

/** The ports that the services use by themselves. */
export const usualPorts = {
  mongodb: 27017,
  firestore: 8080,
  pubsub: 8085,
  storage: 9199,
  functions: 5001,
  page: 5000,
} as const;
export type Service = keyof typeof usualPorts;

/** Instances of each function, at most: they share one machine, and two are enough to meet each other. */
const mostInstances = 2;

/** The buckets of the local Cloud Storage, by the parameter that names each. */
export const localBuckets = {
  ARCHIVE_BUCKET: `${localProjectId}-archive`,
  FILES_BUCKET: `${localProjectId}-files`,
} as const;

/** Where the seeded assets name their files. */
export const localFilesPrefix = 'projects/';

/** The function that answers `/api`. */
const operations = 'operations';

/** The function that tails the change stream. */
const relay = 'relayProjectChanges';

const titles: Readonly<Record<Service, string>> = {
  mongodb: 'MongoDB',
  firestore: 'Firestore',
  pubsub: 'Pub/Sub',
  storage: 'Cloud Storage',
  functions: 'the functions',
  page: 'the page',
};

export interface StackOptions {
  /** Where services that run elsewhere are, by their usual variables: a service that is named here is not started.
   *  FIRESTORE_DATABASE is the database that everything uses. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** The Firebase project; default: `demo-lockstep`. */
  readonly projectId?: string;
  /** Ports that were asked for; 0 is any free one. Without: the usual one, or the next free one. */
  readonly ports?: Readonly<Partial<Record<Service, number>>>;
  /** Notified of each usual port that is in use. */
  readonly onPortTaken?: (service: string, port: number, flag: string) => void;
  /** False: no functions, only the servers. */
  readonly functions?: boolean;
  /** Module that exports the functions; default: the built bundle. */
  readonly bundle?: string;
  /** Further variables of the functions. */
  readonly env?: Readonly<Record<string, string>>;
  /** False: scheduled functions run only on request. */
  readonly schedules?: boolean;
  /** Names of the functions to run; default: all. */
  readonly only?: readonly string[];
  readonly retry?: { readonly minBackoffMs: number; readonly maxBackoffMs: number };
  /** True: the functions have no CPU between invocations, as in the cloud. Default: false. */
  readonly freezeIdle?: boolean;
  readonly onLog?: (entry: RuntimeLogEntry) => void;
  /** Changes that MongoDB remembers for change streams. */
  readonly oplogLimit?: number;
}

/** The services and the functions, running on this machine. */
export interface Stack {
  /** For the service that owns the projects; the functions run as a user who may only do what they need. */
  readonly mongodbUri: string;
  readonly firestoreHost: string;
  readonly pubsubHost: string;
  /** Started here; undefined for what runs elsewhere. */
  readonly mongodb: MongoServer | undefined;
  readonly firestore: FirestoreServer | undefined;
  readonly pubsub: PubSubServer | undefined;
  readonly storage: StorageServer | undefined;
  /** Undefined without functions. */
  readonly runtime: Runtime | undefined;
  /** The page and its API, with a stand-in of the Auth emulator; undefined without functions. */
  readonly page: PageServer | undefined;
  /** What a program needs in its environment to use the stack. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts what is not running elsewhere, in order, and nothing if one of them fails.
 *  @throws PortTakenError, and what a service could not start with. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { variables: given = {}, projectId = localProjectId, ports = {}, onPortTaken } = options;
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const service of opened.splice(0).reverse()) await service.close();
  };
  async function open<T extends { close(): Promise<void> }>(
    service: Service,
    start: (port: number) => Promise<T>,
  ): Promise<T> {
    const flag = `--${service}-port`;
    const choice = { service: titles[service], flag, asked: ports[service], usual: usualPorts[service] };
    const started = await startOnPort(choice, start, (port) => onPortTaken?.(titles[service], port, flag));
    opened.push(started);
    return started;
  }

  let productUri = given.MONGODB_URI ?? '';
  let functionsUrl: string | undefined;
  try {
    const mongodb = given.MONGODB_URI
      ? undefined
      : await open('mongodb', async (port) => {
          const { oplogLimit } = options;
          const secured = await startSecuredMongo(config.source, {
            port,
            ...(oplogLimit !== undefined && { oplogLimit }),
          });
          productUri = secured.productUri;
          return secured.server;
        });
    const firestore = given.FIRESTORE_EMULATOR_HOST
      ? undefined
      : await open('firestore', (port) =>
          startFirestoreServer({ port, indexes: join(functionsDir, '..', 'firestore.indexes.json') }),
        );
    const pubsub = given.PUBSUB_EMULATOR_HOST ? undefined : await open('pubsub', (port) => startPubSubServer({ port }));
    const storage = given.STORAGE_EMULATOR_HOST
      ? undefined
      : await open('storage', (port) => startStorageServer({ port, buckets: Object.values(localBuckets) }));
    // Before the functions, which have to know where accounts are.
    const page =
      options.functions === false
        ? undefined
        : await open('page', (port) =>
            startPageServer({
              port,
              projectId,
              hosting: readHosting(join(functionsDir, '..')),
              api: () => functionsUrl && `${functionsUrl}/${operations}`,
            }),
          );
    const authHost = given.FIREBASE_AUTH_EMULATOR_HOST || page?.host;
    const mongodbUri = given.MONGODB_URI || (mongodb?.uri ?? '');
    const firestoreHost = given.FIRESTORE_EMULATOR_HOST || (firestore?.host ?? '');
    const pubsubHost = given.PUBSUB_EMULATOR_HOST || (pubsub?.host ?? '');
    const variables = {
      MONGODB_URI: mongodbUri,
      FIRESTORE_EMULATOR_HOST: firestoreHost,
      PUBSUB_EMULATOR_HOST: pubsubHost,
      STORAGE_EMULATOR_HOST: given.STORAGE_EMULATOR_HOST || (storage?.url ?? ''),
      ...(authHost && { FIREBASE_AUTH_EMULATOR_HOST: authHost }),
      GCLOUD_PROJECT: projectId,
      ...(given.FIRESTORE_DATABASE && { FIRESTORE_DATABASE: given.FIRESTORE_DATABASE }),
      // The client libraries would look for a metadata server of the cloud, for seconds, at every start.
      METADATA_SERVER_DETECTION: 'none',
    };
    process.env.METADATA_SERVER_DETECTION ??= 'none';
    await createTopics(pubsubHost, projectId);
    const runtime =
      options.functions === false
        ? undefined
        : await open('functions', (port) =>
            startRuntime({
              bundle: options.bundle ?? builtBundle,
              projectId,
              pubsubHost,
              ...(firestore && { documentEvents: firestore.events }),
              port,
              env: {
                ...localBuckets,
                FILES_PREFIX: localFilesPrefix,
                ...variables,
                MONGODB_URI: productUri,
                ...options.env,
              },
              ...(options.onLog && { log: options.onLog }),
              ...(options.only && { only: options.only }),
              ...(options.freezeIdle && { freezeIdle: true }),
              ...(options.retry && { retry: options.retry }),
              ...(options.schedules !== undefined && { schedules: options.schedules }),
              mostInstances,
              // Its schedule begins with the next minute, and nobody wants to wait for that here.
              dueAtStart: [relay],
            }),
          );
    functionsUrl = runtime?.url;
    await runtime?.waitUntilReady();
    const started = { mongodb, firestore, pubsub, storage, runtime, page };
    return { mongodbUri, firestoreHost, pubsubHost, ...started, variables, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
