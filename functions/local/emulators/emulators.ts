import { join } from 'node:path';
import { z } from 'zod';
import config from '../../src/lockstep.config.ts';
import { buildPage } from '../buildPage.ts';
import { startOnPort } from '../ports.ts';
import { startSecuredMongo } from '../securedMongo.ts';
import { startFirestoreServer } from '../servers/firestore/server.ts';
import { startStorageServer } from '../servers/storage/server.ts';
import { localBuckets, localFilesPrefix, type Stack, usualPorts } from '../stack.ts';
import { createTopics } from '../topics.ts';
import { createAccounts } from './accounts.ts';
import type { FirestoreChoice } from './chooseFirestore.ts';
import { startCli } from './cliProcess.ts';
import { cliEnvironment, type FirebaseCli } from './firebaseCli.ts';
import { compile, createStage, type FirebaseJson, type Stage } from './stage.ts';

const functionsDir = join(import.meta.dirname, '..', '..');

export interface EmulatorsOptions {
  readonly cli: FirebaseCli;
  readonly firebaseJson: FirebaseJson;
  readonly projectId: string;
  readonly firestore: FirestoreChoice;
  /** A MongoDB that runs; without: one is embedded. */
  readonly mongodbUri: string | undefined;
  /** True: nothing of the user's counts, neither the usual ports nor parameters in the checkout. */
  readonly isApart: boolean;
  /** Parameters of the functions. */
  readonly params: Readonly<Record<string, string>>;
  /** Called with each line that the CLI, its emulators and the functions print. */
  readonly onLine: (line: string) => void;
  /** Called with what was chosen and done on the way. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A function that the emulator serves. */
export interface EmulatedFunction {
  readonly name: string;
  /** POST here calls it; for a scheduled function this is what Cloud Scheduler does. */
  readonly url: string;
}

/** The functions in Firebase's own emulator, with services around them. */
export interface Emulators {
  readonly stack: Stack;
  readonly stage: Stage;
  readonly functions: readonly EmulatedFunction[];
  /** Address of the page, as Firebase Hosting serves it. */
  readonly pageUrl: string;
  /** The exit code of the CLI; null when it was killed. */
  readonly exited: Promise<number | null>;
  /** Stops the CLI; says whether any process that it started had to be killed. */
  stopCli(): Promise<{ readonly killed: boolean }>;
}

/** Starts MongoDB, Firestore and the CLI with the functions. Pub/Sub is ours behind the CLI's own name for it: it wires
 *  the triggers in the one that it starts, and its own would need Java and a download.
 *  @throws Error when something does not start, or `signal` is aborted; what was started is closed again. */
export async function startEmulators(options: EmulatorsOptions): Promise<Emulators> {
  const { cli, firebaseJson, projectId, firestore, params, onLine, say, signal } = options;
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const mongodb = await openMongodb(options);
    say(`MongoDB: ${mongodb.server ? 'embedded' : 'yours'} at ${withoutPassword(mongodb.uri)}`);
    closers.push(() => mongodb.server?.close());
    const ownFirestore = firestore.kind === 'ours' ? await openFirestore(options) : undefined;
    closers.push(() => ownFirestore?.close());
    const addressOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
    const firestoreHost =
      firestore.kind === 'given' ? firestore.host : (ownFirestore?.host ?? addressOf(firebaseJson.emulators.firestore));
    say(`Firestore: ${whose[firestore.kind]} at ${firestoreHost} (${firestore.why})`);
    // Firebase's own needs Java and a download, and knows no preconditions.
    const storage = await startStorageServer({ buckets: Object.values(localBuckets) });
    closers.push(() => storage.close());
    const variables = {
      MONGODB_URI: mongodb.uri,
      FIRESTORE_EMULATOR_HOST: firestoreHost,
      PUBSUB_EMULATOR_HOST: addressOf(firebaseJson.emulators.pubsub),
      STORAGE_EMULATOR_HOST: storage.url,
      FIREBASE_AUTH_EMULATOR_HOST: addressOf(firebaseJson.emulators.auth),
      GCLOUD_PROJECT: projectId,
      METADATA_SERVER_DETECTION: 'none',
    };

    await buildPage();
    const stage = createStage({
      firebaseJson,
      mongodbUri: mongodb.productUri,
      params: { ...localBuckets, FILES_PREFIX: localFilesPrefix, ...params },
      takesParamsOfCheckout: !options.isApart,
    });
    closers.push(() => stage.remove());
    compile(stage);
    signal.throwIfAborted();

    const isOfficial = firestore.kind === 'official';
    const emulators = startCli({
      cli,
      projectId,
      only: ['functions', 'pubsub', 'auth', 'hosting', ...(isOfficial ? ['firestore'] : [])],
      cwd: stage.directory,
      env: cliEnvironment(process.env, stage.home, {
        FORCE_COLOR: process.stdout.isTTY ? '1' : undefined,
        FIRESTORE_EMULATOR_HOST: isOfficial ? undefined : firestoreHost,
        STORAGE_EMULATOR_HOST: storage.url,
        PUBSUB_EMULATOR_BINARY_PATH: stage.pubsubProgram,
      }),
      onLine,
    });
    closers.push(() => emulators.stop());
    const hasEnded = emulators.exited.then((code) => {
      const advice = isOfficial ? '; --ours needs neither Java nor a download' : '';
      throw new Error(`firebase-tools ended with code ${code}; what it said stands above${advice}`);
    });
    await Promise.race([emulators.ready, hasEnded, aborted(signal)]);
    // The emulator makes those that trigger a function.
    await createTopics(variables.PUBSUB_EMULATOR_HOST, projectId);
    await createAccounts(variables.FIREBASE_AUTH_EMULATOR_HOST, projectId);

    const functionsUrl = `http://${addressOf(firebaseJson.emulators.functions)}`;
    const { uri: mongodbUri, server } = mongodb;
    return {
      stack: {
        mongodbUri,
        firestoreHost,
        pubsubHost: variables.PUBSUB_EMULATOR_HOST,
        mongodb: server,
        firestore: ownFirestore,
        pubsub: undefined,
        storage,
        runtime: undefined,
        page: undefined,
        variables,
        close,
      },
      stage,
      functions: await emulatedFunctions(functionsUrl, projectId),
      pageUrl: `http://${addressOf(firebaseJson.emulators.hosting)}`,
      exited: emulators.exited,
      stopCli: () => emulators.stop(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openMongodb({ mongodbUri, isApart, say }: EmulatorsOptions) {
  if (mongodbUri) return { uri: mongodbUri, productUri: mongodbUri, server: undefined };
  const { server, productUri } = await startOnPort(
    { service: 'MongoDB', flag: 'MONGODB_URI', asked: isApart ? 0 : undefined, usual: usualPorts.mongodb },
    (port) => startSecuredMongo(config.source, { port }),
    (port) => say(`port ${port} is in use, perhaps by a MongoDB of yours; MONGODB_URI would name it`),
  );
  return { uri: server.uri, productUri, server };
}

function openFirestore({ firebaseJson: { emulators }, isApart }: EmulatorsOptions) {
  const { host, port: usual } = emulators.firestore;
  const flag = 'emulators.firestore.port in firebase.json';
  const indexes = join(functionsDir, '..', 'firestore.indexes.json');
  return startOnPort(
    { service: 'Firestore', flag, asked: isApart ? 0 : usual, usual },
    (port) => startFirestoreServer({ host, port, indexes }),
    () => undefined,
  );
}

/** Passwords belong on no screen. */
const withoutPassword = (uri: string) => uri.replace(/(\/\/[^:/@]+):[^@]*@/, '$1:…@');

const whose = {
  given: 'yours',
  official: "Firebase's own",
  ours: 'ours, for server code: no security rules, no web or mobile clients,',
} as const;

/** Rejects with the reason as soon as the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

const backendsSchema = z.looseObject({
  backends: z.array(z.looseObject({ functionTriggers: z.array(z.looseObject({ id: z.string(), name: z.string() })) })),
});

/** What the functions emulator serves. The address of a trigger is made of its id (`us-central1-syncProject`), and 0 as
 *  long as the CLI has not restarted all of them. */
async function emulatedFunctions(emulatorUrl: string, projectId: string): Promise<EmulatedFunction[]> {
  const answer = await fetch(`${emulatorUrl}/backends`);
  const { backends } = backendsSchema.parse(await answer.json());
  return backends
    .flatMap(({ functionTriggers }) => functionTriggers)
    .map(({ id, name }) => ({ name, url: `${emulatorUrl}/functions/projects/${projectId}/triggers/${id}-0` }));
}
