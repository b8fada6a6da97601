// Who may do what, over every route of the table: attacks "each role sees and does exactly its part".
import assert from 'node:assert/strict';
import { createFirebaseIdentity } from '../../src/api/identity/firebaseIdentity.ts';
import type { Route } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';
import { problemView } from '../../src/api/views/common.ts';
import { type ApiFixture, addressOf, requestTo, startApi } from './api.fixture.ts';

/** What a caller meets: nobody in the way, or a refusal. */
type Gate = 'open' | 401 | 403;

interface Caller {
  readonly name: string;
  /** Undefined: without a token. */
  readonly token: (fixture: ApiFixture) => string | undefined;
  readonly expected: (route: Route) => Gate;
  /** What the refusal says to do. */
  readonly says: RegExp;
}

const unless = (open: (route: Route) => boolean, refusal: 401 | 403) => (route: Route) =>
  route.role === null || open(route) ? 'open' : refusal;
const never = () => false;

const callers: readonly Caller[] = [
  { name: 'no token', token: () => undefined, expected: unless(never, 401), says: /Send a Firebase ID token/ },
  { name: 'no token but text', token: () => 'xyz', expected: unless(never, 401), says: /not one of this project/ },
  {
    name: 'a viewer',
    token: ({ token }) => token('local-viewer'),
    expected: unless(({ role }) => role === 'viewer', 403),
    says: /takes the role operator/,
  },
  { name: 'an operator', token: ({ token }) => token('local-operator'), expected: () => 'open', says: /./ },
  {
    name: 'somebody without the claim',
    token: ({ token }) => token('local-stranger'),
    expected: unless(never, 403),
    says: /An operator grants one with: npm/,
  },
  {
    name: 'somebody with a role that there is not',
    token: ({ token }) => token('local-stranger', { customAttributes: '{"lockstep":"admin"}' }),
    expected: unless(never, 403),
    says: /has no role/,
  },
  {
    name: 'an operator whose token has expired',
    token: ({ token }) => token('local-operator', {}, -5),
    expected: unless(never, 401),
    says: /expired: get a new one/,
  },
  {
    name: 'an operator of another project',
    token: ({ token }) => token('local-operator', {}, 3_600, 'other-project'),
    expected: unless(never, 401),
    says: /not one of this project/,
  },
];

describe('roles, over all routes', () => {
  let fixture: ApiFixture;

  before(async () => {
    fixture = await startApi();
  });

  after(() => fixture.close());

  async function gateOf(route: Route, token: string | undefined, api = fixture.instance()) {
    const body = route.method === 'POST' ? {} : undefined;
    const response = await api(requestTo(addressOf(route), token, body));
    const text = await response.text();
    const gate: Gate = response.status === 401 || response.status === 403 ? response.status : 'open';
    return { gate, status: response.status, headers: response.headers, text };
  }

  for (const { name, token, expected, says } of callers) {
    it(name, async () => {
      const api = fixture.instance();
      const before = fixture.server.meter.snapshot();
      for (const route of routes) {
        const { gate, status, headers, text } = await gateOf(route, token(fixture), api);
        assert.equal(gate, expected(route), `${route.method} ${route.path}: ${text}`);
        if (gate === 'open') {
          // Past the gate, an empty body is refused by name and an unknown id is not there.
          const allowed = route.method === 'POST' ? [400] : route.path.includes('{') ? [200, 404] : [200];
          assert.ok(allowed.includes(status), `${route.method} ${route.path}: ${status} ${text}`);
        } else {
          assert.match(problemView.parse(JSON.parse(text)).detail, says);
          assert.equal(headers.has('www-authenticate'), gate === 401);
        }
      }
      const { writes, deletes } = fixture.server.meter.diff(before);
      assert.deepEqual({ writes, deletes }, { writes: 0, deletes: 0 });
    });
  }

  const changing = () => routes.filter(({ changes }) => changes);
  const revoked: readonly {
    readonly name: string;
    readonly change: (uid: string) => Promise<unknown>;
    readonly says: RegExp;
  }[] = [
    {
      name: 'revoked the sign-ins',
      // The token below was made before.
      change: async (uid) => fixture.users.change(uid, { validSince: Math.floor(Date.now() / 1_000) + 60 }),
      says: /revoked: sign in again/,
    },
    {
      name: 'disabled the account',
      change: (uid) => fixture.auth.updateUser(uid, { disabled: true }),
      says: /disabled/,
    },
    {
      name: 'took the role away',
      change: (uid) => fixture.auth.setCustomUserClaims(uid, {}),
      says: /role has changed/,
    },
    {
      name: 'lowered the role',
      change: (uid) => fixture.auth.setCustomUserClaims(uid, { lockstep: 'viewer' }),
      says: /role has changed/,
    },
  ];

  for (const { name, change, says } of revoked) {
    it(`whoever ${name} since changes nothing more, with a token that is still valid`, async () => {
      const customAttributes = '{"lockstep":"operator"}';
      const { uid } = fixture.users.add({ email: `${name}@example.com`, emailVerified: true, customAttributes });
      const token = fixture.token(uid);
      const [first] = changing();
      assert.ok(first);
      assert.equal((await gateOf(first, token)).gate, 'open');
      await change(uid);
      for (const route of changing()) {
        const { gate, text } = await gateOf(route, token);
        assert.equal(gate, 401, route.path);
        assert.match(text, says);
      }
    });
  }

  it('unsigned tokens count nowhere where functions are deployed, whatever the variables say', async () => {
    const emulator = fixture.token('local-operator');
    const [head = '', payload = ''] = emulator.split('.');
    const asSigned = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'x', typ: 'JWT' })).toString('base64url');
    const tokens = [emulator, `${head}.${payload}.c2ln`, `${asSigned}.${payload}.c2ln`];
    const host = process.env.FIREBASE_AUTH_EMULATOR_HOST;
    const environments = [
      { K_SERVICE: 'operations' },
      { K_SERVICE: 'operations', FIREBASE_AUTH_EMULATOR_HOST: host },
      { K_SERVICE: 'operations', FIREBASE_AUTH_EMULATOR_HOST: 'auth.example.com:9099', FUNCTIONS_EMULATOR: 'true' },
      { FIREBASE_AUTH_EMULATOR_HOST: 'auth.example.com:9099' },
    ];
    for (const env of environments) {
      // Without the variable the SDK would ask Google for keys; nothing here may get so far.
      const identity = createFirebaseIdentity(async () => {
        if (env.FIREBASE_AUTH_EMULATOR_HOST === undefined) {
          throw Object.assign(new Error('not decided without the SDK'), { code: 'auth/argument-error' });
        }
        throw new Error('the SDK was asked');
      }, env);
      for (const token of tokens) {
        const verdict = await identity.verify(token, { forChange: false }).catch((error: unknown) => error);
        assert.ok(typeof verdict === 'object' && verdict !== null);
        const refusedOrAskedGoogle =
          ('kind' in verdict && verdict.kind === 'not-signed-in') ||
          (token.startsWith(asSigned) && !env.FIREBASE_AUTH_EMULATOR_HOST && verdict instanceof Error);
        assert.ok(refusedOrAskedGoogle, `${JSON.stringify(env)}: ${JSON.stringify(verdict)}`);
      }
    }
  });

  it('on a developer’s machine, and in Firebase’s emulators, they count', async () => {
    const host = process.env.FIREBASE_AUTH_EMULATOR_HOST;
    for (const env of [
      { FIREBASE_AUTH_EMULATOR_HOST: host },
      { FIREBASE_AUTH_EMULATOR_HOST: host, K_SERVICE: 'operations', FUNCTIONS_EMULATOR: 'true' },
    ]) {
      const identity = createFirebaseIdentity(async () => fixture.auth, env);
      const verdict = await identity.verify(fixture.token('local-viewer'), { forChange: true });
      assert.deepEqual(verdict, {
        kind: 'session',
        session: { actor: 'viewer@example.com', role: 'viewer', uid: 'local-viewer' },
      });
    }
  });

  it('an address that nobody has confirmed names nobody', async () => {
    const customAttributes = '{"lockstep":"viewer"}';
    const { uid } = fixture.users.add({ email: 'boss@example.com', emailVerified: false, customAttributes });
    const response = await fixture.instance()(requestTo('/api/session', fixture.token(uid)));
    assert.deepEqual(await response.json(), { actor: `uid:${uid}`, role: 'viewer' });
  });

  it('keys that cannot be fetched are not the caller’s fault', async () => {
    const failing = createFirebaseIdentity(
      async () => ({
        getUser: (uid) => fixture.auth.getUser(uid),
        verifyIdToken() {
          const error = new Error('Error fetching public keys for Google certs: no network');
          return Promise.reject(Object.assign(error, { code: 'auth/argument-error' }));
        },
      }),
      { FIREBASE_AUTH_EMULATOR_HOST: process.env.FIREBASE_AUTH_EMULATOR_HOST },
    );
    const response = await fixture.instance(failing)(requestTo('/api/now', fixture.token('local-viewer')));
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '5']);
  });
});
