import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readInvocation } from '../../src/cli/command.ts';
import { exitCodes, verify } from '../../src/cli/verify.ts';
import { whatIf } from '../../src/cli/whatIf.ts';
import config from '../../src/lockstep.config.ts';
import { startWorld, type World } from '../reconcile/world.ts';
import { startCommand } from './commandProcess.fixture.ts';

/** The commands, as processes of their own, against the servers of this one. */
describe('npm run verify and what-if, as processes', () => {
  let world: World;
  let folder: string;
  let ids: string[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockstep-'));
    world = await startWorld({
      source: { ...config.source, fields: [...config.source.fields], ids: [...config.source.ids] },
      collections: config.collections.map(({ name, kind, projectId, copies }) => ({
        ...(kind === 'group' ? { group: name } : { path: name }),
        projectId,
        copies: { ...copies },
      })),
    });
    ids = await world.addProjects(Array.from({ length: 10 }, () => 'name'));
    await world.addRecords(ids, 'live');
    await world.addAssets(
      'storyboards',
      ids.map((projectId) => ({ projectId, projectName: 'name' })),
    );
  });
  after(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  async function run(line: string, change: Record<string, string> = {}) {
    const command = startCommand(line, {
      MONGODB_URI: world.productUri,
      GCLOUD_PROJECT: 'lockstep-test',
      FIRESTORE_EMULATOR_HOST: world.client.server.host,
      ...change,
    });
    return { code: await command.ended, out: command.stdout(), err: command.stderr() };
  }

  it('is a gate: 0 in step, 1 for drift with its report as files, 3 when it could not look', async function () {
    this.timeout(90_000);
    const inStep = await run('verify --samples 3');
    assert.equal(inStep.code, exitCodes.inStep, inStep.err);
    assert.match(
      inStep.out,
      /: In step: nothing differs\.\n.*storyboards +10 +100\.0 % +equal\n.*projects read whole: 3/s,
    );

    const { docs } = await world.firestore.collection('storyboards').where('projectId', '==', ids[4]).get();
    await docs[0]?.ref.update({ projectName: 'another' });
    const file = (name: string) => join(folder, name);
    const drift = await run(
      `verify --samples 10 --settle 0 --as ann --json ${file('r.json')} --csv ${file('r.csv')} --html ${file('r.html')}`,
    );
    assert.equal(drift.code, exitCodes.drift, drift.err);
    assert.match(drift.out, /Not in step: 2 findings.*storyboards +10 +90\.0 % +different\n.*1 stale-copy/s);
    const json = JSON.parse(await readFile(file('r.json'), 'utf8'));
    assert.deepEqual(json.findings, { 'stale-copy': 1, 'sample-differs': 1 });
    assert.deepEqual([json.type, json.initiator], ['verification', 'ann']);
    assert.match(await readFile(file('r.csv'), 'utf8'), /^finding,stale-copy,count,1\r$/m);
    assert.match(await readFile(file('r.html'), 'utf8'), /Not in step: 2 findings\./);
    assert.equal((await docs[0]?.ref.get())?.get('projectName'), 'another');

    const down = await run('verify', { MONGODB_URI: 'mongodb://127.0.0.1:9/?replicaSet=rs0' });
    assert.equal(down.code, exitCodes.couldNotLook, down.err);
    assert.match(down.err, /MongoDB at .*cannot be reached/);
    const wrong = await run('verify --collection nowhere');
    assert.equal(wrong.code, exitCodes.usage, wrong.err);
    assert.match(wrong.err, /"nowhere" is not in lockstep\.config\.ts/);
  });

  it('says what a deletion would touch and cost, and writes nothing', async () => {
    const before = world.client.server.meter.snapshot();
    const { code, out, err } = await run(`whatIf --project ${ids[0]} --project ${ids[1]} --change delete`);
    assert.equal(code, 0, err);
    assert.match(out, /2 projects, if they were deleted:\n {2}assets in storyboards: 2\n.*at list price: \$0\.\d+/s);
    assert.match(out, /reads of this estimate: \d+\n$/);
    const { writes, deletes } = world.client.server.meter.diff(before);
    assert.deepEqual({ writes, deletes }, { writes: 0, deletes: 0 });
  });
});

describe('command lines of verify and what-if', () => {
  const env = { GCLOUD_PROJECT: 'demo', MONGODB_URI: 'mongodb://h' };
  for (const [command, line, mistake] of [
    [verify, 'verify --samples -1', /--samples.*from 0 to 1000/],
    [verify, 'verify --clean', /unknown option '--clean'/],
    [whatIf, 'what-if --change delete', /--project/],
    [whatIf, 'what-if --project a', /--change/],
    [whatIf, 'what-if --project a --change move', /--change.*delete, rename/],
  ] as const) {
    it(`refuses "${line}" and says what is wrong`, () => {
      const args = line.split(' ').slice(1);
      const read = command === verify ? readInvocation(verify, args, env) : readInvocation(whatIf, args, env);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, mistake);
    });
  }
});
