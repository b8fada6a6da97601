// Functions as they are declared, at the largest messages that the platform brings them: attacks "memory is bounded",
// however many come at once. What holds more than its function declares is killed, with all that it works on.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Firestore } from 'firebase-admin/firestore';
import { freePorts } from '../../local/freePorts.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { createPubSub } from '../../src/publisher.ts';
import { until } from '../support/until.ts';

const functionsDir = join(import.meta.dirname, '..', '..');

describe('messages as large as they come', function () {
  this.timeout(120_000);
  let stack: Stack;
  const killed: string[] = [];

  const start = async (bundle: string, name: string) => {
    killed.length = 0;
    const [mongodb = 0, firestore = 0, pubsub = 0, functions = 0, page = 0] = await freePorts(5);
    stack = await startStack({
      bundle: join(functionsDir, bundle),
      only: [name],
      ports: { mongodb, firestore, pubsub, functions, page },
      onLog: ({ message }) => {
        if (/memory limit|heap out of memory/.test(message)) killed.push(message);
      },
    });
  };
  const untilDone = (count: number) =>
    until(
      () => {
        const [status] = stack.runtime?.functions() ?? [];
        return killed.length > 0 || (status !== undefined && status.invocations - status.errors >= count);
      },
      'all is done, or a process was killed',
      100_000,
    );
  afterEach(() => stack.close());

  it('dead letters: those of large events, and what Pub/Sub itself gave up, of nearly 10 MB', async () => {
    await start('src/index.ts', 'recordDeadLetter');
    const pubsub = createPubSub(stack.variables.GCLOUD_PROJECT, stack.pubsubHost);
    const topic = pubsub.topic('project-events-dead-letter');
    const sizes = [...Array<number>(120).fill(900_000), ...Array<number>(12).fill(9_500_000)];
    await Promise.all(sizes.map((size, at) => topic.publishMessage({ data: Buffer.alloc(size, `${at} `) })));
    await untilDone(sizes.length);
    await pubsub.close();
    assert.deepEqual(killed, []);
  });

  it('watched collections: documents of nearly a MiB, before and after the write', async () => {
    await start('local/demo/guardedBundle.ts', 'watch-prototypes');
    const projectId = stack.variables.GCLOUD_PROJECT ?? '';
    const firestore = new Firestore({ projectId, host: stack.firestoreHost, ssl: false });
    const scenes = 'x'.repeat(1_000_000);
    const documents = Array.from({ length: 240 }, (_, at) => firestore.doc(`prototypes/p${at}`));
    for (const round of [1, 2]) {
      await Promise.all(documents.map((ref) => ref.set({ meta: { projectId: ref.id }, round, scenes })));
    }
    await untilDone(2 * documents.length);
    await firestore.terminate();
    assert.deepEqual(killed, []);
  });
});
