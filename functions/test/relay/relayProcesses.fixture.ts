import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PubSub } from '@google-cloud/pubsub';
import type { Firestore } from 'firebase-admin/firestore';
import { type Collection, MongoClient } from 'mongodb';
import { z } from 'zod';
import { startSecuredMongo } from '../../local/securedMongo.ts';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { startPubSubServer } from '../../local/servers/pubsub/server.ts';
import config from '../../src/lockstep.config.ts';
import type { ProjectDocument } from '../../src/source/connect.ts';
import { until } from '../support/until.ts';
import { connectFirestore } from './doubles.ts';

const statusSchema = z.looseObject({
  phase: z.string(),
  published: z.number(),
  lease: z.object({ fencing: z.number() }).nullable(),
});

const program = fileURLToPath(new URL('../../src/cli/relay.ts', import.meta.url));
const projectId = 'demo-relay';

/** The process as a user starts it, without the bootstrap in front. */
export interface RelayProcess {
  readonly child: ChildProcess;
  /** What it has printed. */
  output(): string;
  readonly exited: Promise<number | null>;
  /** What its health endpoint says; waits until it is there, which takes `--port 0`. */
  health(): Promise<{ readonly code: number; readonly body: z.infer<typeof statusSchema> }>;
}

function startProcess(args: readonly string[], env: Readonly<Record<string, string>>): RelayProcess {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, METADATA_SERVER_DETECTION: 'none', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (data) => {
    output += data;
  });
  child.stderr?.on('data', (data) => {
    output += data;
  });
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  const port = () => /port=(\d+)/.exec(output)?.[1];
  return {
    child,
    output: () => output,
    exited,
    async health() {
      await until(() => port() !== undefined);
      const response = await fetch(`http://127.0.0.1:${port()}/`);
      return { code: response.status, body: statusSchema.parse(await response.json()) };
    },
  };
}

/** Local servers, and relays as processes on them. */
export interface RelayProcesses {
  readonly firestoreServer: FirestoreServer;
  readonly firestore: Firestore;
  readonly pubsub: PubSub;
  /** The projects as the service that owns them writes them. */
  readonly projects: Collection<ProjectDocument>;
  /** The environment of a relay that works. */
  readonly surroundings: Readonly<Record<string, string>>;
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): RelayProcess;
  /** Kills every process that has been started. */
  killAll(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the servers; every topic has a subscription `{topic}-test`. */
export async function startRelayProcesses(): Promise<RelayProcesses> {
  const [{ server: mongo, productUri }, firestoreServer, pubsubServer] = await Promise.all([
    startSecuredMongo(config.source),
    startFirestoreServer(),
    startPubSubServer(),
  ]);
  const firestore = connectFirestore(firestoreServer, projectId);
  const pubsub = new PubSub({ projectId, apiEndpoint: pubsubServer.host, emulatorMode: true });
  const client = await new MongoClient(mongo.uri).connect();
  for (const topic of ['project-events', 'project-events-dead-letter', 'reconciliation-requests']) {
    const [created] = await pubsub.createTopic(topic);
    await created.createSubscription(`${topic}-test`);
  }
  const surroundings = {
    MONGODB_URI: productUri,
    GCLOUD_PROJECT: projectId,
    FIRESTORE_EMULATOR_HOST: firestoreServer.host,
    PUBSUB_EMULATOR_HOST: pubsubServer.host,
  };
  let started: RelayProcess[] = [];
  return {
    firestoreServer,
    firestore,
    pubsub,
    projects: client.db(config.source.database).collection<ProjectDocument>(config.source.collection),
    surroundings,
    start(args = [], env = surroundings) {
      const relay = startProcess(args, env);
      started.push(relay);
      return relay;
    },
    async killAll() {
      for (const { child } of started) child.kill('SIGKILL');
      await Promise.all(started.map(({ exited }) => exited));
      started = [];
    },
    async close() {
      await Promise.all([client.close(), firestore.terminate(), pubsub.close()]);
      await Promise.all([mongo.close(), firestoreServer.close(), pubsubServer.close()]);
    },
  };
}
