import { Command, CommanderError, InvalidArgumentError } from '@commander-js/extra-typings';
import { errorSentence } from './services.ts';
import { createTerminal, type Environment, type Terminal } from './terminal.ts';

/** A command of the terminal: how its arguments are read, and what it does with them. */
export interface TerminalCommand<Settings> {
  readonly name: string;
  /** Declares arguments and help. `accept` takes what a command line asks for.
   *  @throws UsageError when what was given does not fit together, or a variable is missing. */
  readonly declare: (command: Command, accept: (settings: Settings) => void, env: Environment) => void;
  /** Whether it saves its progress after SIGINT or SIGTERM, which takes a moment. */
  readonly saves: boolean;
  /** Does the work; resolves with the exit code. */
  readonly run: (settings: Settings, terminal: Terminal) => Promise<number>;
}

/** What a command line asks for. */
export type Invocation<Settings> =
  | { readonly kind: 'run'; readonly settings: Settings }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'mistake'; readonly message: string };

/** The command line or the environment is wrong: exit code 2. */
export class UsageError extends Error {}

/** How every command ends that finds an error, or a mistake in its command line. */
export const errorCodes = { failed: 1, usage: 2 } as const;

/** Reads a command line and the environment. Pure. */
export function readInvocation<Settings>(
  { name, declare }: Pick<TerminalCommand<Settings>, 'name' | 'declare'>,
  args: readonly string[],
  env: Environment,
): Invocation<Settings> {
  let help = '';
  const accepted: Settings[] = [];
  const command = new Command(`npm --prefix functions run ${name} --`)
    .helpOption('-h, --help', 'this text')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (help += text), writeErr: () => undefined });
  try {
    declare(command, (settings) => accepted.push(settings), env);
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof CommanderError)) throw error;
    if (help !== '') return { kind: 'help', text: help };
    // Without the subcommand that it needs, commander would print its help.
    const isIncomplete = error instanceof CommanderError && error.code === 'commander.help';
    const names = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(
      command.commands.map((sub) => sub.name()),
    );
    const text = isIncomplete ? `expected ${names}` : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    return { kind: 'mistake', message: `${text} (--help lists the options)` };
  }
  const [settings] = accepted;
  if (settings === undefined) throw new Error(`${name}: no action was declared for ${args.join(' ')}`);
  return { kind: 'run', settings };
}

/** Runs a command as this process, and ends the process. */
export async function runAsProcess<Settings>(command: TerminalCommand<Settings>): Promise<never> {
  const invocation = readInvocation(command, process.argv.slice(2), process.env);
  const terminal = createTerminal(command.name, command.saves);
  if (invocation.kind === 'help') {
    process.stdout.write(invocation.text);
    return terminal.exit(0);
  }
  if (invocation.kind === 'mistake') {
    terminal.warn(invocation.message);
    return terminal.exit(errorCodes.usage);
  }
  try {
    return await terminal.exit(await command.run(invocation.settings, terminal));
  } catch (error) {
    // Whatever broke off after a signal did so because of it.
    const stopCode = terminal.stopCode();
    if (stopCode !== undefined) return terminal.exit(stopCode);
    terminal.warn(errorSentence(error, process.env));
    return terminal.exit(error instanceof UsageError ? errorCodes.usage : errorCodes.failed);
  }
}

/** Reads an option as a whole number. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number ${range}`);
  };
}

/** Gathers the values of an option that may be given more than once, each once. */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  if (value === '') throw new InvalidArgumentError('expected a value');
  return [...new Set([...before, value])];
}

const variables = {
  MONGODB_URI: 'the replica set or sharded cluster that holds the projects',
  GCLOUD_PROJECT: 'the Firebase project',
  FIRESTORE_EMULATOR_HOST: 'a local Firestore instead of the real one',
  PUBSUB_EMULATOR_HOST: 'a local Pub/Sub instead of the real one',
} as const;

const example = {
  MONGODB_URI: 'mongodb://localhost:27017/?replicaSet=rs0',
  GCLOUD_PROJECT: 'demo-lockstep',
} as const;

/** The value of a variable that a command cannot do without.
 *  @throws UsageError */
export function requiredVariable(env: Environment, name: keyof typeof example): string {
  const value = env[name] || (name === 'GCLOUD_PROJECT' ? env.GOOGLE_CLOUD_PROJECT : undefined);
  if (value) return value;
  throw new UsageError(`${name} is not set; it names ${variables[name]}, such as ${example[name]}`);
}

/** The part of a help text that lists the environment and the exit codes. */
export function helpAfter(notes: string, mongodb: 'required' | 'optional' | 'unused' = 'required'): string {
  const rows = Object.entries(variables)
    .filter(([name]) => name !== 'MONGODB_URI' || mongodb !== 'unused')
    .map(([name, meaning]) => {
      const isRequired = name === 'GCLOUD_PROJECT' || (name === 'MONGODB_URI' && mongodb === 'required');
      return `  ${name.padEnd(24)}  ${meaning}${isRequired ? ' (required)' : ''}`;
    });
  return `\nEnvironment:\n${rows.join('\n')}\n\n${notes}`;
}
