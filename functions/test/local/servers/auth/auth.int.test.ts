// The stand-in of the Auth emulator, with the real Admin SDK and what the web SDK sends.
import assert from 'node:assert/strict';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import { type Auth, getAuth } from 'firebase-admin/auth';
import { z } from 'zod';
import { localPassword } from '../../../../local/servers/auth/accounts.ts';
import { createLocalAuth, type LocalAuth } from '../../../../local/servers/auth/localAuth.ts';
import { type HttpServer, serveHttp } from '../../../../local/servers/httpServer.ts';
import { setVariables } from '../../../support/variables.ts';

const projectId = 'demo-auth';
const signedInSchema = z.looseObject({ idToken: z.string(), refreshToken: z.string(), localId: z.string() });

describe('the stand-in of the Auth emulator', () => {
  let local: LocalAuth;
  let server: HttpServer;
  let auth: Auth;
  let close: () => Promise<void>;

  beforeEach(async () => {
    process.env.METADATA_SERVER_DETECTION ??= 'none';
    local = createLocalAuth(projectId);
    server = await serveHttp(0, local.answer);
    const restore = setVariables({ FIREBASE_AUTH_EMULATOR_HOST: server.host });
    const app = initializeApp({ projectId }, 'auth-test');
    auth = getAuth(app);
    close = async () => {
      restore();
      await deleteApp(app);
      await server.close();
    };
  });

  afterEach(() => close());

  async function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: z.json().parse(await response.json()) };
  }

  const accounts = '/identitytoolkit.googleapis.com/v1/accounts';
  const withPassword = (email: string, password: string) =>
    post(`${accounts}:signInWithPassword?key=local`, { email, password, returnSecureToken: true });
  const withGoogle = (email: string) =>
    post(`${accounts}:signInWithIdp?key=local`, {
      postBody: new URLSearchParams({
        id_token: JSON.stringify({ sub: email, email, email_verified: true }),
        providerId: 'google.com',
      }).toString(),
      requestUri: 'http://localhost',
      returnSecureToken: true,
    });
  async function refresh(refreshToken: string) {
    const response = await fetch(`${server.url}/securetoken.googleapis.com/v1/token?key=local`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    });
    return { status: response.status, body: z.looseObject({}).parse(await response.json()) };
  }

  it('signs in by password and by a provider; the token says who and in which role, and passes the Admin SDK', async () => {
    for (const { status, body } of [
      await withPassword('operator@example.com', localPassword),
      await withGoogle('operator@example.com'),
    ]) {
      assert.equal(status, 200);
      const { idToken, localId } = signedInSchema.parse(body);
      const claims = await auth.verifyIdToken(idToken, true);
      assert.deepEqual(
        [claims.uid, claims.email, claims.email_verified, claims.lockstep],
        [localId, 'operator@example.com', true, 'operator'],
      );
      const looked = await post(`${accounts}:lookup?key=local`, { idToken });
      assert.match(JSON.stringify(looked.body), /"email":"operator@example.com"/);
    }
  });

  it('somebody new has no role; wrong passwords and tokens are refused by the names that the SDKs know', async () => {
    const { idToken } = signedInSchema.parse((await withGoogle('new@example.com')).body);
    assert.equal((await auth.verifyIdToken(idToken)).lockstep, undefined);
    assert.match(JSON.stringify((await withPassword('operator@example.com', 'x')).body), /INVALID_LOGIN_CREDENTIALS/);
    assert.match(JSON.stringify((await post(`${accounts}:lookup`, { idToken: 'x' })).body), /USER_NOT_FOUND/);
    assert.match(
      JSON.stringify((await post(`${accounts}:signInWithIdp`, { postBody: 'id_token=x' })).body),
      /INVALID_IDP/,
    );
  });

  it('a refreshed token shows the role as it is now; none is refreshed after a revocation or a block', async () => {
    const signedIn = signedInSchema.parse((await withGoogle('viewer@example.com')).body);
    await auth.setCustomUserClaims(signedIn.localId, { lockstep: 'operator' });
    const renewed = await refresh(signedIn.refreshToken);
    const claims = await auth.verifyIdToken(String(renewed.body.id_token));
    assert.equal(claims.lockstep, 'operator');
    await auth.updateUser(signedIn.localId, { disabled: true });
    assert.equal((await refresh(signedIn.refreshToken)).status, 400);
    assert.match(JSON.stringify((await withGoogle('viewer@example.com')).body), /USER_DISABLED/);
    await auth.updateUser(signedIn.localId, { disabled: false });
    local.users.change(signedIn.localId, { validSince: Math.floor(Date.now() / 1_000) + 60 });
    assert.equal((await refresh(signedIn.refreshToken)).status, 400);
    await assert.rejects(auth.verifyIdToken(signedIn.idToken, true), /revoked/);
  });

  it('the Admin SDK finds and makes accounts; a client may not, and what is missing is refused by name', async () => {
    assert.equal((await auth.getUserByEmail('viewer@example.com')).customClaims?.lockstep, 'viewer');
    const { uid } = await auth.createUser({ email: 'made@example.com', emailVerified: true });
    assert.equal((await auth.getUser(uid)).email, 'made@example.com');
    assert.equal((await auth.listUsers()).users.length, 4);
    await assert.rejects(auth.getUserByEmail('nobody@example.com'), /no user record/);
    const update = `/identitytoolkit.googleapis.com/v1/projects/${projectId}/accounts:update`;
    const asClient = await post(update, { localId: uid, customAttributes: '{"lockstep":"operator"}' });
    assert.equal(asClient.status, 403);
    const unknown = await post('/identitytoolkit.googleapis.com/v1/accounts:sendOobCode', {});
    assert.deepEqual([unknown.status, JSON.stringify(unknown.body).includes('accounts:sendOobCode')], [501, true]);
  });
});
