// The commands `control`, `alerts`, `audit` and `roles` as processes, on a local Firestore: what they print, how they
// end, and that whatever they decide is in the audit.
import assert from 'node:assert/strict';
import type { Firestore } from 'firebase-admin/firestore';
import { createLocalAuth } from '../../local/servers/auth/localAuth.ts';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { serveHttp } from '../../local/servers/httpServer.ts';
import { raisedMessage } from '../../src/alerts/alertMessage.ts';
import { alertData, alertRef } from '../../src/alerts/alertRecord.ts';
import { raised } from '../../src/alerts/transitions.ts';
import { auditHeadRef } from '../../src/audit/head.ts';
import { audit } from '../../src/cli/audit.ts';
import { readInvocation } from '../../src/cli/command.ts';
import { control } from '../../src/cli/control.ts';
import { roles } from '../../src/cli/roles.ts';
import { systemClock } from '../../src/clock.ts';
import { auditOf } from '../operations/operations.fixture.ts';
import { connect } from '../sync/worker.fixture.ts';
import { startCommand } from './commandProcess.fixture.ts';

describe('commands of operations, as processes', function () {
  this.timeout(60_000);
  let server: FirestoreServer;
  let firestore: Firestore;
  before(async () => {
    server = await startFirestoreServer();
    firestore = connect(server);
  });
  beforeEach(() => server.clear());
  after(async () => {
    await firestore.terminate();
    await server.close();
  });

  const run = (...args: readonly string[]) => runWith({}, ...args);

  async function runWith(more: Readonly<Record<string, string>>, ...args: readonly string[]) {
    const env = { GCLOUD_PROJECT: 'demo-test', FIRESTORE_EMULATOR_HOST: server.host, ...more };
    const command = startCommand(args, env);
    return { code: await command.ended, out: command.stdout(), err: command.stderr() };
  }

  const decided = ['--yes', '--reason', 'maintenance of MongoDB', '--as', 'olga@example.com'];

  it('control pauses, says what is paused and why, and resumes; each is in the audit', async () => {
    const paused = await run('control', 'pause', 'collection', 'storyboards', ...decided);
    assert.deepEqual([paused.code, paused.out], [0, 'collection:storyboards: paused (audit entry 1)\n'], paused.err);
    const status = await run('control', 'status');
    assert.match(status.out, /^collection:storyboards {2}since .* by olga@example.com: maintenance of MongoDB$/m);
    assert.equal((await run('control', 'pause', 'collection', 'storyboards', ...decided)).code, 3);
    assert.equal((await run('control', 'resume', 'collection', 'storyboards', ...decided)).code, 0);
    assert.match((await run('control', 'status')).out, /Nothing is paused/);
    const entries = await auditOf(firestore);
    assert.deepEqual(
      entries.map(({ action, actor, via }) => [action, actor, via].join(' ')),
      ['pause olga@example.com terminal', 'resume olga@example.com terminal'],
    );
  });

  it('refuses what nobody confirms, gives no reason for, or does not exist, and changes nothing', async () => {
    for (const [args, expected] of [
      [['control', 'pause', 'relay', '--reason', 'x'], /expected --yes/],
      [['control', 'pause', 'relay', '--yes'], /expected --reason/],
      [['control', 'pause', 'everything', ...decided], /input\.what/],
      [['control', 'pause', 'collection', 'nope', ...decided], /"nope" is not in lockstep\.config\.ts/],
      [['control', 'cancel', 'no-such', ...decided], /there is no reconciliation "no-such"/],
    ] as const) {
      const { code, err } = await run(...args);
      assert.notEqual(code, 0);
      assert.match(err, expected);
    }
    assert.deepEqual(await auditOf(firestore), []);
  });

  it('alerts lists, acknowledges and closes', async () => {
    const message = raisedMessage(
      'brake',
      'reconciliation stopped',
      { jobId: 'j' },
      { id: 'm1', count: 1, at: systemClock.now() },
    );
    const alert = raised(undefined, message, 'look at the report');
    await alertRef(firestore, alert.key).set(alertData(alert));
    assert.match(
      (await run('alerts', 'list')).out,
      /open, 1 times since .*reconciliation stopped\. look at the report/,
    );
    assert.equal((await run('alerts', 'acknowledge', alert.key, ...decided)).code, 0);
    assert.equal((await run('alerts', 'acknowledge', alert.key, 'no-such', ...decided)).code, 3);
    assert.equal((await run('alerts', 'close', alert.key, ...decided)).code, 0);
    assert.match((await run('alerts', 'list')).out, /No alerts are open/);
    await alertRef(firestore, alert.key).set(alertData(alert));
    await alertRef(firestore, 'damaged').set({ state: 'open' });
    const listed = await run('alerts', 'list');
    assert.match(listed.out, new RegExp(`^${alert.key} `, 'm'));
    assert.match(listed.err, /syncAlerts\/damaged cannot be read/);
    assert.equal(listed.code, 1);
    assert.deepEqual(
      (await auditOf(firestore)).map(({ action, target }) => `${action} ${target}`),
      [`acknowledge-alerts alert ${alert.key}`, `close-alerts alert ${alert.key}`],
    );
  });

  it('audit verifies, exports, and finds what was changed or cut off', async () => {
    await run('control', 'pause', 'relay', ...decided);
    await run('control', 'resume', 'relay', ...decided);
    const [first, second] = await auditOf(firestore);
    assert.ok(first && second);
    const anchor = `${second.sequence}:${second.hash}`;
    const verified = await run('audit', 'verify', '--anchor', anchor);
    assert.deepEqual(
      [verified.code, verified.out],
      [0, `In order: 2 entries, head ${second.hash}; compared with anchor 2.\n`],
    );
    const exported = await run('audit', 'export');
    assert.deepEqual(
      exported.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [first, second].map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })),
    );
    assert.equal((await run('audit', 'export', '--since', '2099-01-01')).out, '');
    await firestore.doc('syncAudit/000000000002').delete();
    await auditHeadRef(firestore).set({ sequence: 1, hash: first.hash });
    assert.equal((await run('audit', 'verify')).code, 0, 'a cut end is found by an anchor alone');
    const cut = await run('audit', 'verify', '--anchor', anchor);
    assert.equal(cut.code, 3);
    assert.match(cut.out, /^BROKEN behind entry 1: the anchor says 2 entries, there are 1: the end was cut off\.$/m);
    await firestore.doc('syncAudit/000000000001').update({ reason: 'another one' });
    assert.match((await run('audit', 'verify')).out, /^BROKEN behind entry 0: entry 1 was changed/m);
  });

  it('roles grants and revokes a claim in Authentication', async () => {
    const auth = createLocalAuth('demo-test');
    const http = await serveHttp(0, (request) => auth.answer(request));
    const local = { FIREBASE_AUTH_EMULATOR_HOST: http.host };
    const claim = () => auth.users.byEmail('stranger@example.com')?.customAttributes;
    const granted = await runWith(local, 'roles', 'grant', 'stranger@example.com', 'viewer', ...decided);
    assert.deepEqual([granted.code, claim()], [0, '{"lockstep":"viewer"}'], granted.err);
    assert.equal((await runWith(local, 'roles', 'grant', 'nobody@example.com', 'viewer', ...decided)).code, 1);
    assert.equal((await runWith(local, 'roles', 'revoke', 'stranger@example.com', 'viewer', ...decided)).code, 0);
    assert.equal(claim(), '{}');
    assert.equal((await auditOf(firestore)).length, 4);
    await http.close();
  });

  it('read their command lines', () => {
    const env = { GCLOUD_PROJECT: 'demo' };
    for (const [command, line, mistake] of [
      [control, 'pause', /missing required argument 'what'/],
      [control, '', /expected status, pause, resume or cancel/],
      [audit, 'verify --anchor 12', /SEQUENCE:HASH/],
      [audit, 'export --since yesterday-ish', /--since: expected a time/],
      [roles, 'grant olga@example.com', /missing required argument 'role'/],
    ] as const) {
      const read = readInvocation<unknown>(command, line === '' ? [] : line.split(' '), env);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, mistake);
    }
  });
});
