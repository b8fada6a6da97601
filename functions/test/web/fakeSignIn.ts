// The Auth emulator as far as a sign-in with a password needs it, from inside of the browser's network.
import type { BrowserContext } from 'playwright-core';

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** An ID token that nobody signed. */
export function idToken(claims: object): string {
  const seconds = Math.floor(Date.now() / 1_000);
  return `${encoded({ alg: 'none', typ: 'JWT' })}.${encoded({ sub: 'local', iat: seconds, exp: seconds + 3_600, ...claims })}.`;
}

export async function serveFakeSignIn(context: BrowserContext): Promise<void> {
  await context.route('**/identitytoolkit.googleapis.com/**', (route) => {
    const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' };
    if (route.request().method() === 'OPTIONS') return route.fulfill({ status: 204, headers });
    const isLookup = route.request().url().includes(':lookup');
    const account = { localId: 'local', email: 'somebody@lockstep.example' };
    const body = isLookup
      ? { users: [account] }
      : { ...account, idToken: idToken({}), refreshToken: 'again', expiresIn: '3600', registered: true };
    return route.fulfill({ json: body, headers });
  });
}
