/** The code of an error of the Admin SDK: https://firebase.google.com/docs/auth/admin/errors */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether Google did not answer. The SDK reports under the code of a bad token that it could not get Google's keys,
 *  which says nothing about the token. */
export function isUnreachable(error: unknown): boolean {
  const isAboutKeys = error instanceof Error && /fetching (public keys|json web keys)/i.test(error.message);
  return isAboutKeys || /^app\/network-/.test(codeOf(error));
}
