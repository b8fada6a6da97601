/** Whether tokens of an Auth emulator, which nobody signed, may count: on a developer's machine only. `K_SERVICE` is
 *  set by Cloud Run (https://cloud.google.com/run/docs/container-contract#services-env-vars), and by Firebase's
 *  functions emulator too, which says so in `FUNCTIONS_EMULATOR`. */
export function takesEmulatorTokens(env: Readonly<Record<string, string | undefined>>): boolean {
  const host = env.FIREBASE_AUTH_EMULATOR_HOST;
  if (!host || !isLoopback(host)) return false;
  return !env.K_SERVICE || env.FUNCTIONS_EMULATOR === 'true';
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(host);
}

/** Whether a token has no signature. It says nothing about who made it. */
export function isUnsigned(token: string): boolean {
  const [head, , signature] = token.split('.');
  return signature === undefined || signature === '' || /"alg"\s*:\s*"none"/i.test(textOf(head));
}

function textOf(part: string | undefined): string {
  return Buffer.from(part ?? '', 'base64url').toString('utf8');
}
