import { type Clock, systemClock } from '../../../src/clock.ts';
import { localAccounts, localPassword } from './accounts.ts';
import { createAuthService } from './service.ts';
import { createUsers, type Users } from './users.ts';

/** Stands in for Firebase's Auth emulator. `FIREBASE_AUTH_EMULATOR_HOST` and `connectAuthEmulator` name the server that
 *  passes requests on to it. */
export interface LocalAuth {
  readonly users: Users;
  answer(request: Request): Response | Promise<Response>;
}

/** With one account for each role. */
export function createLocalAuth(projectId: string, clock: Clock = systemClock): LocalAuth {
  const users = createUsers(clock);
  for (const { uid, email, role } of localAccounts) {
    const customAttributes = JSON.stringify(role === null ? {} : { lockstep: role });
    users.add({ uid, email, password: localPassword, emailVerified: true, customAttributes });
  }
  const service = createAuthService(projectId, users, clock);
  return { users, answer: (request) => service.fetch(request) };
}
