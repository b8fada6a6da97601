import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Config, recordCollections } from '../config/defineConfig.ts';
import config from '../lockstep.config.ts';
import { errorText } from '../log.ts';
import { requiredIndexes } from '../reconcile/requiredIndexes.ts';
import { errorCodes, runAsProcess, type TerminalCommand } from './command.ts';
import { missingIndexes, withIndexes } from './indexFile.ts';
import type { Terminal } from './terminal.ts';

export interface IndexesSettings {
  readonly check: boolean;
  readonly indexesFile: string;
  readonly rulesFile: string;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, complete: 0, missing: 1 } as const;

const firebaseDir = join(import.meta.dirname, '..', '..', '..');

const notes = `
Whatever else is in firestore.indexes.json stays as it is. firestore.rules is read, and never written:
who may see and change which asset is for you to say.

Exit code: 0 all is there (or was added to firestore.indexes.json); 1 something is missing (with
--check also what this command could add), or an error; 2 a mistake in the command.`;

/** Brings firestore.indexes.json to what the configuration needs. */
export const indexes: TerminalCommand<IndexesSettings> = {
  name: 'indexes',
  saves: false,
  declare(command, accept) {
    command
      .description(
        'Adds what lockstep.config.ts needs to firestore.indexes.json, and says what firestore.rules must name.',
      )
      .option('--check', 'change nothing; say what is missing', false)
      .option('--indexes <file>', 'the file of indexes', join(firebaseDir, 'firestore.indexes.json'))
      .option('--rules <file>', 'the file of security rules', join(firebaseDir, 'firestore.rules'))
      .addHelpText('after', notes)
      .action(({ check, indexes: indexesFile, rules: rulesFile }) => accept({ check, indexesFile, rulesFile }));
  },
  run: async (settings, terminal) => bringToConfig(config, settings, terminal),
};

/** Adds what is missing, or with `check` only says it; returns the exit code.
 *  @throws Error when a file cannot be read or written. */
export function bringToConfig(config: Config, settings: IndexesSettings, { print }: Pick<Terminal, 'print'>): number {
  const { check, indexesFile, rulesFile } = settings;
  const name = relative(process.cwd(), indexesFile);
  const text = existsSync(indexesFile) ? readFileSync(indexesFile, 'utf8') : '{}\n';
  const missing = missingIn(name, text, config);
  if (!check && missing.length > 0) writeFileSync(indexesFile, withIndexes(text, missing));
  const added = check ? 'is missing' : 'added';
  for (const { what } of missing) print(`${name}: ${added}: ${what}`);
  if (missing.length === 0) print(`${name}: has all that the configuration needs`);

  const rules = existsSync(rulesFile) ? readFileSync(rulesFile, 'utf8') : '';
  const unnamed = requiredMatches(config).filter(({ pattern }) => !pattern.test(rules));
  const rulesName = relative(process.cwd(), rulesFile);
  for (const { match, why } of unnamed) print(`${rulesName}: is missing: match ${match}: ${why}`);
  if (unnamed.length === 0) print(`${rulesName}: names all collections of the configuration and of the records`);
  return unnamed.length > 0 || (check && missing.length > 0) ? exitCodes.missing : exitCodes.complete;
}

function missingIn(name: string, text: string, config: Config) {
  try {
    return missingIndexes(text, requiredIndexes(config));
  } catch (error) {
    throw new Error(`${name} is not a file of indexes: ${errorText(error)}`, { cause: error });
  }
}

interface RequiredMatch {
  readonly match: string;
  /** Finds it in a line that is no comment. */
  readonly pattern: RegExp;
  readonly why: string;
}

/** The blocks that firestore.rules needs, by the ids of their collections. What the blocks have to refuse is held by
 *  the tests of the rules. */
function requiredMatches({ collections }: Config): RequiredMatch[] {
  const block = (match: string, why: string): RequiredMatch => {
    const [, id = ''] = /([^/]+)\/\{[^/]+\}$/.exec(match) ?? [];
    const parent = match.startsWith('/{path=**}') ? '/\\{\\w+=\\*\\*\\}/' : '\\S*/';
    return { match, why, pattern: new RegExp(`^\\s*match\\s+${parent}${literally(id)}/\\{`, 'm') };
  };
  return [
    ...Object.values(recordCollections).map((name) =>
      block(`/${name}/{document=**}`, 'allow read, write: if false; clients never reach records'),
    ),
    ...collections.map(({ kind, name }) =>
      block(`${kind === 'group' ? '/{path=**}' : ''}/${name}/{asset}`, '"npm --prefix functions run rules" writes it'),
    ),
  ];
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

if (import.meta.main) await runAsProcess(indexes);
