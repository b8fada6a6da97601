import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { startMongoServer } from '../../local/servers/mongodb/server.ts';
import config from '../../src/lockstep.config.ts';
import { parseRelayRecord, relayRecordRef } from '../../src/relay/relayRecord.ts';
import { eventOf } from '../relay/fixtures/relay.fixture.ts';
import { type RelayProcesses, startRelayProcesses } from '../relay/fixtures/relayProcesses.fixture.ts';
import { until } from '../support/until.ts';

// I6, I7: the process says in a sentence what is wrong, and ends with everything saved.
describe('relay as a process', () => {
  let processes: RelayProcesses;
  before(async () => {
    processes = await startRelayProcesses();
  });
  afterEach(() => processes.killAll());
  after(() => processes.close());

  it('says in one sentence what keeps it from working', async function () {
    // The driver looks for an unreachable server for eight seconds.
    this.timeout(60_000);
    const standalone = await startMongoServer({ replicaSet: null });
    try {
      for (const [env, code, expected] of [
        [{ ...processes.surroundings, MONGODB_URI: '' }, 2, /MONGODB_URI is not set/],
        [{ ...processes.surroundings, PORT: '99999' }, 2, /PORT: .* from 0 to 65535/],
        [
          { ...processes.surroundings, MONGODB_URI: 'mongodb://127.0.0.1:1' },
          1,
          /cannot be reached.*Check MONGODB_URI/,
        ],
        [{ ...processes.surroundings, MONGODB_URI: standalone.uri }, 1, /is a standalone server/],
      ] as const) {
        const relay = processes.start([], { ...env, NODE_OPTIONS: '' });
        assert.equal(await relay.exited, code);
        assert.match(relay.output(), expected);
        const lines = relay.output().trim().split('\n');
        const said = lines.filter((line) => !line.endsWith('waiting for MongoDB of MONGODB_URI'));
        assert.equal(said.length, 1, relay.output());
      }
    } finally {
      await standalone.close();
    }
  });

  it('publishes, says how it is, and on SIGTERM gives everything back', async () => {
    const relay = processes.start(['--port', '0']);
    const { health } = relay;
    await until(async () => (await health()).body.phase === 'reading');
    const _id = new ObjectId();
    await processes.projects.insertOne({ _id, name: 'A' });
    const received: Buffer[] = [];
    const subscription = processes.pubsub.subscription('project-events-test');
    subscription.on('message', (message) => {
      received.push(message.data);
      message.ack();
    });
    await until(() => received.length === 1);
    const [first] = received;
    assert.ok(first);
    assert.equal(eventOf(first).projectId, String(_id));
    await until(async () => (await health()).body.published === 1);
    const { code, body } = await health();
    assert.equal(code, 200);
    assert.equal(body.lease?.fencing, 1);
    relay.child.kill('SIGTERM');
    assert.equal(await relay.exited, 0);
    await subscription.close();
    const ref = relayRecordRef(processes.firestore, config.source);
    const record = parseRelayRecord(ref.path, (await ref.get()).data());
    assert.equal(record.lease.holder, null);
    assert.notEqual(record.checkpoint.last, null);
    assert.match(relay.output(), /the run of the relay ended kind=stopped published=1/);
  });

  it('follows all shards, or the one that it is told, and leaves none to nobody', async () => {
    const env = { ...processes.surroundings, RELAY_SHARDS: '2' };
    const all = processes.start(['--port', '0'], env);
    await until(() => all.output().split('the relay has the lease').length === 3);
    assert.match(all.output(), /shard=2 shards=2/);
    const ids = (await processes.firestore.collection('syncRelay').get()).docs.map(({ id }) => id);
    assert.deepEqual(ids.sort(), ['collaboration%2Eprojects', 'collaboration%2Eprojects$2']);
    assert.equal((await all.health()).code, 200);
    const second = processes.start(['--shard', '2'], env);
    await until(() => second.output().includes('another relay holds the lease; standing by'));
    all.child.kill('SIGTERM');
    assert.equal(await all.exited, 0);
    await until(() => second.output().includes('the relay has the lease'));
    second.child.kill('SIGTERM');
    assert.equal(await second.exited, 0);
    assert.doesNotMatch(second.output(), /shard=1 /);
  });

  it('ends at once on a second signal', async () => {
    const relay = processes.start();
    await until(() => relay.output().includes('the relay has the lease'));
    // Nothing that it has to save gets an answer: only the second signal ends it before its own patience does.
    processes.firestoreServer.faults.inject('Commit', { latencyMs: 60_000 }, 5);
    relay.child.kill('SIGINT');
    await until(() => relay.output().includes('stopping'));
    const again = setInterval(() => relay.child.kill('SIGINT'), 100);
    assert.equal(await relay.exited, 130);
    clearInterval(again);
    processes.firestoreServer.faults.clear();
    // Neither did it finish, nor did it run out of patience by itself.
    assert.doesNotMatch(relay.output(), /the run of the relay ended|without saving/);
  });
});
