import assert from 'node:assert/strict';
import { startRelayProcesses } from '../relay/fixtures/relayProcesses.fixture.ts';
import { until } from '../support/until.ts';

// I8, as a person meets it at a terminal: another MongoDB stops the relay, and there is one clear way on.
describe('relay --adopt', () => {
  it('makes a relay that another MongoDB stopped go on', async function () {
    this.timeout(60_000);
    const processes = await startRelayProcesses();
    try {
      const first = processes.start(['--port', '0']);
      const record = processes.firestore.collection('syncRelay').doc('collaboration%2Eprojects');
      await until(async () => typeof (await record.get()).get('source.uuid') === 'string');
      first.child.kill('SIGTERM');
      assert.equal(await first.exited, 0);
      await record.update({ 'source.uuid': '00000000-0000-4000-8000-000000000000' });

      const stopped = processes.start();
      assert.equal(await stopped.exited, 1);
      assert.match(stopped.output(), /MongoDB is another one .*npm run relay -- --adopt/s);

      const adopting = processes.start(['--adopt']);
      assert.equal(await adopting.exited, 0, adopting.output());
      assert.match(adopting.output(), /adopted: the next run of the relay starts from now/);

      const next = processes.start(['--port', '0']);
      await until(async () => (await next.health()).body.phase === 'reading');
      await until(() => next.output().includes('reason=source-adopted'));
    } finally {
      await processes.killAll();
      await processes.close();
    }
  });
});
