// The processes around the emulators: attacks "nothing is left behind", with a stand-in for the CLI.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startCli } from '../../../local/emulators/cliProcess.ts';
import { createStage, readFirebaseJson, type Stage } from '../../../local/emulators/stage.ts';
import { freePorts } from '../../../local/freePorts.ts';
import { createTopics } from '../../../local/topics.ts';
import { createPubSub } from '../../../src/publisher.ts';

const functionsDir = join(import.meta.dirname, '..', '..', '..');
const options = { firebaseJson: readFirebaseJson(), params: { A: '1' }, takesParamsOfCheckout: false };

describe('the processes around the emulators', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-processes-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function startStandIn(code: string) {
    const program = join(folder, 'cli.mjs');
    writeFileSync(program, code);
    const lines: string[] = [];
    const cli = startCli({
      cli: { directory: folder, program },
      projectId: 'demo-x',
      only: ['functions', 'pubsub'],
      cwd: folder,
      env: { PATH: process.env.PATH ?? '' },
      onLine: (line) => lines.push(line),
      orphansMs: 500,
    });
    return { cli, lines };
  }

  it('the CLI is told to stop once, and may take its time', async () => {
    const { cli, lines } = startStandIn(`
      let signals = 0;
      process.on('SIGINT', () => { signals += 1; setTimeout(() => { console.log('signals: ' + signals); process.exit(0); }, 300); });
      console.log(process.argv.slice(2).join(' '));
      console.log('\\x1b[1mAll emulators ready!\\x1b[22m It is now safe');
      setInterval(() => {}, 1000);
    `);
    await cli.ready;
    assert.deepEqual(await cli.stop(), { killed: false });
    assert.equal(await cli.exited, 0);
    assert.equal(lines[0], 'emulators:start --only functions,pubsub --project demo-x --non-interactive');
    assert.equal(lines.at(-1), 'signals: 1');
  });

  it('a process that outlives the CLI is killed, and that is told', async () => {
    const { cli } = startStandIn(`
      import { spawn } from 'node:child_process';
      const deaf = "process.on('SIGTERM', () => {}); process.send('up'); process.disconnect(); setInterval(() => {}, 1000)";
      const child = spawn(process.execPath, ['-e', deaf], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      child.once('message', () => console.log('All emulators ready!'));
      process.on('SIGINT', () => { child.kill('SIGTERM'); process.exit(0); });
      setInterval(() => {}, 1000);
    `);
    await cli.ready;
    assert.deepEqual(await cli.stop(), { killed: true });
    assert.deepEqual(await cli.stop(), { killed: false });
  });

  describe('our Pub/Sub in place of the one that the CLI downloads', () => {
    let stage: Stage;

    beforeEach(() => {
      stage = createStage({ ...options, mongodbUri: 'mongodb://m' });
      // The CLI does it, too.
      chmodSync(stage.pubsubProgram, 0o755);
    });
    afterEach(() => stage.remove());

    async function startPubSub() {
      const [port] = await freePorts(1);
      const server = spawn(stage.pubsubProgram, ['--host=127.0.0.1', `--port=${port}`], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const exited = new Promise<number | null>((resolve) => server.once('exit', resolve));
      await new Promise<void>((resolve) => server.stdout.once('data', () => resolve()));
      return { port, server, exited };
    }

    it('listens where it is told to, and ends on SIGINT', async () => {
      const { port, server, exited } = await startPubSub();
      process.env.METADATA_SERVER_DETECTION ??= 'none';
      await createTopics(`127.0.0.1:${port}`, 'demo-x');
      const client = createPubSub('demo-x', `127.0.0.1:${port}`);
      const [topics] = await client.getTopics();
      await client.close();
      assert.equal(topics.length, 6);
      server.kill('SIGINT');
      assert.equal(await exited, 0);
      await assert.rejects(fetch(`http://127.0.0.1:${port}`), 'nothing listens any more');
    });

    it('ends with the process that started it, however that one ended', async () => {
      const { server, exited } = await startPubSub();
      server.stdin.end();
      assert.equal(await exited, 0);
    });
  });

  it('a stage is gone when it is removed, and the checkout is as it was', () => {
    const before = readdirSync(functionsDir).sort();
    const stage = createStage({ ...options, mongodbUri: 'mongodb://m/?a=b' });
    writeFileSync(join(stage.functions, '.env.local'), 'WRITTEN_BY_THE_CLI=1\n');
    assert.equal(readFileSync(join(stage.functions, '.secret.local'), 'utf8'), 'MONGODB_URI="mongodb://m/?a=b"\n');
    assert.ok(existsSync(join(stage.functions, 'node_modules', 'firebase-functions')));
    stage.remove();
    assert.ok(!existsSync(stage.directory));
    assert.deepEqual(readdirSync(functionsDir).sort(), before);
    assert.ok(
      existsSync(join(functionsDir, 'node_modules', 'firebase-functions')),
      'what the stage links to must stay',
    );
  });

  it('without a registry the smoke test says so and fails', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'npx'), '#!/bin/sh\necho "npm error code ENOTFOUND" >&2\nexit 1\n', { mode: 0o755 });
    const smoke = spawn(process.execPath, [join(functionsDir, 'local', 'emulators', 'smoke.ts')], {
      cwd: functionsDir,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<number | null>((resolve) => smoke.once('exit', resolve));
    const [said, complained] = await Promise.all([text(smoke.stdout), text(smoke.stderr)]);
    assert.equal(await exited, 1);
    assert.match(said, /firebase-tools \d+\.\d+\.\d+, through npx/);
    assert.match(complained, /cannot be fetched from the npm registry .*ENOTFOUND/s);
  });
});
