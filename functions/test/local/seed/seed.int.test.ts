// Seeding servers on this machine: attacks seeding over somebody's projects, a second run that changes something, and
// one that does not end when it is told to.
import assert from 'node:assert/strict';
import { Firestore } from 'firebase-admin/firestore';
import { assetCount } from '../../../local/demo/seedData.ts';
import { assetCountsFor, documentsFor, type SeedProgress, SeedRefusedError, seed } from '../../../local/seed/seed.ts';
import { type FirestoreServer, startFirestoreServer } from '../../../local/servers/firestore/server.ts';
import { type MongoServer, startMongoServer } from '../../../local/servers/mongodb/server.ts';
import config from '../../../src/lockstep.config.ts';
import { connectSource, type ProjectsSource } from '../../../src/source/connect.ts';

describe('seeding', () => {
  let mongodb: MongoServer;
  let server: FirestoreServer;
  let source: ProjectsSource;
  let firestore: Firestore;
  before(async () => {
    [mongodb, server] = await Promise.all([startMongoServer(), startFirestoreServer()]);
    source = await connectSource(mongodb.uri, config);
    firestore = new Firestore({ projectId: 'demo-seed', host: server.host, ssl: false });
  });
  after(async () => {
    await source.close();
    await firestore.terminate();
    await Promise.all([mongodb.close(), server.close()]);
  });
  beforeEach(async () => {
    await source.projects.deleteMany({});
    server.clear();
  });

  const run = async (projects: number, signal = new AbortController().signal) => {
    const progress: SeedProgress[] = [];
    const places = { projects: source.projects, firestore };
    await seed(places, { projects, assets: 10 }, { signal, onProgress: (step) => progress.push(step) });
    return progress;
  };
  const countOf = async (collection: string) => (await firestore.collection(collection).count().get()).data().count;

  it('writes projects and their assets, tells how far it is, and writes the same a second time', async () => {
    const progress = await run(30);
    assert.deepEqual(progress, [
      { projects: 25, documents: 25 * documentsFor(10) },
      { projects: 30, documents: 30 * documentsFor(10) },
    ]);
    const counts = assetCountsFor(10);
    assert.equal(assetCount(counts), 10);
    const seen = async () => ({
      projects: await source.projects.find().sort({ _id: 1 }).toArray(),
      media: (await firestore.collection('generatedMedia').get()).docs.map((document) => document.data()),
    });
    const first = await seen();
    assert.equal(first.projects.length, 30);
    assert.equal(first.media.length, 30 * counts.media);
    assert.equal(await countOf('storyboards'), 30 * counts.storyboards);
    await run(30);
    assert.deepEqual(await seen(), first);
  });

  it('goes on with more or fewer projects than before', async () => {
    await run(3);
    await run(5);
    await run(2);
    assert.equal(await source.projects.countDocuments(), 5);
  });

  it('writes nothing where there are projects of somebody', async () => {
    await source.projects.insertOne({ _id: 'somebody', name: 'precious' });
    await assert.rejects(run(2), (error) => error instanceof SeedRefusedError && /somebody/.test(error.message));
    assert.equal(await source.projects.countDocuments(), 1);
    assert.equal(await countOf('storyboards'), 0);
  });

  it('ends where it is when it is to stop', async () => {
    const stop = new AbortController();
    const places = { projects: source.projects, firestore };
    const options = { signal: stop.signal, onProgress: () => stop.abort() };
    await seed(places, { projects: 100, assets: 0 }, options);
    assert.equal(await source.projects.countDocuments(), 25);
  });
});
