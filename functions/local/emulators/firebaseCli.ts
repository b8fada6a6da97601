import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

/** The version that these commands were written against. Not a dependency: it would weigh more than everything else
 *  together, on every installation. A newer one may print and wire differently, so it is pinned. */
export const cliVersion = '15.34.2';

const packageName = `firebase-tools@${cliVersion}`;

type Environment = Readonly<Record<string, string | undefined>>;

const packageSchema = z.object({ version: z.literal(cliVersion), bin: z.object({ firebase: z.string() }) });

/** Firebase's command line on this machine. */
export interface FirebaseCli {
  /** The folder of the package. */
  readonly directory: string;
  /** Its program, for Node. */
  readonly program: string;
}

/** Firebase's command line through npx: from npm's cache, and from the registry where it is not there yet.
 *  @throws Error with npm's own words when it is in neither */
export async function findFirebaseCli(signal: AbortSignal): Promise<FirebaseCli> {
  const args = ['--yes', '--prefer-offline', '--loglevel=error', `--package=${packageName}`, '-c'];
  // Not in the package's own folder, whose settings and modules are none of the CLI's business.
  const options = { cwd: tmpdir(), env: withoutCallingNpm(process.env), signal };
  const { stdout } = await promisify(execFile)('npx', [...args, 'node -p process.env.PATH'], options).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw new Error(`${packageName} is not in npm's cache and cannot be fetched from the npm registry`, {
        cause: error,
      });
    },
  );
  for (const bin of stdout.trim().split(delimiter)) {
    const directory = join(dirname(bin), 'firebase-tools');
    const manifest = join(directory, 'package.json');
    if (!existsSync(manifest)) continue;
    const parsed = packageSchema.safeParse(JSON.parse(readFileSync(manifest, 'utf8')));
    if (parsed.success) return { directory, program: join(directory, parsed.data.bin.firebase) };
  }
  throw new Error(`npx says that it has ${packageName}, but it is nowhere on the path that it gives: ${stdout.trim()}`);
}

/** What `npm run` tells its scripts about itself would make npx look into this package. */
export function withoutCallingNpm(env: Environment): Record<string, string> {
  const callers = /^npm_(package_|lifecycle_|config_(local_)?prefix$|command$|execpath$)/i;
  return defined(Object.fromEntries(Object.entries(env).filter(([name]) => !callers.test(name))));
}

/** Variables that would lead the CLI or the functions to an account or to services of somebody else. */
const foreign = [
  'FIREBASE_CONFIG',
  'FIREBASE_TOKEN',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_CLOUD_PROJECT',
  'FIRESTORE_EMULATOR_HOST',
  'PUBSUB_EMULATOR_HOST',
  'STORAGE_EMULATOR_HOST',
];

/** The environment of Firebase's CLI and of all that it starts. Its settings, login and statistics are those of an
 *  empty home, so that the user's are neither used nor changed, and it asks nothing on the network. */
export function cliEnvironment(base: Environment, home: string, services: Environment): Record<string, string> {
  return defined({
    ...withoutCallingNpm(base),
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    CI: 'true',
    NO_UPDATE_NOTIFIER: '1',
    METADATA_SERVER_DETECTION: 'none',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    // What the CLI has downloaded lies in the same place for everybody on the machine.
    FIREBASE_EMULATORS_PATH: base.FIREBASE_EMULATORS_PATH || join(homedir(), '.cache', 'firebase', 'emulators'),
    ...services,
  });
}

function defined(env: Environment): Record<string, string> {
  const entries = Object.entries(env);
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
