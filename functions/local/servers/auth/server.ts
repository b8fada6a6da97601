import { type Clock, systemClock } from '../../../src/clock.ts';
import { type HttpServer, serveHttp } from '../httpServer.ts';
import { localAccounts } from './accounts.ts';
import { createAuthService } from './service.ts';
import { createUsers, type Users } from './users.ts';

export interface AuthServer extends HttpServer {
  readonly users: Users;
}

/** Stands in for Firebase's Auth emulator, with one account for each role. `FIREBASE_AUTH_EMULATOR_HOST` and
 *  `connectAuthEmulator` point to it. */
export async function startAuthServer({
  port = 0,
  projectId,
  clock = systemClock,
}: {
  readonly port?: number;
  readonly projectId: string;
  readonly clock?: Clock;
}): Promise<AuthServer> {
  const users = createUsers(clock);
  for (const { uid, email, password, role } of localAccounts) {
    const customAttributes = JSON.stringify(role === null ? {} : { lockstep: role });
    users.add({ uid, email, password, emailVerified: true, customAttributes });
  }
  const service = createAuthService(projectId, users, clock);
  return { ...(await serveHttp(port, (request) => service.fetch(request))), users };
}
