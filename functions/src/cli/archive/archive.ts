import type { Firestore } from 'firebase-admin/firestore';
import { requestsTopic } from '../../config/params.ts';
import { purge as purgeOperation, restore as restoreOperation } from '../../operations/archive.ts';
import { createPublisher } from '../../publisher.ts';
import { errorCodes, helpAfter, repeated, requiredVariable, runAsProcess, type TerminalCommand } from '../command.ts';
import { type DecisionOptions, decide, decisionOptions } from '../decisions/decision.ts';
import { operationServices } from '../decisions/operationServices.ts';
import { inTime, openFirestore, openPubSub } from '../services.ts';
import type { Terminal } from '../terminal.ts';
import { followJob } from './followJob.ts';
import { listProjects, showPages } from './listing.ts';

type Action =
  | { readonly kind: 'list'; readonly json: boolean }
  | { readonly kind: 'show'; readonly project: string; readonly json: boolean }
  | (DecisionOptions & {
      readonly kind: 'restore';
      readonly project: string;
      readonly to: string | undefined;
      readonly collections: readonly string[] | undefined;
      readonly dryRun: boolean;
      readonly json: boolean;
    })
  | (DecisionOptions & { readonly kind: 'purge'; readonly project: string; readonly json: boolean });

export interface ArchiveSettings {
  readonly projectId: string;
  readonly action: Action;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, done: 0, nothingArchived: 3, declined: 4, incomplete: 5 } as const;

const notes = `A restore creates what is missing and overwrites nothing; what is in its way is listed, and stays in the
archive. The project has to live in MongoDB. A purge cannot be undone; its certificate is an entry of the audit. Both
are done by the function reconcileOnRequest; Ctrl-C ends the command, and not the work.

Exit code: 0 done; 1 an error; 2 a mistake in the command; 3 nothing is archived; 4 you said no; 5 not all could
be restored, or the command was interrupted before the work was over.`;

/** Shows what is archived, brings it back, or removes it for good. */
export const archive: TerminalCommand<ArchiveSettings> = {
  name: 'archive',
  saves: true,
  declare(command, accept, env) {
    command
      .description('Assets of deleted projects that can come back: shows, restores and purges them.')
      .addHelpText('after', helpAfter(notes, 'unused'));
    const take = (action: Action) => accept({ projectId: requiredVariable(env, 'GCLOUD_PROJECT'), action });
    command
      .command('list')
      .description('projects with archived assets: how many, until when, and where')
      .option('--json', 'print a JSON array')
      .action(({ json = false }) => take({ kind: 'list', json }));
    command
      .command('show')
      .description('the pages of one project')
      .requiredOption('--project <id>', 'the project')
      .option('--json', 'print a JSON array, with the paths of the documents')
      .action(({ project, json = false }) => take({ kind: 'show', project, json }));
    command
      .command('restore')
      .description('bring archived assets back')
      .requiredOption('--project <id>', 'the project whose assets were archived')
      .option('--to <id>', 'restore into this project instead')
      .option('--collection <name>', 'only of this collection; may be given more than once', repeated)
      .option('--dry-run', 'say what would come back, and what is in its way')
      .option('--json', 'print the job as JSON')
      .option(...decisionOptions.reason)
      .option(...decisionOptions.as)
      .option(...decisionOptions.yes)
      .action(({ project, to, collection, dryRun = false, json = false, reason, as, yes = false }) =>
        take({ kind: 'restore', project, to, collections: collection, dryRun, json, reason, as, yes }),
      );
    command
      .command('purge')
      .description('remove for good what is archived of a project')
      .requiredOption('--project <id>', 'the project')
      .option('--json', 'print the job as JSON, with the certificate')
      .option(...decisionOptions.reason)
      .option(...decisionOptions.as)
      .option(...decisionOptions.yes)
      .action(({ project, json = false, reason, as, yes = false }) =>
        take({ kind: 'purge', project, json, reason, as, yes }),
      );
  },
  async run({ projectId, action }, terminal) {
    const firestore = await openFirestore(terminal, projectId);
    switch (action.kind) {
      case 'list':
        return (await listProjects(firestore, terminal, action.json)) ? exitCodes.done : exitCodes.nothingArchived;
      case 'show': {
        const isThere = await showPages(firestore, terminal, action.project, action.json);
        return isThere ? exitCodes.done : exitCodes.nothingArchived;
      }
      case 'restore':
      case 'purge':
        return ask(firestore, projectId, action, terminal);
    }
  },
};

/** Asks for the work, and watches it until it is over. */
async function ask(
  firestore: Firestore,
  projectId: string,
  action: Extract<Action, { kind: 'restore' | 'purge' }>,
  terminal: Terminal,
): Promise<number> {
  const pubsub = await openPubSub(terminal, projectId);
  const reconciliationRequests = () => createPublisher(pubsub, requestsTopic.value());
  const { project } = action;
  const outcome = await decide(
    operationServices(terminal, firestore, { reconciliationRequests }),
    {
      ...action,
      ...(action.kind === 'purge'
        ? { operation: purgeOperation, input: { projectId: project } }
        : {
            operation: restoreOperation,
            input: { projectId: project, to: action.to, collections: action.collections, dryRun: action.dryRun },
          }),
      question: (count) =>
        action.kind === 'purge'
          ? `Remove for good ${count} archived documents of project ${project}? This cannot be undone.`
          : `Restore ${count} archived documents of project ${project}?`,
    },
    { ...terminal, inTime: (answer) => inTime(terminal, answer) },
    () => undefined,
  );
  if (outcome === 'declined') return exitCodes.declined;
  terminal.note(`${outcome.result}${outcome.sequence === null ? '' : ` (audit entry ${outcome.sequence})`}`);
  if (outcome.jobId === null) throw new Error('the work was asked for without a job');
  const isComplete = await followJob(firestore, terminal, outcome.jobId, action.json);
  return isComplete ? exitCodes.done : exitCodes.incomplete;
}

if (import.meta.main) await runAsProcess(archive);
