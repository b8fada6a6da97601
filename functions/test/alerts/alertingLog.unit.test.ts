// Alarms are published as alerts, without harm to the work that raises them: nothing fails, nothing waits for long, and
// a flood becomes few messages.
import assert from 'node:assert/strict';
import { createAlertingLog } from '../../src/alerts/alertingLog.ts';
import { decodeAlertMessage } from '../../src/alerts/alertMessage.ts';
import { secondMs } from '../../src/clock.ts';
import { withAlerts } from '../../src/triggers/withAlerts.ts';
import { manualClock } from '../support/clock.ts';
import { recordedLog } from '../support/log.ts';
import { fakeTopic } from '../support/topic.ts';
import { settled } from '../support/until.ts';

function setUp() {
  const topic = fakeTopic();
  const base = recordedLog();
  const clock = manualClock();
  const ids = Array.from({ length: 2_000 }, (_, index) => `id-${index + 1}`);
  const alerting = createAlertingLog({
    log: base,
    clock,
    uniqueId: () => ids.shift() ?? 'none left',
    publisher: async () => topic,
  });
  const published = () =>
    topic.messages.map(({ data }) => {
      const decoded = decodeAlertMessage(data);
      assert.ok(decoded.ok);
      return decoded.message;
    });
  return { topic, base, clock, alerting, published };
}

describe('a log whose alarms are alerts', () => {
  it('writes the line, and publishes what it says', async () => {
    const { base, alerting, published, clock } = setUp();
    alerting.log.alarm('brake', 'reconciliation stopped', { brake: 'source-empty', jobId: 'j1' });
    await alerting.flush();
    assert.deepEqual(base.alarms(), ['brake']);
    assert.deepEqual(published(), [
      {
        kind: 'raised',
        id: 'id-1',
        key: 'brake:source-empty',
        alarm: 'brake',
        message: 'reconciliation stopped',
        fields: { brake: 'source-empty', jobId: 'j1' },
        count: 1,
        at: clock.now(),
      },
    ]);
  });

  it('publishes nothing for other lines', async () => {
    const { alerting, published } = setUp();
    alerting.log.error('an error');
    alerting.log.info('a line');
    await alerting.flush();
    assert.deepEqual(published(), []);
  });

  it('fails for nobody when nothing can be published: the line stands for the alert', async () => {
    const { topic, base, alerting } = setUp();
    topic.fail(new Error('unavailable'));
    alerting.log.alarm('hold', 'a deletion is held');
    await alerting.flush();
    assert.deepEqual(
      base.lines.map(({ level }) => level),
      ['alarm', 'error'],
    );
  });

  it('lets no invocation end before its alerts are published, whether it fails or not', async () => {
    const { topic, alerting } = setUp();
    for (const work of [async () => {}, () => Promise.reject(new Error('failed'))]) {
      topic.hold();
      let isOver = false;
      const invocation = withAlerts({ alerts: alerting }, () => {
        alerting.log.alarm('hold', 'a deletion is held');
        return work();
      }).then(
        () => 'done',
        (error: unknown) => String(error),
      );
      const ended = invocation.finally(() => {
        isOver = true;
      });
      await settled();
      assert.equal(isOver, false);
      topic.release();
      assert.match(await ended, /done|failed/);
    }
    assert.equal(topic.messages.length, 2);
  });

  it('waits a moment only for what is on its way', async () => {
    const { topic, base, clock, alerting } = setUp();
    topic.hold();
    alerting.log.alarm('hold', 'a deletion is held');
    let isOver = false;
    const flushing = alerting.flush().then(() => {
      isOver = true;
    });
    await settled();
    assert.equal(isOver, false);
    clock.advance(2 * secondMs);
    await flushing;
    assert.equal(base.lines.at(-1)?.level, 'warn');
    topic.release();
  });

  it('makes few messages of a flood, and counts what goes together', async () => {
    const { clock, alerting, published } = setUp();
    for (let index = 0; index < 1_000; index += 1) alerting.log.alarm('hold', 'a deletion is held', { index });
    await alerting.flush();
    assert.equal(published().length, 20);
    clock.advance(3 * secondMs);
    alerting.log.alarm('hold', 'a deletion is held');
    await alerting.flush();
    const counts = published().map((message) => (message.kind === 'raised' ? message.count : 0));
    assert.equal(counts.length, 21);
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      1_001,
    );
    clock.advance(3 * secondMs);
    alerting.log.alarm('brake', 'stopped');
    await alerting.flush();
    assert.equal(published().length, 22);
  });
});
