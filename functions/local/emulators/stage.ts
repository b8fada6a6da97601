import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProjectId } from '../stack.ts';
import type { FirebaseJson } from './firebaseJson.ts';

const functionsDir = join(import.meta.dirname, '..', '..');
const projectDir = join(functionsDir, '..');

/** Where the CLI reads parameters from: https://firebase.google.com/docs/functions/config-env#emulator_support */
const parameterFiles = ['.env', `.env.${localProjectId}`, '.env.local'];

/** A Firebase project in a temporary folder. The CLI writes logs and defaults of parameters next to what it runs; none of that belongs into
 *  the user's checkout. */
export interface Stage {
  readonly directory: string;
  /** What the functions emulator runs; the compiler writes into its `lib`. */
  readonly functions: string;
  /** An empty home for the CLI. */
  readonly home: string;
  /** A program that the CLI can start instead of its own Pub/Sub. */
  readonly pubsubProgram: string;
  /** The parameter files that were taken over from the checkout. */
  readonly parameterFiles: readonly string[];
  remove(): void;
}

export interface StageOptions {
  readonly firebaseJson: FirebaseJson;
  /** The value of the secret. */
  readonly mongodbUri: string;
  /** Parameters; without: those of the checkout. */
  readonly params?: Readonly<Record<string, string>>;
}

/** Lays out a stage; `lib` is still empty. */
export function createStage({ firebaseJson, mongodbUri, params }: StageOptions): Stage {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-emulators-'));
  const at = (...path: string[]) => join(directory, ...path);
  const functions = at('functions');
  mkdirSync(join(functions, 'lib'), { recursive: true });
  mkdirSync(at('home'));
  writeFileSync(at('firebase.json'), JSON.stringify(firebaseJson, null, 2));
  // Links, so that Firebase's own Firestore sees changed rules at once.
  for (const file of ['firestore.rules', 'firestore.indexes.json']) symlinkSync(join(projectDir, file), at(file));
  copyFileSync(join(functionsDir, 'package.json'), join(functions, 'package.json'));
  symlinkSync(join(functionsDir, 'node_modules'), join(functions, 'node_modules'));
  writeFileSync(join(functions, '.secret.local'), variableLines({ MONGODB_URI: mongodbUri }));
  const taken: string[] = [];
  if (params) {
    writeFileSync(join(functions, '.env'), variableLines(params));
  } else {
    for (const file of parameterFiles.filter((name) => existsSync(join(functionsDir, name)))) {
      copyFileSync(join(functionsDir, file), join(functions, file));
      taken.push(file);
    }
  }
  const pubsubProgram = at('pubsub');
  writeFileSync(pubsubProgram, pubsubScript());
  return {
    directory,
    functions,
    home: at('home'),
    pubsubProgram,
    parameterFiles: taken,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** The lines of a variables file; values are quoted, since a connection string may hold `#` and `=`. */
export function variableLines(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, (character) => `\\${character}`)}"\n`)
    .join('');
}

/** The CLI starts one file and makes it executable itself; this one becomes our server, with the arguments that the CLI gives. */
function pubsubScript(): string {
  const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;
  const program = join(import.meta.dirname, 'pubsubProgram.ts');
  const lifeline = join(import.meta.dirname, 'lifeline.ts');
  return `#!/bin/sh\nexec ${[process.execPath, '--import', lifeline, program].map(quoted).join(' ')} "$@"\n`;
}
