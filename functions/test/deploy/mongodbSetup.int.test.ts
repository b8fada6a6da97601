import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { runShellScript } from '../../local/mongoShell.ts';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { createProjectsInMongo } from '../../src/reconcile/projectsInMongo.ts';
import { openStream, readOperationTime } from '../../src/relay/changeStream/open.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { estimateProjects } from '../../src/source/estimateProjects.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { rejectsWithCode } from '../local/servers/mongodb/mongo.fixture.ts';
import { quickLimits } from '../relay/fixtures/doubles.ts';

const config = defineConfig({
  source: { database: 'studio', collection: 'works', fields: ['name'] },
  collections: [{ path: 'media', projectId: 'projectId' }],
});
const administrator = { user: 'admin', password: 'admin' };
const user = { user: 'watcher', password: 'watching' };
const script = join(import.meta.dirname, '..', '..', 'deploy', 'mongodb-setup.js');

describe('deploy/mongodb-setup.js', () => {
  let server: MongoServer;
  let client: MongoClient;
  let source: ProjectsSource;

  const setUp = async (password = user.password, names: Readonly<Record<string, string>> = {}) =>
    runShellScript(await readFile(script, 'utf8'), {
      client,
      password,
      env: { LOCKSTEP_DATABASE: 'studio', LOCKSTEP_COLLECTION: 'works', LOCKSTEP_USER: user.user, ...names },
    });

  beforeEach(async () => {
    server = await startMongoServer({ auth: administrator });
    client = new MongoClient(server.uri);
    await setUp();
    source = await connectSource(server.uriOf(user), config);
  });
  afterEach(async () => {
    await source.close();
    await client.close();
    await server.close();
  });

  it('makes a user who may do what the product does', async () => {
    await client.db('studio').collection<{ _id: string; name: string }>('works').insertOne({ _id: 'p', name: 'P' });
    const look = await createProjectsInMongo(source, config).look();
    assert.equal(look.projects, 1);
    assert.match(String(look.uuid), /^[-0-9a-f]{36}$/);
    assert.deepEqual(await createProjectsInMongo(source, config).sample(5), ['p']);
    assert.equal(await estimateProjects(source), 1);
    const { projects } = await createProjectTruth(source, config).ask(['p', 'q']);
    assert.deepEqual([...projects.keys()], ['p']);
    const stream = openStream(
      source,
      config.source,
      { token: null, startAt: await readOperationTime(source.client) },
      quickLimits,
    );
    await client.db('studio').collection<{ _id: string }>('works').deleteOne({ _id: 'p' });
    while ((await stream.next()).operationType !== 'delete');
    await stream.close();
  });

  it('makes one who may do nothing else', async () => {
    const { authInfo } = await source.client.db('admin').command({ connectionStatus: 1, showPrivileges: true });
    assert.deepEqual(authInfo.authenticatedUserPrivileges, [
      { resource: { db: 'studio', collection: 'works' }, actions: ['find', 'changeStream'] },
      { resource: { db: 'studio', collection: '' }, actions: ['listCollections'] },
    ]);
    await rejectsWithCode(source.projects.insertOne({ _id: 'x' }), 13);
    await rejectsWithCode(source.client.db('studio').collection('others').findOne(), 13);
  });

  it('may be run again: it renews the role, keeps the password, and the collection with its pre-images', async () => {
    await client.db('admin').command({ updateRole: `${user.user}Reader`, privileges: [] });
    await rejectsWithCode(source.projects.findOne(), 13);
    const lines = await setUp('another password');
    assert.equal(await source.projects.findOne(), null);
    assert.equal(lines[0], 'oplog window: 0 hours (a busier day makes it shorter; at least 72 are advised)');
    const { cursor } = await client.db('studio').command({ listCollections: 1 });
    assert.deepEqual(cursor.firstBatch[0].options, { changeStreamPreAndPostImages: { enabled: true } });
  });

  it('takes no other roles from a user who is there already: it refuses, and changes nothing', async () => {
    const admin = client.db('admin');
    const roles = [{ role: 'readWrite', db: 'studio' }];
    await admin.command({ createUser: 'service', pwd: 'serving', roles });
    await assert.rejects(
      setUp('serving', { LOCKSTEP_USER: 'service' }),
      /"service" has other roles \(readWrite on studio\)/,
    );
    const { users } = await admin.command({ usersInfo: { user: 'service', db: 'admin' } });
    assert.deepEqual(users[0].roles, roles);
    assert.deepEqual((await admin.command({ rolesInfo: { role: 'serviceReader', db: 'admin' } })).roles, []);
  });

  it('takes nothing from the user of another installation in the same cluster', async () => {
    await setUp('staging', { LOCKSTEP_DATABASE: 'staging', LOCKSTEP_USER: 'stagingWatcher' });
    assert.equal(await source.projects.findOne(), null);
  });

  it('lets pre-images expire after a day, but where somebody has decided otherwise for the cluster', async () => {
    const expiry = async () => {
      const { clusterParameters } = await client.db('admin').command({ getClusterParameter: 'changeStreamOptions' });
      return Number(clusterParameters[0].preAndPostImages.expireAfterSeconds);
    };
    assert.equal(await expiry(), 86_400);
    const week = { preAndPostImages: { expireAfterSeconds: 604_800 } };
    await client.db('admin').command({ setClusterParameter: { changeStreamOptions: week } });
    await setUp();
    assert.equal(await expiry(), 604_800);
  });
});
