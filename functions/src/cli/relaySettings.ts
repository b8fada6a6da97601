import { parseArgs } from 'node:util';
import { secondMs } from '../clock.ts';

/** What `npm run relay` was asked to do. */
export type MainSettings =
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string }
  | {
      readonly kind: 'run';
      readonly mongodbUri: string;
      readonly projectId: string;
      /** Port of the health endpoint; undefined: none. */
      readonly port: number | undefined;
      readonly maxLagMs: number;
    };

export const usage = `The relay as a process of its own: publishes an event for every change of a project.

  npm run relay -- [--port 8080] [--max-lag 60]

  --port N       serve the state of the relay as JSON on this port (default: $PORT; without either, no endpoint)
  --max-lag N    answer 503 there when more than this many seconds behind (default: 60)
  --help         this text

  MONGODB_URI               the replica set or sharded cluster that holds the projects (required)
  GCLOUD_PROJECT            the Firebase project (required)
  FIRESTORE_EMULATOR_HOST   a local Firestore instead of the real one
  PUBSUB_EMULATOR_HOST      a local Pub/Sub instead of the real one

Any number may run, next to the scheduled function as well: one works, the others stand by.
Ctrl-C ends it with everything saved; a second one ends it at once.
`;

const maxPort = 65_535;
const defaultMaxLagSeconds = 60;

/** Reads the command line and the environment. */
export function mainSettings(args: readonly string[], env: Readonly<Record<string, string | undefined>>): MainSettings {
  const parsed = parsedArguments(args);
  if (typeof parsed === 'string') return { kind: 'mistake', message: `${parsed} (--help tells what there is)` };
  if (parsed.help) return { kind: 'help' };
  const port = wholeNumber(parsed.port ?? env.PORT, 0, maxPort);
  if (port === null) return { kind: 'mistake', message: `--port (or PORT) must be a whole number up to ${maxPort}.` };
  const maxLag = wholeNumber(parsed['max-lag'], 1, Number.MAX_SAFE_INTEGER / secondMs);
  if (maxLag === null) return { kind: 'mistake', message: '--max-lag must be a whole number of seconds, at least 1.' };
  const mongodbUri = env.MONGODB_URI;
  if (!mongodbUri) {
    return {
      kind: 'mistake',
      message:
        'MONGODB_URI is not set; it names the replica set that holds the projects, such as mongodb://localhost:27017/?replicaSet=rs0.',
    };
  }
  const projectId = env.GCLOUD_PROJECT || env.GOOGLE_CLOUD_PROJECT;
  if (!projectId) {
    return {
      kind: 'mistake',
      message: 'GCLOUD_PROJECT is not set; it names the Firebase project, such as demo-lockstep.',
    };
  }
  return {
    kind: 'run',
    mongodbUri,
    projectId,
    port,
    maxLagMs: (maxLag ?? defaultMaxLagSeconds) * secondMs,
  };
}

/** The options, or what is wrong with them. */
function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { help: { type: 'boolean', short: 'h' }, port: { type: 'string' }, 'max-lag': { type: 'string' } },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** undefined: not given; null: not such a number. */
function wholeNumber(text: string | undefined, min: number, max: number): number | undefined | null {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isInteger(value) && value >= min && value <= max ? value : null;
}
