import { parseArgs } from 'node:util';
import { minuteMs } from '../clock.ts';
import type { ReconcileRequest } from '../events/reconciliationRequest.ts';

/** What `npm run reconcile` was asked to do. */
export type MainSettings =
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string }
  | {
      readonly kind: 'run';
      readonly mongodbUri: string;
      readonly projectId: string;
      readonly request: ReconcileRequest;
      readonly json: boolean;
      /** Where project ids are looked up. */
      readonly readFrom: 'primary' | 'secondary';
      readonly readsPerSecond: number | undefined;
      readonly graceMs: number | undefined;
    };

/** How the command ends. */
export const exitCodes = { inStep: 0, failed: 1, usage: 2, braked: 3, findings: 4, unfinished: 5 } as const;

export const usage = `Compares the assets in Firestore with the projects in MongoDB, and mends what differs.

  npm run reconcile -- --report | --clean [options]

  --report              tell what differs; changes no asset
  --clean               mend it: delete the assets of projects that are gone, update copies
  --collection NAME     only this collection or collection group; may be given more than once
  --project ID          only this project; may be given more than once
  --json                print the report as JSON
  --reads-per-second N  read no faster from Firestore
  --read-from WHERE     look projects up on the "primary" (default) or on a "secondary"
  --grace MINUTES       leave alone what is younger (default: 60)
  --help                this text

To take off a brake, once and on purpose:
  --allow-orphans N     believe that up to N projects with assets are gone
  --allow-shrink        believe that many projects are gone since the last run
  --allow-new-source    believe that the collection in MongoDB may be another than in the last run

  MONGODB_URI               the replica set or sharded cluster that holds the projects (required)
  GCLOUD_PROJECT            the Firebase project (required)
  FIRESTORE_EMULATOR_HOST   a local Firestore instead of the real one
  PUBSUB_EMULATOR_HOST      a local Pub/Sub instead of the real one

Exit code: 0 in step, or all mended; 1 an error; 2 a mistake in the command; 3 a brake took hold and nothing was deleted after it;
4 the report has findings, or not all could be mended; 5 not finished (interrupted, or another run is at work).
Ctrl-C keeps the progress: the same command goes on from there.
`;

/** Reads the command line and the environment. */
export function mainSettings(args: readonly string[], env: Readonly<Record<string, string | undefined>>): MainSettings {
  const parsed = parsedArguments(args);
  if (typeof parsed === 'string') return mistake(parsed);
  if (parsed.help === true) return { kind: 'help' };
  if (parsed.report === parsed.clean) return mistake('expected either --report or --clean');
  const readFrom = parsed['read-from'] ?? 'primary';
  if (readFrom !== 'primary' && readFrom !== 'secondary') {
    return mistake(`--read-from: expected "primary" or "secondary", received "${readFrom}"`);
  }
  const orphans = wholeNumber(parsed['allow-orphans'], 0);
  if (orphans === null) return mistake('--allow-orphans: expected a whole number');
  const readsPerSecond = wholeNumber(parsed['reads-per-second'], 1);
  if (readsPerSecond === null) return mistake('--reads-per-second: expected a whole number of at least 1');
  const grace = wholeNumber(parsed.grace, 0);
  if (grace === null) return mistake('--grace: expected a whole number of minutes');
  const mongodbUri = env.MONGODB_URI;
  if (!mongodbUri) return mistake('MONGODB_URI is not set; it names the replica set that holds the projects');
  const projectId = env.GCLOUD_PROJECT || env.GOOGLE_CLOUD_PROJECT;
  if (!projectId) return mistake('GCLOUD_PROJECT is not set; it names the Firebase project');
  return {
    kind: 'run',
    mongodbUri,
    projectId,
    request: {
      mode: parsed.clean === true ? 'clean' : 'report',
      ...(parsed.collection && { collections: parsed.collection }),
      ...(parsed.project && { projectIds: parsed.project }),
      allow: { orphans, shrink: parsed['allow-shrink'], source: parsed['allow-new-source'] },
      reason: 'command',
    },
    json: parsed.json === true,
    readFrom,
    readsPerSecond,
    graceMs: grace === undefined ? undefined : grace * minuteMs,
  };
}

function mistake(message: string): MainSettings {
  return { kind: 'mistake', message: `${message} (--help tells what there is)` };
}

/** The options, or what is wrong with them. */
function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        report: { type: 'boolean' },
        clean: { type: 'boolean' },
        collection: { type: 'string', multiple: true },
        project: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        'read-from': { type: 'string' },
        'reads-per-second': { type: 'string' },
        grace: { type: 'string' },
        'allow-orphans': { type: 'string' },
        'allow-shrink': { type: 'boolean' },
        'allow-new-source': { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** undefined: not given; null: not such a number. */
function wholeNumber(text: string | undefined, least: number): number | undefined | null {
  if (text === undefined) return undefined;
  const value = Number(text);
  return text !== '' && Number.isSafeInteger(value) && value >= least ? value : null;
}
