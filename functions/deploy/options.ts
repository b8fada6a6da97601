import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkDeployment } from '../src/config/deployment.ts';
import * as params from '../src/config/params.ts';
import { isWatched, watchName } from '../src/config/watched.ts';
import { hasFiles } from '../src/files/fileSettings.ts';
import config from '../src/lockstep.config.ts';
import type { PlanOptions } from './plan.ts';

export const usage = `Prepares a Google Cloud project for Lockstep: what "firebase deploy" does not do.

usage: npm --prefix functions run provision -- --project ID [options]

  --project ID                 the project (required)
  --notification-channel NAME  whom new alerts tell: projects/…/notificationChannels/…; may be repeated
  --dry-run                    prints the plan as a bash script with its reasons, and runs nothing
  --help                       this text

Topics, database and region come from functions/.env.ID and functions/.env, as "firebase deploy" reads them, so that what is
prepared is what the functions use. Run it before the first
deployment and once after it: some steps need the triggers that the deployment makes. Running it again does no harm.
Needs gcloud, signed in as somebody who may administer the project (roles/owner, or the editors of the services it names).`;

/** What the command line asks for. */
export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly problem: string }
  | { readonly kind: 'provision'; readonly dryRun: boolean; readonly options: PlanOptions };

/** https://cloud.google.com/resource-manager/docs/creating-managing-projects */
const projectId = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
const channel = /^projects\/[\w.:-]+\/notificationChannels\/[\w-]+$/;
/** Reads the command line.
 *  @param loadEnvironment loads the deployment's parameters of a project before they are read. */
export function readInvocation(args: readonly string[], loadEnvironment: (project: string) => void): Invocation {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { kind: 'mistake', problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return { kind: 'help' };
  const { project } = values;
  if (project === undefined) return { kind: 'mistake', problem: '--project is missing' };
  if (!projectId.test(project))
    return { kind: 'mistake', problem: `--project: "${project}" is not the id of a project` };
  loadEnvironment(project);
  try {
    checkDeployment(config);
  } catch (error) {
    return { kind: 'mistake', problem: error instanceof Error ? error.message : String(error) };
  }
  const channels = values['notification-channel'] ?? [];
  const wrong = channels.find((name) => !channel.test(name));
  if (wrong !== undefined) {
    return {
      kind: 'mistake',
      problem: `--notification-channel: expected projects/ID/notificationChannels/NUMBER, received "${wrong}"`,
    };
  }
  return {
    kind: 'provision',
    dryRun: values['dry-run'] ?? false,
    options: {
      project,
      region: params.region.value(),
      database: params.firestoreDatabase.value(),
      topics: {
        events: params.eventsTopic.value(),
        deletions: params.deletionsTopic.value(),
        deadLetters: params.deadLetterTopic.value(),
        requests: params.requestsTopic.value(),
        alerts: params.alertsTopic.value(),
        converged: config.converged ? params.convergedTopic.value() : null,
      },
      buckets: {
        archive: params.archiveBucket.value() || null,
        files: hasFiles(config) ? params.filesBucket.value() || null : null,
      },
      secret: params.mongodbUri.name,
      alertTargetsSecret: config.alerts.targets.length === 0 ? null : params.alertTargetsSecret,
      notificationChannels: channels,
      watched: config.collections.filter(isWatched).map(watchName),
    },
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      project: { type: 'string' },
      'notification-channel': { type: 'string', multiple: true },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  }).values;
}

/** Loads `.env.<project>` and then `.env` of a folder, so that the first that names a parameter wins; what is set
 *  already wins over both. */
export function loadEnvironmentFiles(directory: string): (project: string) => void {
  return (project) => {
    for (const file of [`${directory}/.env.${project}`, `${directory}/.env`]) {
      if (existsSync(file)) process.loadEnvFile(file);
    }
  };
}
