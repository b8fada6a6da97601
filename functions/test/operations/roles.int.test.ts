// Granting and revoking roles, with the real Admin SDK on the local stand-in of Firebase Authentication: attacks I12
// where the effect cannot be part of the transaction.
import assert from 'node:assert/strict';
import { type App, deleteApp, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { createLocalAuth, type LocalAuth } from '../../local/servers/auth/localAuth.ts';
import { type HttpServer, serveHttp } from '../../local/servers/httpServer.ts';
import { createClaims } from '../../src/cli/roles.ts';
import { type Claims, roleOperations } from '../../src/operations/roles.ts';
import { type Call, runOperation } from '../../src/operations/runOperation.ts';
import { setVariables } from '../support/variables.ts';
import { auditOf, type OperationsFixture, operator, startOperationsFixture, viewer } from './operations.fixture.ts';

describe('operations: roles', () => {
  let fixture: OperationsFixture;
  let auth: LocalAuth;
  let server: HttpServer;
  let app: App;
  let claims: Claims;
  let close: () => Promise<void>;
  beforeEach(async () => {
    fixture = await startOperationsFixture();
    auth = createLocalAuth('demo-test');
    server = await serveHttp(0, (request) => auth.answer(request));
    const restore = setVariables({ FIREBASE_AUTH_EMULATOR_HOST: server.host });
    app = initializeApp({ projectId: 'demo-test' }, 'roles');
    claims = createClaims(getAuth(app));
    close = async () => {
      await deleteApp(app);
      restore();
      await server.close();
      await fixture.close();
    };
  });
  afterEach(() => close());

  const email = 'stranger@example.com';
  const run = (kind: 'grant' | 'revoke', role: string, call: Partial<Call> = {}, by: Claims = claims) =>
    runOperation(fixture.services, roleOperations(by)[kind], {
      actor: operator,
      reason: 'joins the team',
      input: { email, role },
      ...call,
    });
  const roleNow = async () => (await claims.find(email))?.role;
  const trail = async () =>
    (await auditOf(fixture.firestore)).map(
      ({ action, after, result }) => `${action} ${JSON.stringify(after)} ${result}`,
    );

  it('grants and revokes, each with an entry of the intent and one of its end, and nothing twice', async () => {
    assert.equal((await run('grant', 'viewer')).kind, 'done');
    assert.equal(await roleNow(), 'viewer');
    await run('grant', 'viewer');
    await run('revoke', 'operator');
    assert.equal(await roleNow(), 'viewer', 'another role is not taken away');
    await run('revoke', 'viewer');
    assert.equal(await roleNow(), null);
    assert.deepEqual(await trail(), [
      'grant-role {"role":"viewer"} asked for',
      'grant-role {"role":"viewer"} granted',
      'revoke-role {"role":null} asked for',
      'revoke-role {"role":null} revoked',
    ]);
  });

  it('grants nothing to an account that has not verified its address, for it may be of somebody else', async () => {
    const unverified: Claims = { ...claims, find: async () => ({ uid: 'x', role: null, isVerified: false }) };
    const refused = await run('grant', 'operator', {}, unverified);
    assert.equal(refused.kind, 'refused');
    assert.match(refused.detail, /has not verified that address/);
    assert.deepEqual(await trail(), []);
  });

  it('that dies before the claim is set leaves the intent, and the same call finishes it', async () => {
    const dying: Claims = { ...claims, set: () => Promise.reject(new Error('killed')) };
    await assert.rejects(run('grant', 'operator', {}, dying), /killed/);
    assert.equal(await roleNow(), null);
    await run('grant', 'operator');
    assert.equal(await roleNow(), 'operator');
    const wanted = '{"role":"operator"}';
    assert.deepEqual(await trail(), [
      `grant-role ${wanted} asked for`,
      `grant-role ${wanted} asked for`,
      `grant-role ${wanted} granted`,
    ]);
  });

  it('that dies after the claim is set, and before it has ended the sessions, is finished by the same call', async () => {
    for (const [kind, role, done, before] of [
      ['grant', 'operator', 'granted', null],
      ['revoke', 'operator', 'revoked', 'operator'],
    ] as const) {
      const dying: Claims = {
        ...claims,
        async set(uid, to) {
          await getAuth(app).setCustomUserClaims(uid, to === null ? {} : { lockstep: to });
          throw new Error('killed');
        },
      };
      await assert.rejects(run(kind, role, {}, dying), /killed/);
      let ended = 0;
      const counting: Claims = {
        ...claims,
        set(uid, to) {
          ended += 1;
          return claims.set(uid, to);
        },
      };
      for (let again = 0; again < 2; again += 1) await run(kind, role, {}, counting);
      const last = (await auditOf(fixture.firestore)).at(-1);
      assert.deepEqual([last?.action, last?.before, last?.result], [`${kind}-role`, { role: before }, done]);
      assert.equal(ended, 1);
    }
    assert.equal((await trail()).length, 4);
  });

  it('refuses who may not, who is not there, and a role that there is not', async () => {
    for (const [call, expected] of [
      [{ actor: viewer }, /forbidden/],
      [{ input: { email: 'nobody@example.com', role: 'viewer' } }, /nobody has signed in as .*input\.email/],
      [{ input: { email, role: 'admin' } }, /input\.role/],
      [{ input: { email: 'no address', role: 'viewer' } }, /input\.email/],
    ] as const) {
      assert.match(JSON.stringify(await run('grant', 'viewer', call)), expected);
    }
    assert.equal(await roleNow(), null);
    assert.deepEqual(await trail(), []);
  });
});
