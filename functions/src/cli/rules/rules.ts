import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Config } from '../../config/defineConfig.ts';
import config from '../../lockstep.config.ts';
import { errorCodes, runAsProcess, type TerminalCommand } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { withAssetRules } from './rulesFile.ts';

export interface RulesSettings {
  readonly check: boolean;
  readonly file: string;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, complete: 0, outdated: 1 } as const;

const notes = `
Writes what stands between "// <lockstep>" and "// </lockstep>", one block for each entry of "collections", except
what stands between "// <yours NAME>" and "// </yours>" in it. isMember(), mayList() and the rest of the file are yours.

Exit code: 0 the file is as the configuration asks (or was written so); 1 with --check it is not, or an error; 2 a
mistake in the command.`;

/** Brings the blocks of assets in firestore.rules to the configuration. */
export const rules: TerminalCommand<RulesSettings> = {
  name: 'rules',
  saves: false,
  declare(command, accept) {
    command
      .description('Writes the blocks of assets in firestore.rules as lockstep.config.ts asks.')
      .option('--check', 'change nothing; say whether the file is as it should be', false)
      .option('--rules <file>', 'the file of security rules', join(import.meta.dirname, '../../../../firestore.rules'))
      .addHelpText('after', notes)
      .action(({ check, rules: file }) => accept({ check, file }));
  },
  run: async (settings, terminal) => bringRulesToConfig(config, settings, terminal),
};

/** Writes the blocks, or with `check` only says whether they are so; returns the exit code.
 *  @throws RulesFileError; Error when the file cannot be read or written. */
export function bringRulesToConfig(
  of: Config,
  { check, file }: RulesSettings,
  { print }: Pick<Terminal, 'print'>,
): number {
  const name = relative(process.cwd(), file);
  const text = readFileSync(file, 'utf8');
  const wanted = withAssetRules(text, of);
  if (text === wanted) {
    print(`${name}: is as the configuration asks`);
    return exitCodes.complete;
  }
  if (check) {
    print(`${name}: is not as the configuration asks; write it with: npm --prefix functions run rules`);
    return exitCodes.outdated;
  }
  writeFileSync(file, wanted);
  print(`${name}: written; look at the difference, and deploy it with: firebase deploy --only firestore:rules`);
  return exitCodes.complete;
}

if (import.meta.main) await runAsProcess(rules);
