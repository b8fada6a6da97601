import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import { type Auth, getAuth } from 'firebase-admin/auth';
import type { Firestore } from 'firebase-admin/firestore';
import { unsignedIdToken } from '../../local/servers/auth/idToken.ts';
import { createLocalAuth } from '../../local/servers/auth/localAuth.ts';
import type { User, Users } from '../../local/servers/auth/users.ts';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { serveHttp } from '../../local/servers/httpServer.ts';
import { createApi } from '../../src/api/api.ts';
import { createFirebaseIdentity } from '../../src/api/identity/firebaseIdentity.ts';
import type { Identity } from '../../src/api/identity/session.ts';
import { createViews } from '../../src/api/readers/createViews.ts';
import { routes } from '../../src/api/routes.ts';
import { dayMs } from '../../src/clock.ts';
import deployed from '../../src/lockstep.config.ts';
import { type SteppedClock, steppedClock } from '../support/clock.ts';
import { type RecordedLog, recordedLog } from '../support/log.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';
import { setVariables } from '../support/variables.ts';
import { connect } from '../sync/worker.fixture.ts';

// The client libraries would look for a metadata server of the cloud.
process.env.METADATA_SERVER_DETECTION ??= 'none';

export const projectId = 'demo-test';

/** The API over a local Firestore that knows the deployed indexes only, with accounts in the stand-in of the Auth
 *  emulator and the real Admin SDK. */
export interface ApiFixture {
  readonly server: FirestoreServer;
  readonly firestore: Firestore;
  readonly clock: SteppedClock;
  readonly log: RecordedLog;
  readonly events: FakeTopic;
  readonly requests: FakeTopic;
  readonly users: Users;
  readonly auth: Auth;
  /** A new instance of the API, which remembers nothing. */
  instance(identity?: Identity): (request: Request) => Promise<Response>;
  /** A token of a local account; `changed` replaces parts of what it says. */
  token(uid: string, changed?: Partial<User>, expiresInSeconds?: number, audience?: string): string;
  close(): Promise<void>;
}

/** Bursts of tests are not what the limit is for. */
const noLimit = { burst: Number.MAX_SAFE_INTEGER, perSecond: Number.MAX_SAFE_INTEGER };

export async function startApi(): Promise<ApiFixture> {
  const server = await startFirestoreServer({
    indexes: join(import.meta.dirname, '..', '..', '..', 'firestore.indexes.json'),
  });
  const firestore = connect(server);
  const local = createLocalAuth(projectId);
  const authServer = await serveHttp(0, local.answer);
  const restore = setVariables({ FIREBASE_AUTH_EMULATOR_HOST: authServer.host });
  const app = initializeApp({ projectId }, `api-${randomUUID()}`);
  const auth = getAuth(app);
  const clock = steppedClock();
  const log = recordedLog();
  const events = fakeTopic();
  const requests = fakeTopic();
  const env = { FIREBASE_AUTH_EMULATOR_HOST: authServer.host };
  return {
    server,
    firestore,
    clock,
    log,
    events,
    requests,
    users: local.users,
    auth,
    instance: (identity = createFirebaseIdentity(async () => auth, env)) =>
      createApi({
        routes,
        views: createViews({ firestore, config: deployed, clock, mode: () => 'live' }),
        operations: async () => ({
          firestore,
          config: deployed,
          clock,
          log,
          uniqueId: randomUUID,
          publisherTo: async (topic) => ({ events, reconciliationRequests: requests })[topic],
          retentionMs: 90 * dayMs,
        }),
        identity,
        clock,
        log,
        rateLimits: noLimit,
      }),
    token(uid, changed = {}, expiresInSeconds = 3_600, audience = projectId) {
      const user = local.users.byUid(uid);
      if (user === undefined) throw new Error(`there is no local account ${uid}`);
      const now = Math.floor(Date.now() / 1_000);
      return unsignedIdToken(
        audience,
        { ...user, ...changed },
        { authTime: now, issuedAt: now - 10, expiresAt: now + expiresInSeconds },
      );
    },
    async close() {
      restore();
      await deleteApp(app);
      await authServer.close();
      await firestore.terminate();
      await server.close();
    },
  };
}

/** A request of a caller; a body makes it a POST. */
export function requestTo(
  path: string,
  token?: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Request {
  return new Request(`http://localhost${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

/** The address of a route with some id in place of its parameters. */
export function addressOf({ path }: { readonly path: string }): string {
  const queries: Readonly<Record<string, string>> = {
    '/api/measures': '?range=hour',
    '/api/projects/{id}/in-step': '?atLeast=1:1&timeoutMs=0',
  };
  return `${path.replaceAll(/\{\w+\}/g, 'some-id')}${queries[path] ?? ''}`;
}
