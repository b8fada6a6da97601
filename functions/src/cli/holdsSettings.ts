import { parseArgs } from 'node:util';

/** Which held deletions a command is about. */
export type Selection =
  | { readonly kind: 'all' }
  | { readonly kind: 'projects'; readonly projectIds: readonly string[] };

/** What `npm run holds` was asked to do. */
export type HoldsSettings =
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string }
  | {
      readonly kind: 'run';
      readonly action:
        | { readonly kind: 'list'; readonly json: boolean; readonly discarded: boolean }
        | { readonly kind: 'release' | 'discard'; readonly which: Selection; readonly yes: boolean };
      readonly projectId: string;
      /** Undefined: what MongoDB says of the projects is not shown. */
      readonly mongodbUri: string | undefined;
    };

/** How the command ends. */
export const exitCodes = { done: 0, failed: 1, usage: 2, nothingHeld: 3, declined: 4 } as const;

export const usage = `Deletions that came with too many others wait here until you decide about them. Until then nothing of them is carried out.

  npm run holds -- list [--json] [--discarded]
  npm run holds -- release --all | --project ID ...  [--yes]
  npm run holds -- discard --all | --project ID ...  [--yes]

  list                  project, since when, assets, who deleted it, and whether MongoDB has it
  release               carry the deletion out: its assets are deleted within seconds
  discard               keep the assets, although the project is gone in MongoDB, until it is created and deleted once more

  --all                 every deletion that is held; asks first when used on a terminal
  --project ID          only this project; may be given more than once
  --discarded           list those that were discarded instead ("release --project ID" still carries one out)
  --json                print a JSON array
  --yes                 do not ask
  --help                this text

  GCLOUD_PROJECT            the Firebase project (required)
  MONGODB_URI               MongoDB, to tell whether it has the projects; without it, the commands say that they do not know
  FIRESTORE_EMULATOR_HOST   a local Firestore instead of the real one
  PUBSUB_EMULATOR_HOST      a local Pub/Sub instead of the real one

How many deletions are too many: HOLD_WINDOW_MINUTES, HOLD_MAX_PROJECTS and HOLD_MAX_SHARE_PERCENT of the functions.

Exit code: 0 done; 1 an error, the rest was done; 2 a mistake in the command; 3 nothing is held for a --project; 4 you said no.
Every command may be interrupted and given again.
`;

/** Reads the command line and the environment. */
export function holdsSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): HoldsSettings {
  const parsed = parsedArguments(args);
  if (typeof parsed === 'string') return mistake(parsed);
  const { values, positionals } = parsed;
  if (values.help === true) return { kind: 'help' };
  const [action, ...others] = positionals;
  if (others.length > 0) return mistake(`"${others.join(' ')}": expected one command, and project ids after --project`);
  if (action !== 'list' && action !== 'release' && action !== 'discard') {
    return mistake(
      action === undefined
        ? 'expected list, release or discard'
        : `expected list, release or discard, received "${action}"`,
    );
  }
  const projectId = env.GCLOUD_PROJECT || env.GOOGLE_CLOUD_PROJECT;
  if (!projectId) return mistake('GCLOUD_PROJECT is not set; it names the Firebase project');
  const shared = { kind: 'run', projectId, mongodbUri: env.MONGODB_URI || undefined } as const;
  const { all = false, project = [], json = false, discarded = false, yes = false } = values;
  if (action === 'list') {
    if (all || yes || project.length > 0) return mistake('list takes --json and --discarded only');
    return { ...shared, action: { kind: 'list', json, discarded } };
  }
  if (json || discarded) return mistake('--json and --discarded belong to list');
  if (all === project.length > 0) return mistake(`${action}: expected either --all or --project ID`);
  if (project.includes('')) return mistake('--project: expected a project id');
  const which: Selection = all ? { kind: 'all' } : { kind: 'projects', projectIds: [...new Set(project)] };
  return { ...shared, action: { kind: action, which, yes } };
}

function mistake(message: string): HoldsSettings {
  return { kind: 'mistake', message: `${message} (--help tells what there is)` };
}

/** The options, or what is wrong with them. */
function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        all: { type: 'boolean' },
        project: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        discarded: { type: 'boolean' },
        yes: { type: 'boolean', short: 'y' },
      },
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
