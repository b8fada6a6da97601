import type { User } from './users.ts';

/** How long an ID token counts, in s: https://firebase.google.com/docs/auth/admin/manage-sessions */
export const tokenSeconds = 3_600;

export interface TokenTimes {
  /** When the person signed in, in s since 1970. */
  readonly authTime: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** An ID token without a signature, as Firebase's Auth emulator makes it
 *  (https://firebase.google.com/docs/emulator-suite/connect_auth#id_tokens). */
export function unsignedIdToken(
  projectId: string,
  { uid, email, emailVerified, customAttributes }: User,
  { authTime, issuedAt, expiresAt }: TokenTimes,
): string {
  const payload = {
    ...JSON.parse(customAttributes),
    email,
    email_verified: emailVerified,
    auth_time: authTime,
    user_id: uid,
    firebase: { identities: { email: [email] }, sign_in_provider: 'password' },
    iat: issuedAt,
    exp: expiresAt,
    aud: projectId,
    iss: `https://securetoken.google.com/${projectId}`,
    sub: uid,
  };
  return `${encoded({ alg: 'none', typ: 'JWT' })}.${encoded(payload)}.`;
}

/** The account that a token is of; undefined when it is no token. */
export function uidOf(token: string): string | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof payload === 'object' && payload !== null && 'sub' in payload ? String(payload.sub) : undefined;
  } catch {
    // Whoever sent it is refused by name.
    return undefined;
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
