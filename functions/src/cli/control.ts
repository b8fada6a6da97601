import { controlRef, parseControl } from '../control/control.ts';
import { pause, resume } from '../operations/pauses.ts';
import { cancelReconciliation } from '../operations/reconcile.ts';
import { helpAfter, requiredVariable, runAsProcess, type TerminalCommand } from './command.ts';
import { decideAndSay } from './decisions/decideAndSay.ts';
import { type DecisionOptions, decisionOptions } from './decisions/decision.ts';
import { operationServices } from './decisions/operationServices.ts';
import { inTime, openFirestore } from './services.ts';

type Action =
  | { readonly kind: 'status'; readonly json: boolean }
  | (DecisionOptions & {
      readonly kind: 'pause' | 'resume';
      readonly what: string;
      readonly collection: string | undefined;
    })
  | (DecisionOptions & { readonly kind: 'cancel'; readonly jobId: string });

export interface ControlSettings {
  readonly projectId: string;
  readonly action: Action;
}

const notes = `What can be paused: relay, deletions, collection NAME. A pause takes hold within five seconds, and is
kept in the audit with who paused and why.

Exit code: 0 done; 1 an error; 2 a mistake in the command; 3 nothing was left to do; 4 you said no.`;

/** What is paused, and decisions about that. */
export const control: TerminalCommand<ControlSettings> = {
  name: 'control',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Pauses and resumes the relay, all deletions or one collection, and ends reconciliations.')
      .addHelpText('after', helpAfter(notes, 'unused'));
    const take = (action: Action) => accept({ projectId: requiredVariable(env, 'GCLOUD_PROJECT'), action });
    command
      .command('status')
      .description('what is paused, by whom, since when and why')
      .option('--json', 'print a JSON array')
      .action(({ json = false }) => take({ kind: 'status', json }));
    for (const [kind, meaning] of [
      ['pause', 'pause the relay, all deletions, or the work on one collection'],
      ['resume', 'let it go on'],
    ] as const) {
      command
        .command(kind)
        .description(meaning)
        .argument('<what>', 'relay, deletions or collection')
        .argument('[name]', 'of the collection')
        .option(...decisionOptions.reason)
        .option(...decisionOptions.as)
        .option(...decisionOptions.yes)
        .action((what, collection, { reason, as, yes = false }) => take({ kind, what, collection, reason, as, yes }));
    }
    command
      .command('cancel')
      .description('end a reconciliation or a verification; what it has repaired stays repaired')
      .argument('<job>', 'id of its job in syncJobs')
      .option(...decisionOptions.reason)
      .option(...decisionOptions.as)
      .option(...decisionOptions.yes)
      .action((jobId, { reason, as, yes = false }) => take({ kind: 'cancel', jobId, reason, as, yes }));
  },
  async run({ projectId, action }, terminal) {
    const firestore = await openFirestore(terminal, projectId);
    const services = operationServices(terminal, firestore);
    switch (action.kind) {
      case 'status': {
        const ref = controlRef(firestore);
        const { paused } = parseControl(ref.path, (await inTime(terminal, ref.get())).data());
        const listed = paused.map(({ since, ...pause }) => ({ ...pause, since: new Date(since).toISOString() }));
        if (action.json) terminal.print(JSON.stringify(listed));
        else if (listed.length === 0) terminal.print('Nothing is paused.');
        else
          for (const { what, by, reason, since } of listed)
            terminal.print(`${what}  since ${since} by ${by}: ${reason}`);
        return 0;
      }
      case 'pause':
      case 'resume': {
        const { kind, what, collection } = action;
        const name = collection === undefined ? what : `${what} ${collection}`;
        return decideAndSay(
          services,
          {
            ...action,
            operation: kind === 'pause' ? pause : resume,
            input: collection === undefined ? { what } : { what, collection },
            question: () => `${kind === 'pause' ? 'Pause' : 'Resume'} ${name}?`,
          },
          terminal,
        );
      }
      case 'cancel':
        return decideAndSay(
          services,
          {
            ...action,
            operation: cancelReconciliation,
            input: { jobId: action.jobId },
            question: () => `End ${action.jobId}?`,
          },
          terminal,
        );
    }
  },
};

if (import.meta.main) await runAsProcess(control);
