// The services by their variables: attacks "any of them is replaced by the real thing through its usual variable". The
// real things here are our own servers in another process, which nothing but the variables leads to.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Firestore } from 'firebase-admin/firestore';
import { localProjectId, startStack } from '../../local/stack.ts';
import config from '../../src/lockstep.config.ts';
import { createPubSub } from '../../src/publisher.ts';
import { connectSource } from '../../src/source/connect.ts';
import { serviceVariables } from '../givenServices.ts';
import { type SecondSet, startSecondSet } from './secondSet.ts';

const functionsDir = join(import.meta.dirname, '..', '..');
const anyPorts = { mongodb: 0, firestore: 0, pubsub: 0, functions: 0, page: 0 };

describe('services that run elsewhere', function () {
  this.timeout(120_000);
  let second: SecondSet;
  let running: ChildProcess | undefined;

  before(async () => {
    // The Pub/Sub client would look for a metadata server of the cloud.
    process.env.METADATA_SERVER_DETECTION ??= 'none';
    second = await startSecondSet();
  });
  after(async () => {
    running?.kill();
    await second.close();
  });

  it('are used by the demo, and nothing else is', async () => {
    assert.deepEqual(await traces(second, localProjectId), {
      projects: 0,
      records: 0,
      topics: topics.length,
      subscriptions: 2,
    });
    const demo = spawn(process.execPath, [join(functionsDir, 'local', 'cli', 'demo.ts'), '--projects', '0'], {
      cwd: functionsDir,
      env: { ...process.env, ...second.variables },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running = demo;
    const exited = new Promise<number | null>((resolve) => demo.once('close', resolve));
    const said = await text(demo.stdout);
    assert.equal(await exited, 0, said);
    assert.match(said, /demo: [1-9]\d* passed, 0 failed/);
    const [, projectId] =
      /demo: using MONGODB_URI, FIRESTORE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST, with (\S+) as the project\n/.exec(
        said,
      ) ?? [];
    assert.ok(projectId, said);
    assert.match(said, /demo: starting the functions \.\.\./);
    // Only our own Firestore tells what it would have billed.
    assert.doesNotMatch(said, /\d+\/\d+\/\d+/);
    // Whatever it did, it did there.
    const left = await traces(second, projectId);
    assert.ok(left.projects > 0 && left.records > left.projects, JSON.stringify(left));
    assert.equal(left.topics, topics.length);
    assert.ok(left.subscriptions > 0, 'the functions do not listen there');
  });

  it('are not started', async () => {
    const stack = await startStack({ variables: second.variables, ports: anyPorts, functions: false });
    await stack.close();
    assert.deepEqual([stack.mongodb, stack.firestore, stack.pubsub], [undefined, undefined, undefined]);
    const { MONGODB_URI, FIRESTORE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST } = second.variables;
    assert.deepEqual(
      [stack.mongodbUri, stack.firestoreHost, stack.pubsubHost],
      [MONGODB_URI, FIRESTORE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST],
    );
    for (const name of serviceVariables) assert.equal(stack.variables[name], second.variables[name]);
  });

  for (const one of serviceVariables) {
    it(`may be one alone: ${one}`, async () => {
      const stack = await startStack({
        variables: { [one]: second.variables[one] },
        ports: anyPorts,
        functions: false,
      });
      await stack.close();
      const started = {
        MONGODB_URI: stack.mongodb,
        FIRESTORE_EMULATOR_HOST: stack.firestore,
        PUBSUB_EMULATOR_HOST: stack.pubsub,
      };
      for (const name of serviceVariables) assert.equal(started[name] === undefined, name === one, name);
    });
  }
});

const topics = [
  'project-events',
  'project-deletions',
  'project-events-dead-letter',
  'reconciliation-requests',
  'sync-alerts',
  'project-converged',
];

/** What there is on the servers, seen through clients of our own. */
async function traces({ variables }: SecondSet, projectId: string) {
  const source = await connectSource(variables.MONGODB_URI ?? '', config);
  const firestore = new Firestore({
    projectId,
    host: variables.FIRESTORE_EMULATOR_HOST ?? '',
    ssl: false,
  });
  const pubsub = createPubSub(projectId, variables.PUBSUB_EMULATOR_HOST);
  try {
    const [subscriptions] = await pubsub.getSubscriptions();
    const [existing] = await pubsub.getTopics();
    return {
      projects: await source.projects.countDocuments(),
      records: (await firestore.collection('syncProjects').count().get()).data().count,
      topics: existing.length,
      subscriptions: subscriptions.length,
    };
  } finally {
    await Promise.all([source.close(), firestore.terminate(), pubsub.close()]);
  }
}
