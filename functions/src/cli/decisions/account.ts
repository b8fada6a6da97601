import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Actor } from '../../audit/entry.ts';
import { secondMs } from '../../clock.ts';
import { UsageError } from '../command.ts';
import type { Environment } from '../terminal.ts';

/** How long gcloud may take to name its account, in ms. */
const gcloudMs = 10 * secondMs;

const credentialsSchema = z.looseObject({ client_email: z.string().optional(), account: z.string().optional() });

/** Who decides at this terminal: what `--as` says, else the account that Google's client libraries use
 *  (https://cloud.google.com/docs/authentication/application-default-credentials), else gcloud's; with local services,
 *  where nobody signs in, the user of the machine.
 *  @throws UsageError when nobody can be named. */
export async function terminalActor(as: string | undefined, env: Environment): Promise<Actor> {
  const name = as ?? (await accountOf(env));
  if (name === undefined) {
    throw new UsageError('nobody knows who decides here: sign in with gcloud auth login, or say it with --as ACCOUNT');
  }
  return { name, role: 'operator', via: 'terminal' };
}

async function accountOf(env: Environment): Promise<string | undefined> {
  if (env.FIRESTORE_EMULATOR_HOST) return `${userInfo().username}@local`;
  return (await accountOfCredentials(env)) ?? (await accountOfGcloud());
}

async function accountOfCredentials(env: Environment): Promise<string | undefined> {
  const file =
    env.GOOGLE_APPLICATION_CREDENTIALS || join(homedir(), '.config', 'gcloud', 'application_default_credentials.json');
  try {
    const { client_email, account } = credentialsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return client_email ?? (account || undefined);
  } catch {
    // Not there, or of a kind that names nobody: gcloud is asked next.
    return undefined;
  }
}

async function accountOfGcloud(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('gcloud', ['config', 'get-value', 'account'], { timeout: gcloudMs });
    return stdout.trim() || undefined;
  } catch {
    // gcloud is not installed, or knows no account: the caller says what to do.
    return undefined;
  }
}
