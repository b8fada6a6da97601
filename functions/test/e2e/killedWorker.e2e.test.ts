// Attacks I1 and I6 with real processes: the one that deletes is killed in the middle, and every asset goes all the
// same.

import assert from 'node:assert/strict';
import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { writeAll } from '../../local/demo/writeAll.ts';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import { freshProjectId, type Stack, startStack } from '../../local/stack.ts';
import config from '../../src/lockstep.config.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { givenServices } from '../givenServices.ts';
import { until } from '../support/until.ts';

const assets = 5_000;

describe('a worker that is killed', function () {
  // Firestore frees the locks of a transaction that nobody goes on with after 60 s
  // (https://firebase.google.com/docs/firestore/quotas), so that what takes over may have to wait for so long.
  this.timeout(300_000);
  let stack: Stack;
  let source: ProjectsSource;
  let firestore: Firestore;

  before(async () => {
    stack = await startStack({
      variables: givenServices,
      projectId: freshProjectId(),
      ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0 },
      only: ['relayProjectChanges', 'syncProject', 'syncDeletions'],
      env: { SYNC_LEASE_SECONDS: '2' },
      // Whatever a worker left for after its invocation would stay undone.
      freezeIdle: true,
      retry: { minBackoffMs: 100, maxBackoffMs: 500 },
    });
    source = await connectSource(stack.mongodbUri, config);
    firestore = new Firestore({
      projectId: stack.variables.GCLOUD_PROJECT ?? '',
      host: stack.firestoreHost,
      ssl: false,
    });
  });
  after(async () => {
    await source.close();
    await firestore.terminate();
    await stack.close();
  });

  it('leaves nothing behind: every one of 5,000 assets goes', async () => {
    const id = new ObjectId();
    const projectId = id.toHexString();
    await eventually('the relay to tail the stream', () => relayHasPlace(firestore));
    await source.projects.insertOne({ _id: id, name: 'doomed' });
    await writeAll(
      firestore,
      Array.from({ length: assets }, (_, index) => [`generatedMedia/${projectId}-${index}`, { projectId }]),
    );
    const left = async () =>
      (await firestore.collection('generatedMedia').where('projectId', '==', projectId).count().get()).data().count;
    assert.equal(await left(), assets);

    // Commits answer late, so that there is a middle to be killed in.
    stack.firestore?.faults.inject('Commit', { latencyMs: 100, afterEffect: true }, 10);
    await source.projects.deleteOne({ _id: id });
    await eventually('the deletion to begin', async () => (await left()) < assets);
    const atKill = await left();
    await stack.runtime?.kill('syncDeletions');
    assert.ok(atKill > 0, 'the deletion was over before the process was killed');

    await eventually('the rest to go', async () => (await left()) === 0);
    const record = await firestore.doc(`syncProjects/${projectId}`).get();
    await eventually('the lease to be given back', async () => (await record.ref.get()).get('lease') === null);
  });
});

/** Waits for what other processes do. */
const eventually = (what: string, holds: () => Promise<boolean>) => until(holds, what, 200_000);
