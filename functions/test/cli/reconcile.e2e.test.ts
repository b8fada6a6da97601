import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { type PubSubServer, startPubSubServer } from '../../local/servers/pubsub/server.ts';
import { eventTopics } from '../../local/topics.ts';
import { exitCodes } from '../../src/cli/reconcile.ts';
import { controlRef } from '../../src/control/control.ts';
import config from '../../src/lockstep.config.ts';
import { createPubSub } from '../../src/publisher.ts';
import { startWorld, type World } from '../reconcile/world.ts';
import { until } from '../support/until.ts';
import { type CommandProcess, startCommand } from './commandProcess.fixture.ts';

const decided = ['--yes', '--reason', 'repair', '--as', 'olga'];

/** The command, as a process of its own, against the servers of this one. */
describe('npm run reconcile, as a process', () => {
  let world: World;
  let pubsubServer: PubSubServer;
  before(async () => {
    pubsubServer = await startPubSubServer();
    const pubsub = createPubSub('lockstep-test', pubsubServer.host);
    for (const topic of eventTopics) await pubsub.createTopic(topic);
    await pubsub.close();
    world = await startWorld({
      source: { ...config.source, fields: [...config.source.fields], ids: [...config.source.ids] },
      collections: config.collections.map(({ name, kind, projectId, copies }) => ({
        ...(kind === 'group' ? { group: name } : { path: name }),
        projectId,
        copies: { ...copies },
      })),
    });
  });
  after(() => Promise.all([world.close(), pubsubServer.close()]));

  let started: CommandProcess | undefined;
  afterEach(async () => {
    started?.child.kill('SIGKILL');
    await started?.ended;
  });

  function start(args: readonly string[], pubsubHost = pubsubServer.host): CommandProcess {
    started = startCommand(['reconcile', ...args].join(' '), {
      MONGODB_URI: world.productUri,
      GCLOUD_PROJECT: 'lockstep-test',
      FIRESTORE_EMULATOR_HOST: world.client.server.host,
      PUBSUB_EMULATOR_HOST: pubsubHost,
    });
    return started;
  }

  async function reconcile(args: readonly string[], pubsubHost?: string) {
    const command = start(args, pubsubHost);
    return { code: await command.ended, out: command.stdout(), err: command.stderr() };
  }

  it('reports, repairs, brakes, and says so by its exit code', async () => {
    const ids = await world.addProjects(Array.from({ length: 30 }, () => 'name'));
    await world.addAssets(
      'storyboards',
      ids.map((projectId) => ({ projectId, projectName: 'name' })),
    );
    const inStep = await reconcile(['--report'], '127.0.0.1:9');
    assert.equal(inStep.code, exitCodes.inStep, inStep.err);
    assert.match(inStep.out, /No findings/);

    await world.addAssets('storyboards', [{ projectId: new ObjectId().toHexString(), projectName: 'gone' }]);
    const found = await reconcile(['--report', '--grace', '0', '--json']);
    assert.equal(found.code, exitCodes.findings, found.err);
    assert.equal(JSON.parse(found.out).findings['unknown-id'], 1);

    const repaired = await reconcile(['--clean', '--grace', '0', ...decided]);
    assert.equal(repaired.code, exitCodes.inStep, repaired.err + repaired.out);
    assert.match(repaired.out, /1 projects repaired \(1 assets/);
    const [entry] = (await world.firestore.collection('syncAudit').get()).docs;
    assert.deepEqual(
      [entry?.get('actor'), entry?.get('action'), entry?.get('reason')],
      ['olga', 'reconcile', 'repair'],
    );
    const undecided = await reconcile(['--clean', '--grace', '0', '--yes']);
    assert.equal(undecided.code, exitCodes.usage);
    assert.match(undecided.err, /expected --reason TEXT/);
    assert.equal(await world.countOf('storyboards'), 30);

    await world.source.projects.deleteMany({});
    const braked = await reconcile(['--clean', '--grace', '0', ...decided]);
    assert.equal(braked.code, exitCodes.braked, braked.err);
    assert.match(braked.out, /BRAKE source-empty/);
    assert.match(braked.out, /No asset was scanned/);
    assert.doesNotMatch(braked.out, /No findings|in step|Checksums/);
    assert.match(braked.err, /ALARM .*alarm=brake/);
    assert.equal(await world.countOf('storyboards'), 30);
  });

  it('keeps its progress when it is interrupted, and goes on from there', async function () {
    this.timeout(60_000);
    await world.firestore.recursiveDelete(world.firestore.collection('storyboards'));
    const ids = await world.addProjects(Array.from({ length: 200 }, () => 'name'));
    await world.addAssets(
      'storyboards',
      ids.map((projectId) => ({ projectId, projectName: 'name' })),
    );
    const command = start(['--report', '--grace', '0', '--reads-per-second', '20']);
    const running = world.firestore.collection('syncJobs').where('status', '==', 'running');
    await until(async () => !(await running.get()).empty, 'it scans', 30_000);
    command.child.kill('SIGINT');
    assert.equal(await command.ended, exitCodes.unfinished, command.output());
    assert.match(command.output(), /interrupted: the progress is kept/);
    assert.match(command.stdout(), /No asset was scanned|No findings in the part that was scanned/);
    const rest = await reconcile(['--report', '--grace', '0']);
    assert.equal(rest.code, exitCodes.inStep, rest.err);
    assert.match(rest.out, /No findings: the assets are in step/);
  });

  it('does not call repaired what a pause has put off', async () => {
    const orphan = new ObjectId().toHexString();
    await world.addRecords([orphan], 'live');
    await world.addAssets('storyboards', [{ projectId: orphan, projectName: 'gone' }]);
    const assets = await world.countOf('storyboards');
    const pause = { what: 'deletions', by: 'operator', reason: 'incident 42', since: 0 };
    await controlRef(world.firestore).set({ paused: [pause] });
    const paused = await reconcile(['--clean', '--grace', '0', ...decided]);
    assert.match(paused.out, /1 put off by a pause/);
    assert.equal(await world.countOf('storyboards'), assets);
    assert.equal(paused.code, exitCodes.findings, paused.err + paused.out);
    await controlRef(world.firestore).delete();
    const repaired = await reconcile(['--clean', '--grace', '0', ...decided]);
    assert.equal(repaired.code, exitCodes.inStep, repaired.err + repaired.out);
    assert.equal(await world.countOf('storyboards'), assets - 1);
  });

  it('refuses what it does not understand', async () => {
    assert.equal((await reconcile(['--report', '--collection', 'nowhere'])).code, exitCodes.usage);
  });
});
