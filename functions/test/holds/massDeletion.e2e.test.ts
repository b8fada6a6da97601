// Attacks I8 with everything real but the cloud: somebody types `deleteMany({})`, and Firestore is not emptied. Then
// the person decides, with the command that the alarm names.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Firestore, Timestamp } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { writeAll } from '../../local/demo/writeAll.ts';
import { relayHasPlace } from '../../local/relayHasPlace.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { defaultHoldLimits, deletionsAllowed } from '../../src/holds/limits.ts';
import config from '../../src/lockstep.config.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { until } from '../support/until.ts';

const projects = 300;
const assetsEach = 3;

/** Even if MongoDB still holds some while the first deletions are judged. */
const allowed = deletionsAllowed(defaultHoldLimits, projects);

describe('a mistaken deleteMany({})', function () {
  this.timeout(180_000);
  let stack: Stack;
  let source: ProjectsSource;
  let firestore: Firestore;
  const alarms: string[] = [];

  before(async () => {
    stack = await startStack({
      ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0 },
      only: ['relayProjectChanges', 'syncProject', 'syncDeletions'],
      retry: { minBackoffMs: 100, maxBackoffMs: 500 },
      onLog: (entry) => {
        if (JSON.stringify(entry).includes('run holds -- list')) alarms.push(JSON.stringify(entry));
      },
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

  const assets = async () => (await firestore.collection('generatedMedia').count().get()).data().count;
  const jobs = async (status: string) =>
    (await firestore.collection('syncJobs').where('status', '==', status).count().get()).data().count;

  async function command(program: string, ...args: string[]): Promise<string> {
    const bootstrap = join(import.meta.dirname, '..', '..', 'local', 'bootstrap.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [bootstrap, `src/cli/${program}`, ...args], {
      env: { ...process.env, ...stack.variables },
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  }

  it('leaves the assets of at least 200 of 300 projects untouched, renames flow on, and a person decides', async () => {
    await eventually('the relay to tail the stream', () => relayHasPlace(firestore));
    const ids = Array.from({ length: projects }, () => new ObjectId());
    await source.projects.insertMany(ids.map((_id) => ({ _id, name: 'precious', updatedBy: 'owner' })));
    await writeAll(
      firestore,
      ids.flatMap((id) =>
        Array.from({ length: assetsEach }, (_, index): [string, Record<string, unknown>] => [
          `generatedMedia/${id.toHexString()}-${index}`,
          { projectId: id.toHexString(), projectName: 'precious' },
        ]),
      ),
    );
    const survivor = new ObjectId();
    await firestore.doc('generatedMedia/survivor').set({ projectId: survivor.toHexString(), projectName: 'before' });

    await source.projects.deleteMany({});
    await eventually('every deletion to be known', async () => {
      const known = firestore.collection('syncProjects').where('deletedAt', '>', Timestamp.fromMillis(0));
      return (await known.count().get()).data().count === projects;
    });
    await eventually('the work on them to end', async () => (await jobs('held')) + (await jobs('done')) === projects);
    const left = await assets();
    const untouched = (left - 1) / assetsEach;
    assert.ok(untouched >= projects - allowed, `${untouched} projects untouched`);
    assert.equal(await jobs('held'), untouched, 'no project has lost a part of its assets');
    assert.ok(alarms.length >= untouched, `${alarms.length} alarms`);

    await source.projects.insertOne({ _id: survivor, name: 'flows on' });
    await eventually('the other project to be in step', async () => {
      return (await firestore.doc('generatedMedia/survivor').get()).get('projectName') === 'flows on';
    });

    const listed: { projectId: string; assets: number; mongodb: string }[] = JSON.parse(
      await command('holds.ts', 'list', '--json'),
    );
    assert.equal(listed.length, untouched);
    assert.ok(listed.every((held) => held.assets === assetsEach && held.mongodb === 'gone'));
    const [kept, restored, released] = listed.map(({ projectId }) => projectId);
    assert.ok(kept && restored && released);

    assert.match(
      await command('holds.ts', 'discard', '--project', kept, ...decided),
      /3 assets stay; the project is gone in MongoDB/,
    );
    await source.projects.insertOne({ _id: new ObjectId(restored), name: 'restored' });
    await eventually('the restored project to live', async () => {
      return (await firestore.doc(`generatedMedia/${restored}-0`).get()).get('projectName') === 'restored';
    });
    assert.match(await command('holds.ts', 'list'), new RegExp(`^${released} .* 3 .*gone .*held$`, 'm'));
    await command('holds.ts', 'release', '--all', ...decided);
    const wanted = 1 + 2 * assetsEach;
    await eventually('the released deletions to be carried out', async () => (await assets()) === wanted);
    assert.match(await command('holds.ts', 'list'), /^No deletions are held\.$/m);
    assert.match(await command('redrive.ts', '--all', ...decided), /^0 published\.$/m);
    assert.equal(await assets(), wanted);
  });
});

const decided = ['--yes', '--reason', 'a test', '--as', 'olga'];

/** Waits for what other processes do. */
const eventually = (what: string, holds: () => Promise<boolean>) => until(holds, what, 60_000);
