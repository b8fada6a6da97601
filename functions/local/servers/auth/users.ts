import { randomBytes } from 'node:crypto';
import { type Clock, secondMs } from '../../../src/clock.ts';

/** An account as the Admin SDK and the web SDK see it. */
export interface User {
  readonly uid: string;
  readonly email: string;
  /** Empty: nobody signs in with one. */
  readonly password: string;
  readonly emailVerified: boolean;
  readonly disabled: boolean;
  /** Custom claims, as JSON. */
  readonly customAttributes: string;
  /** Sign-ins before this time count no more, in s since 1970. */
  readonly validSince: number;
  /** In ms since 1970. */
  readonly createdAt: number;
}

/** One sign-in, as long as its refresh token is used. */
export interface SignIn {
  readonly uid: string;
  /** In s since 1970. */
  readonly authTime: number;
}

/** The accounts of one project, in memory. */
export interface Users {
  add(user: Pick<User, 'email'> & Partial<User>): User;
  byUid(uid: string): User | undefined;
  byEmail(email: string): User | undefined;
  all(): readonly User[];
  change(uid: string, changes: Partial<User>): User | undefined;
  /** A refresh token for a sign-in that happens now. */
  signIn(uid: string): { readonly refreshToken: string; readonly signIn: SignIn };
  /** The sign-in of a refresh token, unless it was revoked. */
  refreshed(refreshToken: string): SignIn | undefined;
}

export function createUsers(clock: Clock): Users {
  const users = new Map<string, User>();
  const signIns = new Map<string, SignIn>();
  const seconds = () => Math.floor(clock.now() / secondMs);
  return {
    add(user) {
      const added: User = {
        uid: randomBytes(14).toString('hex'),
        password: '',
        emailVerified: false,
        disabled: false,
        customAttributes: '{}',
        validSince: seconds(),
        createdAt: clock.now(),
        ...user,
      };
      users.set(added.uid, added);
      return added;
    },
    byUid: (uid) => users.get(uid),
    byEmail: (email) => [...users.values()].find((user) => user.email === email.toLowerCase()),
    all: () => [...users.values()],
    change(uid, changes) {
      const user = users.get(uid);
      if (user === undefined) return undefined;
      const changed = { ...user, ...changes };
      users.set(uid, changed);
      return changed;
    },
    signIn(uid) {
      const refreshToken = randomBytes(24).toString('base64url');
      const signIn = { uid, authTime: seconds() };
      signIns.set(refreshToken, signIn);
      return { refreshToken, signIn };
    },
    refreshed(refreshToken) {
      const signIn = signIns.get(refreshToken);
      const user = users.get(signIn?.uid ?? '');
      if (signIn === undefined || user === undefined) return undefined;
      if (user.disabled || signIn.authTime < user.validSince) return undefined;
      return signIn;
    },
  };
}
