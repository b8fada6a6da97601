// Everything that Lockstep keeps or changes is in the database that FIRESTORE_DATABASE names, and nothing in another:
// events, the relay's place, dead letters, holds, reconciliation, and the commands.
import assert from 'node:assert/strict';
import { FieldPath, Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { encodeReconciliationRequest } from '../../src/events/reconciliationRequest.ts';
import config from '../../src/lockstep.config.ts';
import { createPublisher, createPubSub } from '../../src/publisher.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { startCommand } from '../cli/commandProcess.fixture.ts';
import { until } from '../support/until.ts';

describe('with a named database', function () {
  this.timeout(120_000);
  let stack: Stack;
  let source: ProjectsSource;
  let studio: Firestore;
  let other: Firestore;

  before(async () => {
    stack = await startStack({
      variables: { FIRESTORE_DATABASE: 'studio' },
      ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0 },
      env: { HOLD_MAX_PROJECTS: '1', RECONCILE_GRACE_MINUTES: '0' },
      retry: { minBackoffMs: 100, maxBackoffMs: 500 },
    });
    source = await connectSource(stack.mongodbUri, config);
    const settings = { projectId: stack.variables.GCLOUD_PROJECT ?? '', host: stack.firestoreHost, ssl: false };
    studio = new Firestore({ ...settings, databaseId: 'studio' });
    other = new Firestore(settings);
    await eventually('the relay to tail the stream', () => relayHasPlace(studio));
  });
  after(async () => {
    await source.close();
    await Promise.all([studio.terminate(), other.terminate()]);
    await stack.close();
  });

  async function paths(firestore: Firestore): Promise<string[]> {
    const all = await firestore.collectionGroup('').orderBy(FieldPath.documentId()).select().get();
    return all.docs.map(({ ref }) => ref.path);
  }

  async function command(line: string): Promise<string> {
    const started = startCommand(line, { ...stack.variables, MONGODB_URI: stack.mongodbUri });
    const code = await started.ended;
    assert.equal(code, 0, `${line}: ${started.output()}`);
    return started.output();
  }

  it('all of it lands there, and the default one stays empty', async () => {
    await studio.doc('aiAnalyses/orphan').set({ projectId: String(new ObjectId()) });
    const ids = Array.from({ length: 8 }, () => new ObjectId());
    await source.projects.insertMany(ids.map((_id) => ({ _id, name: 'old' })));
    for (const id of ids) await studio.doc(`storyboards/${id}`).set({ projectId: String(id), projectName: 'old' });
    await eventually('the creations', async () => (await studio.collection('syncProjects').get()).size === ids.length);

    const [renamed, ...doomed] = ids;
    await source.projects.updateOne({ _id: new ObjectId(String(renamed)) }, { $set: { name: 'new' } });
    const nameShown = async () => (await studio.doc(`storyboards/${renamed}`).get()).get('projectName') === 'new';
    await eventually('the rename', nameShown);

    await source.projects.deleteMany({ _id: { $in: doomed.slice(0, 3) } });
    const heldJobs = () => studio.collection('syncJobs').where('status', '==', 'held').count().get();
    await eventually('the deletions to be held', async () => (await heldJobs()).data().count === 3);
    await command('holds release --all --yes --reason test');
    const left = () => studio.collection('storyboards').count().get();
    await eventually('the deletions to be applied', async () => (await left()).data().count === ids.length - 3);

    const pubsub = createPubSub(stack.variables.GCLOUD_PROJECT, stack.pubsubHost);
    await createPublisher(pubsub, 'project-events').publish({ data: Buffer.from('no event'), attributes: {} });
    await eventually('the dead letter', async () => (await studio.collection('syncFailures').get()).size === 1);
    const alerts = async () =>
      (await studio.collection('syncAlerts').get()).docs.map((document) => document.get('key'));
    await eventually('the alerts of the hold and of the dead letter', async () => {
      const keys = await alerts();
      return ['hold', 'dead-letter:unreadable'].every((key) => keys.includes(key));
    });

    // As many as the reconciliation of the relay's first start may have seen: fewer could be a loss.
    await source.projects.insertMany(
      [{ name: 'a' }, { name: 'b' }, { name: 'c' }].map((project) => ({ _id: new ObjectId(), ...project })),
    );
    const requests = createPublisher(pubsub, 'reconciliation-requests');
    await requests.publish(encodeReconciliationRequest({ mode: 'clean', reason: 'test' }, { reason: 'test' }));
    await eventually('the orphan to go', async () => !(await studio.doc('aiAnalyses/orphan').get()).exists);
    await pubsub.close();

    assert.match(await command('holds list'), /No deletions are held/);
    assert.match(await command('redrive --all --include-unreadable --dry-run'), /1 would be published/);
    await command('reconcile --report');
    assert.deepEqual(await paths(other), []);
    const collections = new Set((await paths(studio)).map((path) => path.split('/')[0]));
    assert.deepEqual(
      ['storyboards', 'syncAlerts', 'syncFailures', 'syncJobs', 'syncProjects', 'syncRelay'].filter(
        (name) => !collections.has(name),
      ),
      [],
    );
  });
});

/** Waits for what other processes do. */
const eventually = (what: string, holds: () => Promise<boolean>) => until(holds, what, 60_000);
