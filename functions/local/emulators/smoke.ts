// `npm run emulators:smoke`: the whole path through Firebase's own CLI and its loader of functions.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments, UsageError } from '../cli/arguments.ts';
import { type Row, renderTable } from '../demo/table.ts';
import { startFirestoreServer } from '../servers/firestore/server.ts';
import { startMongoServer } from '../servers/mongodb/server.ts';
import { freshProjectId } from '../stack.ts';
import { cliEnvironment } from './cliEnvironment.ts';
import { startCli } from './cliProcess.ts';
import { compile } from './compile.ts';
import { cliVersion, type FirebaseCli, findFirebaseCli } from './firebaseCli.ts';
import { type FirebaseJson, furtherEmulators, parseFirebaseJson, withPorts } from './firebaseJson.ts';
import { packagedByCli } from './packagedByCli.ts';
import { freePorts } from './ports.ts';
import { rowsSchema } from './smokeRows.ts';
import { createStage } from './stage.ts';
import { createStopSignal } from './stopSignal.ts';
import { uploadedPackage } from './uploadedPackage.ts';

const usage = `usage: npm --prefix functions run emulators:smoke [-- options]

Runs the functions in Firebase's own emulator (firebase-tools ${cliVersion}, fetched by npx at its first use), with our Firestore and Pub/Sub
behind it, so that it needs neither Java nor a network beyond the npm registry. Creates, renames and deletes projects in MongoDB, and looks at
what becomes of their assets. MONGODB_URI and FIRESTORE_EMULATOR_HOST name services that are used instead of ours.

  --verbose   prints what the CLI and the functions say
  --help      this text
`;

const projectDir = join(import.meta.dirname, '..', '..', '..');

/** Parameters that make the functions fit for a test of seconds. */
const params = {
  // An invocation of the relay ends while the test runs, and the next one takes over.
  RELAY_BUDGET_SECONDS: '4',
  RECONCILE_MODE: 'clean',
  // What the test plants is young.
  RECONCILE_GRACE_MINUTES: '0',
};

async function main(): Promise<number> {
  const { values } = readArguments(process.argv.slice(2), { verbose: { type: 'boolean' } });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const stop = createStopSignal();
  const found = await findFirebaseCli(stop.signal, () =>
    console.log(`smoke: fetching firebase-tools ${cliVersion} from the npm registry, once (about half a minute) ...`),
  );
  if (found.kind === 'unavailable') {
    console.error(`smoke: firebase-tools ${cliVersion} is not in npm's cache and cannot be fetched: ${found.why}`);
    return 1;
  }
  const log: string[] = [];
  const onLine = (line: string) => {
    if (values.verbose === true) console.log(line);
    else log.push(line);
  };
  const rows = await runThrough(found.cli, stop.signal, onLine);
  if (stop.signal.aborted) return 1;
  const failed = rows.filter(({ passed }) => !passed).length;
  if (failed > 0 || rows.length === 0) console.log(`${log.join('\n')}\n`);
  if (rows.length === 0) {
    console.log('smoke: the emulators did not get as far as the first check; what they said stands above');
    return 1;
  }
  console.log(`\n${renderTable(rows)}\n`);
  console.log(`smoke: ${rows.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Brings everything up, performs the checks inside of the CLI, and takes everything down; no rows when it came to no check. */
async function runThrough(cli: FirebaseCli, signal: AbortSignal, onLine: (line: string) => void): Promise<Row[]> {
  const opened: { close(): unknown }[] = [];
  try {
    const { MONGODB_URI: givenMongodb, FIRESTORE_EMULATOR_HOST: givenFirestore } = process.env;
    console.log(`smoke: MongoDB ${givenMongodb ? 'named by MONGODB_URI' : 'embedded'}`);
    const mongodb = givenMongodb ? undefined : await startMongoServer();
    if (mongodb) opened.push(mongodb);
    console.log(`smoke: Firestore ${givenFirestore ? `at ${givenFirestore}` : 'ours'}, Pub/Sub ours`);
    const firestore = givenFirestore
      ? undefined
      : await startFirestoreServer({ indexes: join(projectDir, 'firestore.indexes.json') });
    if (firestore) opened.push(firestore);
    const mongodbUri = givenMongodb || (mongodb?.uri ?? '');

    const ports = await freePorts(['functions', 'pubsub', ...furtherEmulators]);
    const firebaseJson = parseFirebaseJson(readFileSync(join(projectDir, 'firebase.json'), 'utf8'));
    const stage = createStage({ firebaseJson: withPorts(firebaseJson, ports), mongodbUri, params });
    opened.push({ close: () => stage.remove() });
    compile(stage);
    signal.throwIfAborted();

    console.log(`smoke: firebase-tools ${cliVersion} loads the functions ...`);
    const rowsFile = join(stage.directory, 'rows.json');
    const here = (file: string) => join(import.meta.dirname, file);
    const run = startCli({
      cli,
      // Records that earlier runs left in a Firestore that stays would count.
      projectId: freshProjectId(),
      // Through variables, so that no path has to be quoted.
      command: [
        'emulators:exec',
        ...['--only', 'functions,pubsub'],
        'exec "$SMOKE_NODE" --import "$SMOKE_LIFELINE" "$SMOKE_SESSION"',
      ],
      cwd: stage.directory,
      env: cliEnvironment(process.env, stage.home, {
        MONGODB_URI: mongodbUri,
        FIRESTORE_EMULATOR_HOST: givenFirestore || firestore?.host,
        PUBSUB_EMULATOR_BINARY_PATH: stage.pubsubProgram,
        SMOKE_NODE: process.execPath,
        SMOKE_LIFELINE: here('lifeline.ts'),
        SMOKE_SESSION: here('smokeSession.ts'),
        SMOKE_FUNCTIONS_URL: `http://127.0.0.1:${ports.get('functions')}`,
        SMOKE_ROWS_FILE: rowsFile,
      }),
      onLine,
    });
    opened.push({ close: () => run.stop() });
    const onAbort = () => void run.stop();
    signal.addEventListener('abort', onAbort);
    const code = await run.exited;
    signal.removeEventListener('abort', onAbort);
    const { killed } = await run.stop();
    if (!existsSync(rowsFile)) return [];
    const rows: Row[] = rowsSchema.parse(JSON.parse(readFileSync(rowsFile, 'utf8')));
    rows.push({
      what: 'firebase emulators:exec',
      expected: 'ends with what the checks came to',
      mongodb: '',
      firestore: `exit code ${code}`,
      passed: code === (rows.every(({ passed }) => passed) ? 0 : 1),
    });
    rows.push({
      what: 'processes after the end',
      expected: 'none',
      mongodb: '',
      firestore: killed ? 'some had to be killed' : 'none',
      passed: !killed,
    });
    rows.push(await comparePackages(cli, firebaseJson));
    return rows;
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}

/** What the tests hold against the intention is what the CLI would upload. */
async function comparePackages(cli: FirebaseCli, { functions: [codebase] }: FirebaseJson): Promise<Row> {
  const ignore = codebase?.ignore ?? [];
  const folder = join(projectDir, codebase?.source ?? '');
  const [byCli, byUs] = [await packagedByCli(cli, folder, ignore), uploadedPackage(folder, ignore)];
  const only = [
    ...byCli.filter((file) => !byUs.includes(file)).map((file) => `the CLI takes ${file}`),
    ...byUs.filter((file) => !byCli.includes(file)).map((file) => `the CLI leaves out ${file}`),
  ];
  return {
    what: 'what would be uploaded',
    expected: 'as the package test computes it',
    mongodb: '',
    firestore: only.slice(0, 3).join('; ') || `the same ${byCli.length} files`,
    passed: only.length === 0,
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.error(`smoke: ${error instanceof UsageError ? `${text}\n\n${usage}` : text}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
