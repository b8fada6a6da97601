// The command `archive` as a process, on a local Firestore and Pub/Sub: what it prints, how it ends, and that what it
// asks for is in the audit. What the function does with its requests is done here.
import assert from 'node:assert/strict';
import { type PubSubServer, startPubSubServer } from '../../../local/servers/pubsub/server.ts';
import { createTopics } from '../../../local/topics.ts';
import { parseArchiveJob } from '../../../src/archive/jobs/archiveJob.ts';
import { purge } from '../../../src/archive/purge.ts';
import { restore } from '../../../src/archive/restore/restore.ts';
import { archive as command } from '../../../src/cli/archive/archive.ts';
import { readInvocation } from '../../../src/cli/command.ts';
import { archive } from '../../archive/archived.ts';
import { auditOf } from '../../operations/operations.fixture.ts';
import { transactAs } from '../../support/transact.ts';
import { until } from '../../support/until.ts';
import { event, type SyncFixture, startSyncFixture } from '../../sync/worker.fixture.ts';
import { startCommand } from '../commandProcess.fixture.ts';

process.env.METADATA_SERVER_DETECTION ??= 'none';

const decided = ['--yes', '--reason', 'deleted by mistake', '--as', 'olga@example.com'];

describe('npm run archive', function () {
  this.timeout(60_000);
  let fixture: SyncFixture;
  let pubsub: PubSubServer;

  before(async () => {
    pubsub = await startPubSubServer();
    await createTopics(pubsub.host, 'demo-test');
  });
  after(() => pubsub.close());
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  function start(...args: readonly string[]) {
    return startCommand(['archive/archive', ...args], {
      GCLOUD_PROJECT: 'demo-test',
      FIRESTORE_EMULATOR_HOST: fixture.server.host,
      PUBSUB_EMULATOR_HOST: pubsub.host,
    });
  }

  async function run(...args: readonly string[]) {
    const started = start(...args);
    return { code: await started.ended, out: started.stdout(), err: started.stderr() };
  }

  /** The command, and the function that does what it asks for. */
  async function runAndDo(...args: readonly string[]) {
    const running = run(...args);
    const jobs = fixture.firestore.collection('syncJobs').where('status', '==', 'pending');
    await until(async () => !(await jobs.get()).empty, 'a job is asked for', 30_000);
    const [document] = (await jobs.get()).docs;
    assert.ok(document);
    const job = parseArchiveJob(document.id, document.data());
    const { firestore, clock, log, events, dependencies } = fixture;
    const budget = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
    const shared = { firestore, clock, log, cold: null };
    if (job.type === 'purge')
      await purge({ ...shared, transact: transactAs('olga@example.com', fixture) }, job, budget);
    else await restore({ ...shared, events, config: dependencies.config, truth: dependencies.truth }, job, budget);
    return running;
  }

  async function archived(): Promise<void> {
    const { firestore, alive, deliver } = fixture;
    const documents = { 'storyboards/s1/panels/a': { x: 1 }, 'storyboards/s1': { projectId: 'p1' } };
    await archive(firestore, { collection: 'storyboards', documents });
    await archive(firestore, {
      collection: 'scenes',
      documents: { 'films/f/scenes/m1': { meta: { projectId: 'p1' } } },
    });
    alive.set('p1', { name: 'New' });
    await deliver(event('ProjectCreated', 'p1', { name: 'New' }));
  }

  it('lists and shows what is archived, for people and machines', async () => {
    const none = await run('list');
    assert.deepEqual([none.code, none.out], [3, 'Nothing is archived.\n'], none.err);
    await archived();
    const listed = await run('list');
    assert.equal(listed.code, 0, listed.err);
    assert.match(listed.out, /^p1: 3 documents in 2 pages, \d+ bytes, kept until 2026-12-21T00:00:00\.000Z\n$/);
    const [project] = JSON.parse((await run('list', '--json')).out);
    assert.deepEqual([project.projectId, project.documents, project.cold], ['p1', 3, 0]);
    const shown = await run('show', '--project', 'p1');
    assert.match(
      shown.out,
      /storyboards: 2 documents, storyboards\/s1\/panels\/a … storyboards\/s1, archived 2026-11-21/,
    );
    assert.match(shown.out, /scenes: films\/f\/scenes\/m1, archived/);
    const pages = JSON.parse((await run('show', '--project', 'p1', '--json')).out);
    assert.deepEqual(pages.flatMap(({ documents }: { documents: string[] }) => documents).sort(), [
      'films/f/scenes/m1',
      'storyboards/s1',
      'storyboards/s1/panels/a',
    ]);
    assert.equal((await run('show', '--project', 'p2')).code, 3);
  });

  it('restores, lists what is in the way, and says so with its exit code', async () => {
    await archived();
    await fixture.firestore.doc('films/f/scenes/m1').set({ mine: true });
    const dry = await runAndDo('restore', '--project', 'p1', '--dry-run', ...decided);
    assert.equal(dry.code, 5, dry.err);
    assert.match(
      dry.out,
      /^2 documents would be restored, nothing was changed; 1 stay in the archive\nfilms\/f\/scenes\/m1: exists/,
    );
    const restored = await runAndDo('restore', '--project', 'p1', ...decided);
    assert.equal(restored.code, 5, restored.err);
    assert.match(restored.out, /^2 documents restored; 1 stay in the archive\n/);
    await fixture.firestore.doc('films/f/scenes/m1').delete();
    const rest = await runAndDo('restore', '--project', 'p1', '--collection', 'scenes', '--json', ...decided);
    assert.equal(rest.code, 0, rest.err);
    assert.deepEqual([JSON.parse(rest.out).processed, JSON.parse(rest.out).conflicts], [1, 0]);
    const entries = await auditOf(fixture.firestore);
    assert.deepEqual(
      entries.map(({ action, target, actor }) => [action, target, actor].join(' ')),
      Array.from({ length: 3 }, () => 'restore project p1 olga@example.com'),
    );
  });

  it('purges with a certificate', async () => {
    await archived();
    const purged = await runAndDo('purge', '--project', 'p1', ...decided);
    assert.equal(purged.code, 0, purged.err);
    assert.match(
      purged.out,
      /^3 documents purged: 2 pages of \d+ bytes, 0 objects of cold storage\nchecksum of the paths: [0-9a-f]{64}\n$/,
    );
    assert.equal((await run('list')).code, 3);
    const [asked, certified] = await auditOf(fixture.firestore);
    assert.deepEqual([asked?.action, asked?.result], ['purge', 'asked for']);
    assert.match(JSON.stringify(certified?.after), /"documents":3/);
  });

  it('ends when it is interrupted, and the work does not', async () => {
    await archived();
    const started = start('restore', '--project', 'p1', ...decided);
    await until(() => /restore-\S+: pending/.test(started.stderr()), 'the command follows its job', 30_000);
    started.child.kill('SIGINT');
    await started.ended;
    assert.match(started.stderr(), /the work goes on as job restore-/);
    const [job] = (await fixture.firestore.collection('syncJobs').where('type', '==', 'restore').get()).docs;
    assert.equal(job?.get('status'), 'pending');
  });

  it('refuses what cannot be, and changes nothing', async () => {
    await archived();
    for (const [args, code, expected] of [
      [['restore', '--project', 'p9', ...decided], 1, /project p9 is not known: create it in MongoDB first/],
      [['restore', '--project', 'p1', '--to', 'p9', ...decided], 1, /project p9 is not known/],
      [['restore', '--project', 'p1', '--collection', 'nope', ...decided], 1, /"nope" is not in lockstep\.config\.ts/],
      [['restore', '--project', 'p1', '--yes'], 2, /expected --reason/],
      [['purge', '--project', 'p1', '--reason', 'x'], 2, /expected --yes/],
      [['purge'], 2, /required option '--project <id>'/],
    ] as const) {
      const { code: ended, err } = await run(...args);
      assert.match(err, expected);
      assert.equal(ended, code, args.join(' '));
    }
    assert.equal((await fixture.firestore.collection('syncJobs').where('type', '==', 'restore').get()).size, 0);
  });

  it('helps', () => {
    const help = readInvocation(command, ['--help'], {});
    assert.match(
      help.kind === 'help' ? help.text : help.kind,
      /list .*show .*restore .*purge .*Exit code: .*5 not all/s,
    );
    const mistake = readInvocation(command, [], {});
    assert.match(mistake.kind === 'mistake' ? mistake.message : '', /expected list, show, restore or purge/);
  });
});
