// The function that brings alerts to people: what it needs, what it keeps, and what it ignores.
import assert from 'node:assert/strict';
import { encodeAlertMessage, raisedMessage } from '../../src/alerts/alertMessage.ts';
import { alertRef, parseAlert } from '../../src/alerts/alertRecord.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { alertTargetsSecret } from '../../src/config/params.ts';
import { deliverAlertFunction } from '../../src/triggers/deliverAlert.ts';
import { recordDeadLetterFunction } from '../../src/triggers/recordDeadLetter.ts';
import { startWebhookServer } from '../alerts/webhookServer.ts';
import { setVariables } from '../support/variables.ts';
import { type ServicesFixture, startFunctionsTest, startServices } from './services.fixture.ts';

const call = (data: Buffer, messageId = 'm1') => ({
  data: { message: { data: data.toString('base64'), attributes: {}, messageId } },
});

describe('deliverAlert', () => {
  let fixture: ServicesFixture;
  let offline: ReturnType<typeof startFunctionsTest>;
  beforeEach(async () => {
    offline = startFunctionsTest();
    fixture = await startServices();
  });
  afterEach(async () => {
    offline.cleanup();
    await fixture.close();
  });

  const withTeam = () => ({
    ...fixture.services,
    config: { ...fixture.services.config, alerts: { targets: [{ name: 'team', format: 'json' as const }] } },
  });

  it('asks for the secret of addresses only where targets are configured, and for every message until it succeeds', () => {
    const secrets = (services: ServicesFixture['services']) =>
      deliverAlertFunction(services).__endpoint.secretEnvironmentVariables?.map(({ key }) => key);
    assert.deepEqual(secrets(withTeam()), [alertTargetsSecret]);
    assert.equal(secrets(fixture.services), undefined);
    assert.equal(deliverAlertFunction(fixture.services).__endpoint.eventTrigger?.retry, true);
  });

  it('brings the alarm of a dead letter from the function that raised it to a webhook', async () => {
    await offline.wrap(recordDeadLetterFunction(fixture.services))(call(Buffer.from('unreadable')));
    const [published, ...more] = fixture.topic('sync-alerts').messages;
    assert.ok(published && more.length === 0, 'published before the invocation ended');
    const webhooks = await startWebhookServer();
    const restore = setVariables({ [alertTargetsSecret]: JSON.stringify({ team: `${webhooks.url}/team` }) });
    try {
      await offline.wrap(deliverAlertFunction(withTeam()))(call(published.data));
      await offline.wrap(deliverAlertFunction(withTeam()))(call(published.data));
    } finally {
      restore();
      await webhooks.close();
    }
    const key = 'dead-letter:delivery-attempts';
    assert.deepEqual(
      webhooks.calls.map(({ path, body }) => [path, body.key, body.change]),
      [['/team', key, 'opened']],
    );
    const record = parseAlert(key, (await alertRef(fixture.firestore, key).get()).data());
    assert.deepEqual([record.state, record.count], ['open', 1]);
  });

  it('raises what it could not bring to a target, so that it is redelivered', async () => {
    const message = raisedMessage('brake', 'stopped', { brake: 'source-empty' }, { id: 'a1', count: 1, at: 1 });
    const restore = setVariables({ [alertTargetsSecret]: '{}' });
    const delivering = offline.wrap(deliverAlertFunction(withTeam()))(call(encodeAlertMessage(message).data));
    await assert.rejects(delivering.finally(restore), /has nothing for the target "team"/);
  });

  it('ignores what is no alert, and says so', async () => {
    await offline.wrap(deliverAlertFunction(fixture.services))(call(Buffer.from('{"kind":"other"}')));
    assert.match(fixture.log.lines[0]?.message ?? '', /cannot be read/);
    assert.equal((await fixture.firestore.collection('syncAlerts').get()).size, 0);
  });
});

describe('the configuration of alerts', () => {
  const problems = (alerts: NonNullable<Parameters<typeof defineConfig>[0]['alerts']>) => {
    try {
      defineConfig({
        source: { database: 'd', collection: 'c' },
        collections: [{ path: 'media', projectId: 'projectId' }],
        alerts,
      });
      return '';
    } catch (error) {
      return String(error);
    }
  };
  const team = { name: 'team', format: 'slack' as const };

  it('has targets and a second one for what nobody acknowledges', () => {
    assert.equal(problems({}), '');
    assert.equal(problems({ targets: [team] }), '');
    const onCall = { name: 'on-call', format: 'pagerduty' as const };
    assert.equal(problems({ targets: [team, onCall], escalation: { to: 'on-call' } }), '');
  });

  for (const [what, alerts, problem] of [
    ['a target that is there twice', { targets: [team, team] }, 'alerts.targets[1].name: "team" is there twice'],
    [
      'an escalation to nobody',
      { targets: [team], escalation: { to: 'boss' } },
      'alerts.escalation.to: "boss" is not in',
    ],
    ['an escalation to the only target', { targets: [team], escalation: { to: 'team' } }, 'expected a second target'],
    ['a name that is none', { targets: [{ ...team, name: 'A team' }] }, 'alerts.targets[0].name: expected a name'],
  ] as const) {
    it(`refuses ${what}`, () => {
      const input = { ...alerts, targets: [...alerts.targets] };
      assert.ok(problems(input).includes(problem), problems(input));
    });
  }
});
