import { localAccounts, localPassword } from '../servers/auth/accounts.ts';

/** Makes the accounts of the local sign-in in Firebase's own Auth emulator, with their roles; those that are there
 *  already stay. https://firebase.google.com/docs/reference/rest/auth
 *  @throws Error with what the emulator answered */
export async function createAccounts(host: string, projectId: string): Promise<void> {
  const project = `http://${host}/identitytoolkit.googleapis.com/v1/projects/${projectId}`;
  for (const { uid: localId, email, role } of localAccounts) {
    const account = { localId, email, password: localPassword, emailVerified: true };
    await call(`${project}/accounts`, account, ['DUPLICATE_LOCAL_ID', 'EMAIL_EXISTS']);
    const customAttributes = JSON.stringify(role === null ? {} : { lockstep: role });
    await call(`${project}/accounts:update`, { localId, customAttributes });
  }
}

async function call(url: string, body: object, expected: readonly string[] = []): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer owner', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.ok || expected.some((code) => text.includes(code))) return;
  throw new Error(`the Auth emulator answered ${url} with ${answer.status}: ${text}`);
}
