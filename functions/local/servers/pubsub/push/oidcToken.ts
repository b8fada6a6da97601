import type { WireOidcToken } from '../wire.ts';

const lifeSeconds = 3600;

/** The token that a push request carries in its `authorization` header: the service's claims, without a signature
 *  (`alg` is `none`, as the emulator of Firebase Auth makes them), since nobody here has Google's key.
 *  https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions#jwt_format */
export function unsignedToken(token: WireOidcToken, endpoint: string, nowMs: number): string {
  const issuedAt = Math.floor(nowMs / 1000);
  const claims = {
    iss: 'https://accounts.google.com',
    aud: token.audience || endpoint,
    azp: token.serviceAccountEmail,
    sub: token.serviceAccountEmail,
    email: token.serviceAccountEmail,
    email_verified: true,
    iat: issuedAt,
    exp: issuedAt + lifeSeconds,
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
}
