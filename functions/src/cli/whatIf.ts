import { Option } from '@commander-js/extra-typings';
import config from '../lockstep.config.ts';
import { previewOperation } from '../operations/runOperation.ts';
import { whatIf as operation } from '../operations/whatIf.ts';
import { projectChanges } from '../whatIf/estimate.ts';
import { helpAfter, repeated, requiredVariable, runAsProcess, type TerminalCommand, UsageError } from './command.ts';
import { operationServices } from './decisions/operationServices.ts';
import { openFirestore } from './services.ts';

export interface WhatIfSettings {
  readonly projectId: string;
  readonly input: { readonly projectIds: readonly string[]; readonly change: (typeof projectChanges)[number] };
  readonly json: boolean;
}

const notes = `Counts with aggregations (one read per thousand assets) and writes nothing; the last line says what
that has cost. Prices are those of the list, beyond the free quota.

Exit code: 0 done; 1 an error; 2 a mistake in the command.`;

/** What deleting or renaming projects would touch, and what it would cost. */
export const whatIf: TerminalCommand<WhatIfSettings> = {
  name: 'what-if',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Says what deleting or renaming projects would touch, and what that would cost. Writes nothing.')
      .requiredOption('--project <id>', 'this project; may be given more than once', repeated)
      .addOption(new Option('--change <what>', 'what would happen to it').choices(projectChanges).makeOptionMandatory())
      .option('--json', 'print it as JSON')
      .addHelpText('after', helpAfter(notes, 'unused'))
      .action(({ project: projectIds, change, json = false }) =>
        accept({
          projectId: requiredVariable(env, 'GCLOUD_PROJECT'),
          input: { projectIds, change },
          json: json === true,
        }),
      );
  },
  async run({ projectId, input, json }, terminal) {
    const firestore = await openFirestore(terminal, projectId);
    const services = { ...operationServices(terminal, firestore), config };
    const actor = { name: 'terminal', role: 'viewer', via: 'terminal' } as const;
    const result = await previewOperation(services, operation, { actor, input });
    if (result.kind === 'invalid') {
      throw new UsageError(result.errors.map(({ field, problem }) => `${field}: ${problem}`).join('; '));
    }
    if (result.kind !== 'preview') throw new Error(result.detail);
    const { count, what, details } = result.preview;
    const text = json
      ? JSON.stringify({ count, what, details }, null, 2)
      : [`${count} ${what}:`, ...details.map(({ name, value }) => `  ${name}: ${value.toLocaleString('en-US')}`)].join(
          '\n',
        );
    for (const line of text.split('\n')) terminal.print(line);
    return 0;
  },
};

if (import.meta.main) await runAsProcess(whatIf);
