// Attacks: a command that is silent, or cannot be stopped, while a service does not answer. With real processes,
// against a port where nobody listens and a server that accepts and never answers.
import assert from 'node:assert/strict';
import { PubSub } from '@google-cloud/pubsub';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { type PubSubServer, startPubSubServer } from '../../local/servers/pubsub/server.ts';
import { eventTopics } from '../../local/topics.ts';
import { until } from '../support/until.ts';
import {
  type BlackHole,
  type CommandProcess,
  closedPort,
  startBlackHole,
  startCommand,
} from './commandProcess.fixture.ts';

type Service = 'FIRESTORE_EMULATOR_HOST' | 'PUBSUB_EMULATOR_HOST' | 'MONGODB_URI';

describe('commands when a service is unreachable', () => {
  let mongo: MongoServer;
  let firestore: FirestoreServer;
  let pubsub: PubSubServer;
  let blackHole: BlackHole;
  let nobody: string;
  let working: Record<Service, string>;
  let started: CommandProcess[] = [];

  before(async () => {
    [mongo, firestore, pubsub, blackHole, nobody] = await Promise.all([
      startMongoServer(),
      startFirestoreServer(),
      startPubSubServer(),
      startBlackHole(),
      closedPort(),
    ]);
    const client = new PubSub({ projectId: 'demo-cli', apiEndpoint: pubsub.host, emulatorMode: true });
    for (const topic of eventTopics) await client.createTopic(topic);
    await client.close();
    working = {
      MONGODB_URI: mongo.uri,
      FIRESTORE_EMULATOR_HOST: firestore.host,
      PUBSUB_EMULATOR_HOST: pubsub.host,
    };
  });
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    started = [];
    firestore.faults.clear();
  });
  after(() => Promise.all([mongo.close(), firestore.close(), pubsub.close(), blackHole.close()]));

  function start(line: string, env: Partial<Record<Service, string>> = {}): CommandProcess {
    const process = startCommand(line, { ...working, ...env });
    started.push(process);
    return process;
  }

  const unreachable = (service: Service, host: string) => ({
    [service]: service === 'MONGODB_URI' ? `mongodb://${host}/?replicaSet=rs0` : host,
  });

  /** What the client libraries say, which helps nobody. */
  const raw = /UNAVAILABLE|DEADLINE|Resolution note|\bat .*\.[jt]s:\d|emulatorMode|apiEndpoint/;

  const sentences: Record<Service, RegExp> = {
    FIRESTORE_EMULATOR_HOST: /^lockstep \w+: Firestore at \S+ does not answer\. FIRESTORE_EMULATOR_HOST names it.*\.$/,
    PUBSUB_EMULATOR_HOST: /^lockstep \w+: Pub\/Sub at \S+ does not answer\. PUBSUB_EMULATOR_HOST names it.*\.$/,
    MONGODB_URI: /^lockstep \w+: MongoDB at \S+ cannot be reached: .*Check MONGODB_URI.*\.$/,
  };

  const closedPortCases: readonly [string, Service][] = [
    ['relay', 'MONGODB_URI'],
    ['redrive --all --yes --reason test', 'PUBSUB_EMULATOR_HOST'],
    ['holds list', 'FIRESTORE_EMULATOR_HOST'],
    ['reconcile --report', 'FIRESTORE_EMULATOR_HOST'],
  ];
  const silentCases: readonly [string, Service][] = [
    ['relay', 'PUBSUB_EMULATOR_HOST'],
    ['reconcile --clean --yes --reason test', 'MONGODB_URI'],
    ['holds release --all --yes --reason test', 'PUBSUB_EMULATOR_HOST'],
    ['redrive --all --dry-run', 'FIRESTORE_EMULATOR_HOST'],
  ];

  for (const [kind, host, cases] of [
    ['a closed port', () => nobody, closedPortCases],
    ['a server that never answers', () => blackHole.host, silentCases],
  ] as const) {
    it(`says within ten seconds which service does not answer, and which variable names it: ${kind}`, async function () {
      this.timeout(60_000);
      await Promise.all(
        cases.map(async ([line, service]) => {
          const command = start(line, unreachable(service, host()));
          // Two of the ten seconds are over when it says for the first time that it waits; how long the process took to
          // start is the machine's business.
          await until(() => command.output().includes(': waiting for '), `${line} says that it waits`, 30_000);
          const sinceAt = performance.now();
          const code = await command.ended;
          const tookMs = performance.now() - sinceAt;
          const lines = command.output().trim().split('\n');
          const waiting = lines.filter((text) => text.includes(': waiting for '));
          const said = lines.filter((text) => !waiting.includes(text));
          assert.equal(code, 1, `${line}: ${command.output()}`);
          assert.equal(said.length, 1, command.output());
          assert.match(said[0] ?? '', sentences[service]);
          assert.doesNotMatch(command.output(), raw);
          assert.ok(tookMs < 8_000, `${line}: ${tookMs} ms`);
        }),
      );
    });
  }

  it('says what is missing where a service answers and refuses', async function () {
    this.timeout(60_000);
    const command = startCommand('redrive --all --yes --reason test', {
      ...working,
      GCLOUD_PROJECT: 'demo-not-provisioned',
    });
    started.push(command);
    assert.equal(await command.ended, 1);
    assert.match(
      command.output(),
      /^lockstep redrive: Pub\/Sub at \S+ cannot be used: .*project-events.* Check GCLOUD_PROJECT, .* provisioned\.\n$/,
    );
  });

  it('needs only what it uses: a report and a rehearsal no Pub/Sub, holds no MongoDB', async function () {
    this.timeout(60_000);
    const noPubSub = unreachable('PUBSUB_EMULATOR_HOST', nobody);
    const held = start('holds list', unreachable('MONGODB_URI', blackHole.host));
    const rehearsal = start('redrive --all --dry-run', noPubSub);
    const listed = start('holds list --json', noPubSub);
    assert.equal(await rehearsal.ended, 0, rehearsal.output());
    assert.equal(await listed.ended, 0, listed.output());
    assert.equal(await held.ended, 0, held.output());
    assert.match(held.output(), /whether MongoDB has the projects is not known\. .*Check MONGODB_URI/);
    assert.match(held.output(), /No deletions are held\./);
  });

  it('ends within two seconds of SIGINT or SIGTERM while it waits for a service', async function () {
    this.timeout(60_000);
    const noFirestore = unreachable('FIRESTORE_EMULATOR_HOST', blackHole.host);
    const commands = [
      [start('relay', noFirestore), 'SIGTERM'],
      [start('reconcile --clean --yes --reason test', noFirestore), 'SIGINT'],
      [start('holds list', noFirestore), 'SIGINT'],
      [start('redrive --all --yes --reason test', noFirestore), 'SIGTERM'],
    ] as const;
    await Promise.all(
      commands.map(async ([command, signal]) => {
        await until(() => command.output().includes('waiting for Firestore'), 'the command waits', 30_000);
        await assertStops(command, signal, 2_000);
        assert.doesNotMatch(command.output(), raw);
        assert.doesNotMatch(command.output(), /does not answer/);
      }),
    );
  });

  it('says so as well when Firestore stops answering in the middle of the work', async function () {
    this.timeout(60_000);
    firestore.faults.inject('RunQuery', { latencyMs: 60_000 }, 100);
    firestore.faults.inject('RunAggregationQuery', { latencyMs: 60_000 }, 100);
    await Promise.all(
      ['holds list', 'redrive --all --yes --reason test'].map(async (line) => {
        const command = start(line, { MONGODB_URI: '' });
        await until(() => command.output().includes(': waiting for Firestore'), `${line} says that it waits`, 30_000);
        const sinceAt = performance.now();
        assert.equal(await command.ended, 1);
        assert.ok(performance.now() - sinceAt < 8_000, line);
        assert.match(command.output().trim().split('\n').at(-1) ?? '', sentences.FIRESTORE_EMULATOR_HOST);
        assert.doesNotMatch(command.output(), raw);
      }),
    );
  });

  it('ends within two seconds when a service stops answering in the middle of the work', async function () {
    this.timeout(60_000);
    const command = start('reconcile --report');
    firestore.faults.inject('Commit', { latencyMs: 60_000 }, 100);
    await until(() => firestore.faults.pending() < 100, 'the command works', 30_000);
    await assertStops(command, 'SIGTERM', 2_000);
    assert.match(command.output(), /stopping; a second signal ends it at once/);
  });

  async function assertStops(
    { child, ended }: CommandProcess,
    signal: 'SIGINT' | 'SIGTERM',
    withinMs: number,
  ): Promise<void> {
    const sentAt = performance.now();
    child.kill(signal);
    const code = await ended;
    const tookMs = performance.now() - sentAt;
    assert.equal(code, signal === 'SIGINT' ? 130 : 143);
    assert.ok(tookMs < withinMs, `${tookMs} ms`);
  }
});
