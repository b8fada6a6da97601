import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { localProjectId } from '../stack.ts';

const functionsDir = join(import.meta.dirname, '..', '..');
const projectDir = join(functionsDir, '..');

/** Where the CLI reads parameters from: https://firebase.google.com/docs/functions/config-env#emulator_support */
const parameterFiles = ['.env', `.env.${localProjectId}`, '.env.local'];

const address = z.looseObject({ host: z.string().default('127.0.0.1'), port: z.number() });

/** The part of `firebase.json` that these commands use; the rest is passed on as it is. */
const schema = z.looseObject({
  functions: z.array(z.looseObject({ source: z.string(), ignore: z.array(z.string()) })).min(1),
  emulators: z.looseObject({
    functions: address,
    firestore: address,
    pubsub: address,
    auth: address,
    hosting: address,
  }),
  hosting: z.looseObject({
    public: z.string(),
    headers: z
      .array(
        z.looseObject({
          source: z.string(),
          headers: z.array(z.object({ key: z.string(), value: z.string() })),
        }),
      )
      .default([]),
  }),
});

export type FirebaseJson = z.infer<typeof schema>;

/** Reads the text of a `firebase.json`; without: the project's own.
 *  @throws Error that names what is missing in it */
export function readFirebaseJson(text = readFileSync(join(projectDir, 'firebase.json'), 'utf8')): FirebaseJson {
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`firebase.json cannot be used for the emulators: ${problems.join('; ')}`);
}

/** The same file with other ports, and with ports for emulators that it does not name. */
export function withPorts(json: FirebaseJson, ports: Readonly<Record<string, number>>): FirebaseJson {
  const emulators = structuredClone(json.emulators);
  for (const [name, port] of Object.entries(ports)) {
    const before: unknown = emulators[name];
    emulators[name] = { host: '127.0.0.1', ...(typeof before === 'object' ? before : {}), port };
  }
  return { ...json, emulators };
}

/** The same file for a page that signs in with the Auth emulator: its policy lets it connect there. */
export function withAuthEmulator(json: FirebaseJson): FirebaseJson {
  const { host, port } = json.emulators.auth;
  const headers = json.hosting.headers.map((rule) => ({
    ...rule,
    headers: rule.headers.map(({ key, value }) => ({
      key,
      value:
        key === 'Content-Security-Policy' ? value.replace("connect-src 'self'", `$& http://${host}:${port}`) : value,
    })),
  }));
  return { ...json, hosting: { ...json.hosting, headers } };
}

/** A Firebase project in a temporary folder. The CLI writes logs and defaults of parameters next to what it runs; none
 *  of that belongs into the user's checkout. */
export interface Stage {
  readonly directory: string;
  /** What the functions emulator runs; the compiler writes into its `lib`. */
  readonly functions: string;
  /** An empty home for the CLI. */
  readonly home: string;
  /** A program that the CLI starts instead of a Pub/Sub emulator of its own. */
  readonly pubsubProgram: string;
  remove(): void;
}

export interface StageOptions {
  readonly firebaseJson: FirebaseJson;
  /** The value of the secret. */
  readonly mongodbUri: string;
  /** Parameters of the functions. */
  readonly params: Readonly<Record<string, string>>;
  /** Whether those of the checkout count as well, and more. */
  readonly takesParamsOfCheckout: boolean;
}

/** Lays out a stage; `lib` is still empty. */
export function createStage(options: StageOptions): Stage {
  const { firebaseJson, mongodbUri, params, takesParamsOfCheckout } = options;
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-emulators-'));
  const at = (...path: string[]) => join(directory, ...path);
  const functions = at('functions');
  const pubsubProgram = at('pubsub');
  mkdirSync(join(functions, 'lib'), { recursive: true });
  mkdirSync(at('home'));
  writeFileSync(at('firebase.json'), JSON.stringify(withAuthEmulator(firebaseJson), null, 2));
  // Links, so that Firebase's own Firestore sees changed rules at once.
  for (const file of ['firestore.rules', 'firestore.indexes.json']) symlinkSync(join(projectDir, file), at(file));
  copyFileSync(join(functionsDir, 'package.json'), join(functions, 'package.json'));
  symlinkSync(join(functionsDir, 'node_modules'), join(functions, 'node_modules'));
  // A copy: links may lead nowhere for who serves files. It is what was built last.
  const page = join(projectDir, firebaseJson.hosting.public);
  mkdirSync(at(firebaseJson.hosting.public), { recursive: true });
  if (existsSync(page)) cpSync(page, at(firebaseJson.hosting.public), { recursive: true });
  writeFileSync(join(functions, '.secret.local'), variableLines({ MONGODB_URI: mongodbUri }));
  if (takesParamsOfCheckout) {
    for (const file of parameterFiles.filter((name) => existsSync(join(functionsDir, name))))
      copyFileSync(join(functionsDir, file), join(functions, file));
  }
  // Behind those of the checkout, whose `.env` has all defaults: the last line counts.
  appendFileSync(join(functions, '.env'), `\n${variableLines(params)}`);
  writeFileSync(pubsubProgram, pubsubScript());
  const remove = () => rmSync(directory, { recursive: true, force: true });
  return { directory, functions, home: at('home'), pubsubProgram, remove };
}

/** The lines of a variables file; values are quoted, since a connection string may hold `#` and `=`. */
export function variableLines(variables: Readonly<Record<string, string>>): string {
  const quoted = (value: string) => `"${value.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join('');
}

/** The CLI starts one file and makes it executable itself; this one becomes our server, with the CLI's arguments. */
function pubsubScript(): string {
  const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;
  const program = ['lifeline.ts', 'pubsubProgram.ts'].map((file) => join(import.meta.dirname, file));
  return `#!/bin/sh\nexec ${[process.execPath, '--import', ...program].map(quoted).join(' ')} "$@"\n`;
}

/** As `npm run build`, into the stage, and only what is deployed. */
const compilerArgs = (stage: Stage) => [
  join(functionsDir, 'node_modules', 'typescript', 'bin', 'tsc'),
  ...['-p', 'tsconfig.build.json', '--outDir', join(stage.functions, 'lib')],
  ...['--declaration', 'false', '--sourceMap', 'false'],
  // What has not changed is not written again, and so not loaded again by the emulator.
  ...['--incremental', '--tsBuildInfoFile', join(stage.directory, 'tsbuildinfo.json')],
];

/** Compiles `src/` into the stage.
 *  @throws Error when it does not compile; what the compiler said stands on standard error. */
export function compile(stage: Stage): void {
  const run = spawnSync(process.execPath, compilerArgs(stage), { cwd: functionsDir, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) throw new Error('src/ does not compile; the messages of the compiler stand above');
}

/** Compiles again after every change of `src/`, until killed. The functions emulator notices and loads the functions
 *  anew. */
export function compileOnChange(stage: Stage): ChildProcess {
  return spawn(process.execPath, [...compilerArgs(stage), '--watch', '--preserveWatchOutput'], {
    cwd: functionsDir,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
