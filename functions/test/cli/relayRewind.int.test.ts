import assert from 'node:assert/strict';
import { startRelayProcesses } from '../relay/fixtures/relayProcesses.fixture.ts';
import { until } from '../support/until.ts';

/** A process that starts on a busy machine, in ms. */
const startsWithinMs = 30_000;

describe('relay rewind', () => {
  it('is refused beyond the oplog, and says the oldest possible time; within it the relay goes back', async function () {
    this.timeout(90_000);
    const processes = await startRelayProcesses();
    try {
      const relay = processes.start(['--port', '0']);
      const record = processes.firestore.collection('syncRelay').doc('collaboration%2Eprojects');
      await until(
        async () => typeof (await record.get()).get('resumeToken') === 'string',
        'the relay to have a place',
        startsWithinMs,
      );

      const decided = ['--yes', '--as', 'olga', '--reason', 'a look back'];
      const beyond = processes.start(['rewind', '--to', '2020-01-01T00:00:00Z', ...decided]);
      assert.equal(await beyond.exited, 1);
      const [, oldest = ''] = /the oldest possible time is (\S+Z)/.exec(beyond.output()) ?? [];
      assert.ok(Date.parse(oldest) > Date.now() - 60_000, beyond.output());

      const within = processes.start(['rewind', '--to', oldest, ...decided]);
      assert.equal(await within.exited, 0, within.output());
      await until(() => relay.output().includes('the relay has gone back'), 'the relay to go back', startsWithinMs);
      assert.equal((await record.get()).get('rewind'), null);
      const [entry] = (await processes.firestore.collection('syncAudit').get()).docs;
      assert.deepEqual([entry?.get('actor'), entry?.get('action')], ['olga', 'rewind']);
    } finally {
      await processes.killAll();
      await processes.close();
    }
  });
});
