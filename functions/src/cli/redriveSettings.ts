import { parseArgs } from 'node:util';

/** What `npm run redrive` was asked to do. */
export type RedriveSettings =
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string }
  | {
      readonly kind: 'run';
      readonly projectId: string;
      readonly which: { readonly kind: 'all'; readonly includeUnreadable: boolean } | RedriveByName;
      readonly dryRun: boolean;
      readonly json: boolean;
    };

interface RedriveByName {
  readonly kind: 'events';
  readonly ids: readonly string[];
}

/** How the command ends. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notFound: 3, skipped: 4 } as const;

export const usage = `Plays dead letters again: publishes the original messages to the topic of events. Mend what they failed with first.

  npm run redrive -- --all [--include-unreadable] [--dry-run] [--json]
  npm run redrive -- --event ID ...               [--dry-run] [--json]

  --all                 every dead letter that was not played again yet
  --event ID            this one (the id of the event, or of its document in syncFailures); may be given more than once
  --include-unreadable  with --all: also messages that this version cannot read; they fail again unless the deployed functions are newer
  --dry-run             tell what would be done, and do nothing
  --json                print the outcome as one JSON document
  --help                this text

  GCLOUD_PROJECT            the Firebase project (required)
  FIRESTORE_EMULATOR_HOST   a local Firestore instead of the real one
  PUBSUB_EMULATOR_HOST      a local Pub/Sub instead of the real one

A message that was played again is marked "redriven" in syncFailures, and "dead" once more if it fails once more. The mark is written after the
message is published: if the command is interrupted in between, the next one publishes it twice, which does no harm.

Exit code: 0 done; 1 an error, the rest was done; 2 a mistake in the command; 3 there is no dead letter of an --event; 4 some were skipped
and stay dead (the output says why).
`;

/** Reads the command line and the environment. */
export function redriveSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): RedriveSettings {
  const parsed = parsedArguments(args);
  if (typeof parsed === 'string') return mistake(parsed);
  if (parsed.help === true) return { kind: 'help' };
  const { all = false, event = [], 'include-unreadable': includeUnreadable = false } = parsed;
  if (all === event.length > 0) return mistake('expected either --all or --event ID');
  if (event.includes('')) return mistake('--event: expected the id of an event');
  if (includeUnreadable && !all)
    return mistake('--include-unreadable belongs to --all; what --event names is played anyway');
  const projectId = env.GCLOUD_PROJECT || env.GOOGLE_CLOUD_PROJECT;
  if (!projectId) return mistake('GCLOUD_PROJECT is not set; it names the Firebase project');
  return {
    kind: 'run',
    projectId,
    which: all ? { kind: 'all', includeUnreadable } : { kind: 'events', ids: [...new Set(event)] },
    dryRun: parsed['dry-run'] === true,
    json: parsed.json === true,
  };
}

function mistake(message: string): RedriveSettings {
  return { kind: 'mistake', message: `${message} (--help tells what there is)` };
}

/** The options, or what is wrong with them. */
function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        all: { type: 'boolean' },
        event: { type: 'string', multiple: true },
        'include-unreadable': { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        json: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
