// Alerts reach people: once for each change, also when a webhook fails, a message is redelivered or deliveries overlap;
// and somebody else hears of what nobody takes on.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { type AlertMessage, raisedMessage } from '../../src/alerts/alertMessage.ts';
import { type AlertRecord, alertData, alertRef, parseAlert } from '../../src/alerts/alertRecord.ts';
import { AlertNotDeliveredError, deliverAlert } from '../../src/alerts/deliver.ts';
import { acknowledged, closed } from '../../src/alerts/transitions.ts';
import { readAddresses } from '../../src/alerts/webhooks/addresses.ts';
import { minuteMs } from '../../src/clock.ts';
import type { AlertsConfig } from '../../src/config/alertsConfig.ts';
import { connectFirestore } from '../relay/fixtures/doubles.ts';
import { type SteppedClock, steppedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { until } from '../support/until.ts';
import { startWebhookServer, type WebhookServer } from './webhookServer.ts';

const config: AlertsConfig = {
  targets: [
    { name: 'team', format: 'slack' },
    { name: 'audit', format: 'json' },
    { name: 'on-call', format: 'pagerduty' },
  ],
  escalation: { to: 'on-call', afterMinutes: 15 },
};
const routingKey = 'R0UT1NG-KEY';

describe('delivery of alerts', () => {
  let server: FirestoreServer;
  let firestore: Firestore;
  let webhooks: WebhookServer;
  let clock: SteppedClock;
  let log: RecordedLog;
  const key = 'dead-letter:attempts';

  before(async () => {
    server = await startFirestoreServer();
  });
  beforeEach(async () => {
    firestore = connectFirestore(server, `demo-${randomUUID()}`);
    webhooks = await startWebhookServer();
    clock = steppedClock();
    log = recordedLog();
  });
  afterEach(async () => {
    await webhooks.close();
    await firestore.terminate();
  });
  after(() => server.close());

  const secret = () =>
    JSON.stringify({
      team: `${webhooks.url}/services/T0/S3CR3T`,
      audit: `${webhooks.url}/audit`,
      'on-call': { routingKey, url: `${webhooks.url}/pager` },
    });
  const raise = (id = 'a1') =>
    raisedMessage(
      'dead-letter',
      'an event <b>could not</b> be applied',
      { reason: 'attempts', projectId: 'p1' },
      {
        id,
        count: 1,
        at: clock.now(),
      },
    );
  const deliver = (message: AlertMessage, by: string = randomUUID(), targets = config) =>
    deliverAlert(
      {
        firestore,
        clock,
        random: () => 0.5,
        log,
        config: targets,
        addresses: () => readAddresses(secret(), targets.targets),
        source: 'acme-films',
      },
      message,
      by,
      new AbortController().signal,
    );
  const record = async () => parseAlert(key, (await alertRef(firestore, key).get()).data());
  const change = async (to: (known: AlertRecord) => AlertRecord) =>
    alertRef(firestore, key).set(alertData(to(await record())));
  /** Who was called, in order of names. */
  const called = () =>
    webhooks.calls.map(({ path, body }) => `${path} ${body.event_action ?? body.change ?? ''}`.trim()).sort();

  it('tells every target but that of the escalation, each in its form', async () => {
    await deliver(raise());
    assert.deepEqual(called(), ['/audit opened', '/services/T0/S3CR3T']);
    const [json] = webhooks.calls.filter(({ path }) => path === '/audit');
    assert.deepEqual(
      [json?.body.key, json?.body.severity, json?.body.count, json?.body.source],
      [key, 'ERROR', 1, 'acme-films'],
    );
    const [slack] = webhooks.calls.filter(({ path }) => path !== '/audit');
    assert.match(String(slack?.body.text), /dead-letter:attempts.*\nan event &lt;b&gt;could not&lt;\/b&gt; be applied/);
    assert.deepEqual(
      (await record()).sent.map(({ target, change: what }) => [target, what]),
      [
        ['team', 'opened'],
        ['audit', 'opened'],
      ],
    );
  });

  it('tries a target again that fails, and sends to nobody twice', async () => {
    webhooks.answers.push(500, 503);
    await deliver(raise());
    assert.equal(webhooks.calls.length, 4);
    await deliver(raise(), 'redelivered');
    await deliver(raise('another'), 'new');
    assert.equal(webhooks.calls.length, 4);
    assert.equal((await record()).count, 2);
  });

  it('raises what no try brought to a target; its redelivery sends only to that one', async () => {
    const team: AlertsConfig = { targets: config.targets.filter(({ name }) => name !== 'on-call') };
    webhooks.answers.push(403, 404);
    await assert.rejects(deliver(raise(), 'm1', team), AlertNotDeliveredError);
    assert.equal(webhooks.calls.length, 2, 'a refusal is not tried again at once');
    webhooks.answers.push(200, 410);
    await assert.rejects(deliver(raise(), 'm1', team), AlertNotDeliveredError);
    await deliver(raise(), 'm1', team);
    assert.equal(webhooks.calls.length, 5);
    assert.deepEqual((await record()).sent.map(({ target }) => target).sort(), ['audit', 'team']);
    assert.equal((await record()).count, 1);
  });

  it('follows no redirect', async () => {
    webhooks.answers.push(302, 307);
    await assert.rejects(deliver(raise()), /status 30[27]/);
    assert.deepEqual(
      webhooks.calls.filter(({ path }) => path === '/elsewhere'),
      [],
    );
  });

  it('sends once where deliveries overlap: one sends, the others leave it their news', async () => {
    webhooks.hold();
    const first = deliver(raise(), 'm1');
    await until(() => webhooks.calls.length === 2);
    await deliver(raise('a2'), 'm2');
    await assert.rejects(
      deliver(raise(), 'm1'),
      /an earlier delivery/,
      'a redelivery stands for the first, should that die',
    );
    await change((known) => acknowledged(known, 'eva', clock.now()));
    await deliver({ kind: 'look', key }, 'm3');
    webhooks.release();
    await first;
    assert.deepEqual(called(), ['/audit acknowledged', '/audit opened', '/services/T0/S3CR3T', '/services/T0/S3CR3T']);
    assert.deepEqual([(await record()).count, (await record()).sending], [2, null]);
  });

  it('that stalled until another one took over records nothing, and leaves that one its lease', async () => {
    webhooks.hold();
    const stalled = deliver(raise(), 'm1');
    await until(() => webhooks.calls.length === 2);
    const sending = { by: 'm2', until: clock.now() + minuteMs };
    await change((known) => ({ ...known, sending }));
    webhooks.release();
    await stalled;
    const { sent, sending: holder } = await record();
    assert.deepEqual([sent, holder], [[], sending]);
  });

  it('goes on after a delivery that died, once its lease has run out', async () => {
    await deliver(raise(), 'm0', { targets: [] });
    await change((known) => ({ ...known, sending: { by: 'dead', until: clock.now() + minuteMs } }));
    await deliver(raise(), 'other');
    assert.deepEqual(called(), []);
    await assert.rejects(deliver(raise(), 'dead'), /under way/);
    clock.advance(minuteMs);
    await deliver(raise(), 'dead');
    assert.equal(webhooks.calls.length, 2);
  });

  it('escalates to the second target what nobody acknowledged in time, once', async () => {
    await deliver(raise());
    const { lookAt, firstAt } = await record();
    assert.equal(lookAt, firstAt + 15 * minuteMs);
    await deliver({ kind: 'look', key });
    assert.equal(webhooks.calls.length, 2, 'not before its time');
    clock.advance(15 * minuteMs);
    await deliver({ kind: 'look', key });
    await deliver({ kind: 'look', key });
    assert.deepEqual(
      called().filter((call) => call.startsWith('/pager')),
      ['/pager trigger'],
    );
    const pager = webhooks.calls.find(({ path }) => path === '/pager')?.body;
    assert.equal(pager?.routing_key, routingKey);
    assert.equal(pager?.dedup_key, `lockstep/acme-films/${key}`);
    const after = await record();
    assert.ok(after.escalatedAt !== null && after.lookAt === null);
    await change((known) => closed(known, 'eva', clock.now()));
    await deliver({ kind: 'look', key });
    assert.deepEqual(
      called().filter((call) => call.startsWith('/pager')),
      ['/pager resolve', '/pager trigger'],
    );
  });

  it('leaves an escalation that is refused to its message, and looks again in an hour should that end', async () => {
    await deliver(raise());
    let looks = 0;
    for (let minute = 1; minute <= 120; minute += 1) {
      clock.advance(minuteMs);
      if (((await record()).lookAt ?? Infinity) > clock.now()) continue;
      looks += 1;
      webhooks.answers.push(404);
      await assert.rejects(deliver({ kind: 'look', key }), AlertNotDeliveredError);
    }
    assert.equal(looks, 2);
  });

  it('does not escalate what was acknowledged before, or was closed', async () => {
    await deliver(raise());
    await change((known) => acknowledged(known, 'eva', clock.now()));
    clock.advance(20 * minuteMs);
    await deliver({ kind: 'look', key });
    await deliver({ kind: 'ended', key, at: clock.now() });
    clock.advance(20 * minuteMs);
    await deliver({ kind: 'look', key });
    assert.deepEqual(
      called().filter((call) => call.startsWith('/pager')),
      [],
    );
    const { state, closedBy, lookAt } = await record();
    assert.deepEqual([state, closedBy, lookAt], ['closed', 'lockstep', null]);
    assert.ok(called().includes('/audit acknowledged') && called().includes('/audit closed'));
  });

  it('tells of an alert that happens again after it was closed', async () => {
    await deliver(raise());
    await deliver({ kind: 'ended', key, at: clock.now() });
    clock.advance(minuteMs);
    await deliver(raise('a2'));
    assert.equal(called().filter((call) => call === '/audit opened').length, 2);
    assert.equal(new Set(webhooks.calls.map(({ path, key: idempotency }) => path + idempotency)).size, 6);
  });

  it('is not opened by an alarm that its end has overtaken, and nobody hears of it', async () => {
    const alarm = raise();
    clock.advance(minuteMs);
    const end = { kind: 'ended', key, at: clock.now() } as const;
    await deliver(end);
    for (const message of [alarm, alarm, end]) await deliver(message);
    const { state, alarm: name, lookAt, expireAt } = await record();
    assert.deepEqual([state, name, lookAt, webhooks.calls.length], ['closed', 'dead-letter', null, 0]);
    assert.ok(expireAt !== null);
    clock.advance(minuteMs);
    await deliver(raise('a2'));
    assert.deepEqual([(await record()).state, (await record()).count], ['open', 1]);
    assert.ok(called().includes('/audit opened'));
  });

  it('keeps alerts where no target is configured, and calls nobody', async () => {
    await deliver(raise(), 'm1', { targets: [] });
    assert.deepEqual([(await record()).state, webhooks.calls.length], ['open', 0]);
  });

  it('replaces a record that cannot be read, and says so', async () => {
    await alertRef(firestore, key).set({ state: 'damaged' });
    await deliver(raise());
    assert.equal((await record()).count, 1);
    assert.ok(log.lines.some(({ level, message }) => level === 'error' && /could not be read/.test(message)));
  });

  it('says no address and no key in its log, its errors and its records', async () => {
    webhooks.answers.push(500, 500, 500, 500, 500, 500, 500, 500);
    const failed = await deliver(raise()).then(
      () => '',
      (error: unknown) => String(error),
    );
    await webhooks.close();
    clock.advance(20 * minuteMs);
    const unreachable = await deliver(raise()).then(
      () => '',
      (error: unknown) => String(error),
    );
    assert.match(failed, /status 500/);
    assert.match(unreachable, /ECONNREFUSED/);
    const said = JSON.stringify([failed, unreachable, log.lines, await record()]);
    assert.doesNotMatch(said, /S3CR3T|R0UT1NG|127\.0\.0\.1/);
    webhooks = await startWebhookServer();
  });
});
