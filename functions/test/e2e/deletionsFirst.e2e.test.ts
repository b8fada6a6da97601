// Attacks "no backlog of other events is in front of a deletion" with real processes: nothing takes the renames for as
// long as the deletion is on its way.
import assert from 'node:assert/strict';
import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { writeAll } from '../../local/demo/writeAll.ts';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import { type Runtime, startRuntime } from '../../local/runtime/runtime.ts';
import { subscriptionName } from '../../local/runtime/triggerSubscriptions.ts';
import { builtBundle, freshProjectId, type Stack, startStack } from '../../local/stack.ts';
import config from '../../src/lockstep.config.ts';
import { createPubSub } from '../../src/publisher.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { givenServices } from '../givenServices.ts';
import { until } from '../support/until.ts';

const renames = 200;

describe('a deletion behind renames', function () {
  this.timeout(180_000);
  const projectId = freshProjectId();
  const retry = { minBackoffMs: 100, maxBackoffMs: 500 };
  let stack: Stack;
  let renaming: Runtime | undefined;
  let source: ProjectsSource;
  let firestore: Firestore;

  before(async () => {
    stack = await startStack({
      variables: givenServices,
      projectId,
      ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0, page: 0 },
      only: ['relayProjectChanges', 'syncDeletions'],
      retry,
    });
    // The subscription of a function that does not answer: it keeps what comes.
    const pubsub = createPubSub(projectId, stack.pubsubHost);
    await pubsub.topic('project-events').createSubscription(subscriptionName(projectId, 'syncProject'));
    await pubsub.close();
    source = await connectSource(stack.mongodbUri, config);
    firestore = new Firestore({ projectId, host: stack.firestoreHost, ssl: false });
  });
  after(async () => {
    await source.close();
    await firestore.terminate();
    await renaming?.close();
    await stack.close();
  });

  it('is applied while none of them is, and all of them follow', async () => {
    const doomed = new ObjectId();
    const others = Array.from({ length: renames }, () => new ObjectId());
    await writeAll(
      firestore,
      [doomed, ...others].map((id) => [`generatedMedia/${id}`, { projectId: String(id), projectName: 'old' }]),
    );
    const assets = (name: string) => firestore.collection('generatedMedia').where('projectName', '==', name);
    const count = async (name: string) => (await assets(name).count().get()).data().count;
    await eventually('the relay to tail the stream', () => relayHasPlace(firestore));
    await source.projects.insertMany([doomed, ...others].map((_id) => ({ _id, name: 'old' })));
    await source.projects.updateMany({ _id: { $in: others } }, { $set: { name: 'new' } });
    await source.projects.deleteOne({ _id: doomed });

    await eventually('the deletion', async () => !(await firestore.doc(`generatedMedia/${doomed}`).get()).exists);
    assert.deepEqual([await count('old'), await count('new')], [renames, 0]);

    renaming = await startRuntime({
      bundle: builtBundle,
      projectId,
      pubsubHost: stack.pubsubHost,
      env: stack.variables,
      only: ['syncProject'],
      retry,
    });
    await eventually('the renames', async () => (await count('new')) === renames);
  });
});

/** Waits for what other processes do. */
const eventually = (what: string, holds: () => Promise<boolean>) => until(holds, what, 120_000);
