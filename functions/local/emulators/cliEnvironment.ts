import { homedir } from 'node:os';
import { join } from 'node:path';
import { withoutCallingNpm } from './firebaseCli.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that would lead the CLI or the functions to an account or to services of somebody else. */
const foreign = [
  'FIREBASE_CONFIG',
  'FIREBASE_TOKEN',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_CLOUD_PROJECT',
  'FIRESTORE_EMULATOR_HOST',
  'PUBSUB_EMULATOR_HOST',
];

/** Where the CLI keeps the emulators that it has downloaded; the same place for everybody on the machine. */
export function downloadsFolder(env: Environment): string {
  return env.FIREBASE_EMULATORS_PATH || join(homedir(), '.cache', 'firebase', 'emulators');
}

/** The environment of Firebase's CLI and of all that it starts. Its settings, login and statistics are those of an empty home, so that the
 *  user's are neither used nor changed, and it asks nothing on the network. */
export function cliEnvironment(base: Environment, home: string, services: Environment): Record<string, string> {
  const env: Record<string, string | undefined> = {
    ...withoutCallingNpm(base),
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    CI: 'true',
    NO_UPDATE_NOTIFIER: '1',
    METADATA_SERVER_DETECTION: 'none',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    FIREBASE_EMULATORS_PATH: downloadsFolder(base),
    ...services,
  };
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
