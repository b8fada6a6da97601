// The third store of docs/consistency.md, on the local stack: attacks "kept in step by converged projects, with its own
// function and its own acknowledgement".
import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import { Firestore } from 'firebase-admin/firestore';
import { type Collection, MongoClient, ObjectId } from 'mongodb';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import { type Runtime, startRuntime } from '../../local/runtime/runtime.ts';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { freshProjectId, type Stack, startStack } from '../../local/stack.ts';
import { isOlderState, type ProjectConverged } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import config from '../../src/lockstep.config.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { givenServices } from '../givenServices.ts';
import { until } from '../support/until.ts';
import { applyState, type IndexedProject } from './searchIndex.ts';

describe('a search index that follows converged projects', function () {
  this.timeout(120_000);
  let search: MongoServer;
  let client: MongoClient;
  let index: Collection<IndexedProject>;
  before(async () => {
    search = await startMongoServer();
    client = await new MongoClient(search.uri).connect();
    index = client.db('search').collection('projects');
  });
  after(async () => {
    await client.close();
    await search.close();
  });

  it('ends with the newest state, whatever comes when, and how often', async () => {
    const stateOf = (projectId: string, at: number): ProjectConverged => {
      // As where MongoDB was set back: versions go back, and nothing depends on it.
      const version = versionOf({ seconds: 10 - Math.floor(at / 2), increment: 1 }, 0);
      // A tombstone has expired in between: revisions begin again.
      const recordedSince = `2026-11-2${Math.floor(at / 5)}T00:00:00.000000Z`;
      const revision = at % 5;
      const kind = at % 5 === 4 ? 'deleted' : 'live';
      const fields = kind === 'live' ? { name: `name ${at}` } : {};
      const id = `${projectId}:${recordedSince}:${revision}`;
      const state = { specversion: 1, id, type: 'ProjectConverged', projectId, version, recordedSince } as const;
      return { ...state, revision, kind, fields, changed: null, convergedAt: '2026-11-27T00:00:00Z' };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 }), async (order) => {
        const projectId = new ObjectId().toHexString();
        for (const at of order) await applyState(index, stateOf(projectId, at));
        const newest = order.map((at) => stateOf(projectId, at)).reduce((a, b) => (isOlderState(a, b) ? b : a));
        const { _id, ...shown } = (await index.findOne({ _id: projectId })) ?? {};
        assert.deepEqual(shown, {
          recordedSince: newest.recordedSince,
          revision: newest.revision,
          title: newest.fields.name ?? null,
        });
      }),
      { numRuns: 40 },
    );
  });

  describe('on the local stack', () => {
    let stack: Stack;
    let third: Runtime;
    let source: ProjectsSource;
    let firestore: Firestore;
    before(async () => {
      const retry = { minBackoffMs: 100, maxBackoffMs: 500 };
      stack = await startStack({
        variables: givenServices,
        projectId: freshProjectId(),
        ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0, page: 0 },
        only: ['relayProjectChanges', 'syncProject', 'syncDeletions'],
        retry,
      });
      third = await startRuntime({
        bundle: join(import.meta.dirname, 'searchIndex.ts'),
        projectId: stack.variables.GCLOUD_PROJECT ?? '',
        pubsubHost: stack.pubsubHost,
        env: { ...stack.variables, SEARCH_URI: search.uri },
        retry,
      });
      await third.waitUntilReady();
      source = await connectSource(stack.mongodbUri, config);
      const projectId = stack.variables.GCLOUD_PROJECT ?? '';
      firestore = new Firestore({ projectId, host: stack.firestoreHost, ssl: false });
    });
    after(async () => {
      await source.close();
      await firestore.terminate();
      await third.close();
      await stack.close();
    });

    it('shows a project’s name, the next one, and none after its deletion; a killed instance loses nothing', async () => {
      const _id = new ObjectId();
      const shows = (title: string | null) => async () => (await index.findOne({ _id: String(_id) }))?.title === title;
      await until(() => relayHasPlace(firestore), 'the relay to tail the stream', 60_000);
      await source.projects.insertOne({ _id, name: 'Dusk' });
      await until(shows('Dusk'), 'the index to show the project', 60_000);
      await third.kill('indexProject');
      await source.projects.updateOne({ _id }, { $set: { name: 'Dawn' } });
      await until(shows('Dawn'), 'the index to show the new name', 60_000);
      await source.projects.deleteOne({ _id });
      await until(shows(null), 'the index to forget the name', 60_000);
    });
  });
});
