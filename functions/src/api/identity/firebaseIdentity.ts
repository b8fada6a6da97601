import type { Auth, DecodedIdToken } from 'firebase-admin/auth';
import { unavailable } from '../problem.ts';
import { roleSchema } from '../views/common.ts';
import { isUnsigned, takesEmulatorTokens } from './emulatorTokens.ts';
import { codeOf, isUnreachable } from './sdkErrors.ts';
import { type Identity, includes, type Role, type Verdict } from './session.ts';

/** The custom claim that holds a role: https://firebase.google.com/docs/auth/admin/custom-claims */
export const roleClaim = 'lockstep';

const grantHint = 'An operator grants one with: npm --prefix functions run roles -- grant EMAIL viewer --reason WHY';

/** What the errors of the Admin SDK mean for the caller: https://firebase.google.com/docs/auth/admin/errors */
const refusals: Readonly<Record<string, string>> = {
  'auth/id-token-expired': 'The token has expired: get a new one (`getIdToken(true)`) and ask again.',
  'auth/id-token-revoked': 'The sign-in was revoked: sign in again.',
  'auth/user-disabled': 'The account is disabled: ask who administers the accounts of this project.',
  'auth/user-not-found': 'The account does not exist any more: sign in with another one.',
  'auth/argument-error': 'The token is not one of this project: sign in on the page of this installation.',
};

/** The part of the Admin SDK that is used. */
export type TokenVerifier = Pick<Auth, 'verifyIdToken' | 'getUser'>;

/** Verifies Firebase ID tokens with the Admin SDK. */
export function createFirebaseIdentity(
  auth: () => Promise<TokenVerifier>,
  env: Readonly<Record<string, string | undefined>>,
): Identity {
  return {
    async verify(token, { forChange }) {
      if (!takesEmulatorTokens(env)) {
        // The SDK would believe any unsigned token as soon as the variable is set.
        if (env.FIREBASE_AUTH_EMULATOR_HOST) {
          return refused(
            'FIREBASE_AUTH_EMULATOR_HOST is set where functions are deployed, so no token counts: remove the variable.',
          );
        }
        if (isUnsigned(token)) return refused('The token is not signed: tokens of an Auth emulator do not count here.');
      }
      const sdk = await auth();
      try {
        const claims = await sdk.verifyIdToken(token, forChange);
        const role = roleOf(claims);
        if (role === undefined) {
          return { kind: 'no-role', why: `The account of ${actorOf(claims)} has no role here. ${grantHint}` };
        }
        if (forChange) {
          // A token keeps its claims for an hour, whatever has become of them.
          const now = roleOf((await sdk.getUser(claims.uid)).customClaims ?? {});
          if (now === undefined || !includes(now, role)) return refused('The role has changed: sign in again.');
        }
        return { kind: 'session', session: { actor: actorOf(claims), role, uid: claims.uid } };
      } catch (error) {
        if (isUnreachable(error)) {
          throw unavailable('Firebase Authentication did not answer: try again.', error);
        }
        const why = refusals[codeOf(error)];
        if (why === undefined) throw error;
        return refused(why);
      }
    },
  };
}

function refused(why: string): Verdict {
  return { kind: 'not-signed-in', why };
}

function roleOf(claims: Readonly<Record<string, unknown>>): Role | undefined {
  const parsed = roleSchema.safeParse(claims[roleClaim]);
  return parsed.success ? parsed.data : undefined;
}

/** An address that nobody has confirmed is a name that anybody can take. */
function actorOf({ email, email_verified: isVerified, uid }: DecodedIdToken): string {
  return email !== undefined && isVerified === true ? email : `uid:${uid}`;
}
