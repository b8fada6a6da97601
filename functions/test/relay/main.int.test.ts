import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PubSub } from '@google-cloud/pubsub';
import type { Firestore } from 'firebase-admin/firestore';
import { MongoClient, ObjectId } from 'mongodb';
import { z } from 'zod';
import { type FirestoreServer, startFirestoreServer } from '../../local/firestore/server.ts';
import { type MongoServer, startMongoServer } from '../../local/mongodb/server.ts';
import { type PubSubServer, startPubSubServer } from '../../local/pubsub/server.ts';
import config from '../../src/lockstep.config.ts';
import { parseRelayRecord, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { connectFirestore, until } from './doubles.ts';
import { eventOf } from './relay.fixture.ts';

const statusSchema = z.looseObject({
  phase: z.string(),
  published: z.number(),
  lease: z.object({ fencing: z.number() }).nullable(),
});

const program = fileURLToPath(new URL('../../src/relay/main.ts', import.meta.url));
const projectId = 'demo-relay';

/** The process as a user starts it, without the bootstrap in front. */
interface RelayProcess {
  readonly child: ChildProcess;
  output(): string;
  readonly exited: Promise<number | null>;
}

function startProcess(args: readonly string[], env: Record<string, string>): RelayProcess {
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
  return { child, output: () => output, exited };
}

// I6, I7: the process says in a sentence what is wrong, and ends with everything saved.
describe('relay as a process', () => {
  let mongo: MongoServer;
  let firestoreServer: FirestoreServer;
  let pubsubServer: PubSubServer;
  let firestore: Firestore;
  let pubsub: PubSub;
  let client: MongoClient;
  let started: RelayProcess[] = [];

  before(async () => {
    [mongo, firestoreServer, pubsubServer] = await Promise.all([
      startMongoServer(),
      startFirestoreServer(),
      startPubSubServer(),
    ]);
    firestore = connectFirestore(firestoreServer, projectId);
    pubsub = new PubSub({ projectId, apiEndpoint: pubsubServer.host, emulatorMode: true });
    client = await new MongoClient(mongo.uri).connect();
    for (const topic of ['project-events', 'project-events-dead-letter', 'reconciliation-requests']) {
      const [created] = await pubsub.createTopic(topic);
      await created.createSubscription(`${topic}-test`);
    }
  });
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map(({ exited }) => exited));
    started = [];
  });
  after(async () => {
    await Promise.all([client.close(), firestore.terminate(), pubsub.close()]);
    await Promise.all([mongo.close(), firestoreServer.close(), pubsubServer.close()]);
  });

  function start(args: readonly string[], env: Record<string, string>): RelayProcess {
    const relay = startProcess(args, env);
    started.push(relay);
    return relay;
  }

  const surroundings = () => ({
    MONGODB_URI: mongo.uri,
    GCLOUD_PROJECT: projectId,
    FIRESTORE_EMULATOR_HOST: firestoreServer.host,
    PUBSUB_EMULATOR_HOST: pubsubServer.host,
  });

  it('says in one sentence what keeps it from working', async function () {
    // The driver looks for an unreachable server for eight seconds.
    this.timeout(60_000);
    const standalone = await startMongoServer({ replicaSet: null });
    try {
      for (const [env, expected] of [
        [{ ...surroundings(), MONGODB_URI: '' }, /MONGODB_URI is not set/],
        [{ ...surroundings(), MONGODB_URI: 'mongodb://127.0.0.1:1' }, /cannot be reached.*Check MONGODB_URI/],
        [{ ...surroundings(), MONGODB_URI: standalone.uri }, /is a standalone server/],
      ] as const) {
        const relay = start([], { ...env, NODE_OPTIONS: '' });
        assert.equal(await relay.exited, 1);
        assert.match(relay.output(), expected);
        assert.equal(relay.output().trim().split('\n').length, 1, relay.output());
      }
    } finally {
      await standalone.close();
    }
  });

  it('publishes, tells how it is, and on SIGTERM gives everything back', async () => {
    const relay = start(['--port', '0'], surroundings());
    await until(() => /port=\d+/.test(relay.output()));
    const port = /port=(\d+)/.exec(relay.output())?.[1];
    const health = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      return { code: response.status, body: statusSchema.parse(await response.json()) };
    };
    await until(async () => (await health()).body.phase === 'reading');
    const _id = new ObjectId();
    await client.db(config.source.database).collection(config.source.collection).insertOne({ _id, name: 'A' });
    const received: Buffer[] = [];
    const subscription = pubsub.subscription('project-events-test');
    subscription.on('message', (message) => {
      received.push(message.data);
      message.ack();
    });
    await until(() => received.length === 1);
    const [first] = received;
    assert.ok(first);
    assert.equal(eventOf(first).projectId, String(_id));
    await until(async () => (await health()).body.published === 1);
    const { code, body } = await health();
    assert.equal(code, 200);
    assert.equal(body.lease?.fencing, 1);
    relay.child.kill('SIGTERM');
    assert.equal(await relay.exited, 0);
    await subscription.close();
    const ref = relayRecordRef(firestore, config.source);
    const record = parseRelayRecord(ref.path, (await ref.get()).data());
    assert.equal(record.lease.holder, null);
    assert.notEqual(record.checkpoint.last, null);
    assert.match(relay.output(), /The run of the relay ended\. kind=stopped published=1/);
  });

  it('ends at once on a second signal', async () => {
    const relay = start([], surroundings());
    await until(() => relay.output().includes('The relay has the lease'));
    // Nothing that it has to save gets an answer: only the second signal ends it before its own patience does.
    firestoreServer.faults.inject('Commit', { latencyMs: 60_000 }, 5);
    relay.child.kill('SIGINT');
    await until(() => relay.output().includes('Stopping'));
    const again = setInterval(() => relay.child.kill('SIGINT'), 100);
    assert.equal(await relay.exited, 1);
    clearInterval(again);
    firestoreServer.faults.clear();
    // Neither did it finish, nor did it run out of patience by itself.
    assert.doesNotMatch(relay.output(), /The run of the relay ended|without saving/);
  });
});
