import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { z } from 'zod';
import { checkDeployment } from '../src/config/deployment.ts';
import * as params from '../src/config/params.ts';
import { isWatched, watchName } from '../src/config/watched.ts';
import { hasFiles } from '../src/files/fileSettings.ts';
import config from '../src/lockstep.config.ts';
import type { PlanOptions } from './plan.ts';

export const usage = `Prepares a Google Cloud project for Lockstep: what "firebase deploy" does not do.

usage: npm --prefix functions run provision -- --project ID [options]

  --project ID                 the project, or its alias in .firebaserc (required)
  --notification-channel NAME  whom new alerts tell: projects/…/notificationChannels/…; may be repeated
  --dry-run                    prints the plan as a bash script with its reasons, and runs nothing
  --help                       this text

Topics, database and region come from functions/.env.ID (or .env.ALIAS, where --project has an alias) and functions/.env, as
"firebase deploy" reads them, so that what is prepared is what the functions use. Run it before the first
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
/** A project as `--project` of the Firebase CLI names it. */
export interface NamedProject {
  readonly id: string;
  /** Loads the deployment's parameters. */
  load(): void;
}

/** Reads the command line.
 *  @param projectNamed  finds a project by its id or alias; throws where it is not clear what its parameters are. */
export function readInvocation(args: readonly string[], projectNamed: (name: string) => NamedProject): Invocation {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { kind: 'mistake', problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return { kind: 'help' };
  if (values.project === undefined) return { kind: 'mistake', problem: '--project is missing' };
  let project: string;
  try {
    const { id, load } = projectNamed(values.project);
    if (!projectId.test(id)) return { kind: 'mistake', problem: `--project: "${id}" is not the id of a project` };
    project = id;
    load();
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

const firebaserc = z.looseObject({ projects: z.record(z.string(), z.string()).default({}) });

/** Finds a project as the CLI does, with the files of a folder that it reads: `.env.<project>`, or `.env.<alias>` where
 *  the alias names the project, and then `.env`. The first that names a parameter wins; what is set already wins over
 *  all. https://firebase.google.com/docs/functions/config-env#deploying_multiple_sets_of_environment_variables */
export function projectsOf(directory: string): (name: string) => NamedProject {
  const has = (name: string) => existsSync(join(directory, `.env.${name}`));
  return (name) => {
    const file = join(directory, '..', '.firebaserc');
    const { projects } = firebaserc.parse(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
    const id = projects[name] ?? name;
    const [alias] = Object.keys(projects).filter((key) => key !== id && projects[key] === id && has(key));
    if (alias !== undefined && name !== alias) {
      const rest = `"firebase deploy" reads it only for --project ${alias}; say the same here, or rename it .env.${id}`;
      throw new Error(`functions/.env.${alias}: ${rest}`);
    }
    if (alias !== undefined && has(id)) {
      throw new Error(`functions/.env.${id} and .env.${alias}: "firebase deploy" takes one of them, and refuses both`);
    }
    const load = () => {
      for (const own of [`.env.${alias ?? id}`, '.env'].map((file) => join(directory, file)).filter(existsSync)) {
        // Editors of Windows begin a file with a byte order mark, which the CLI skips and Node takes for part of a
        // name.
        const variables = parseEnv(readFileSync(own, 'utf8').replace(/^\uFEFF/, ''));
        for (const [name, value] of Object.entries(variables)) process.env[name] ??= value;
      }
    };
    return { id, load };
  };
}
