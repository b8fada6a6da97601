// `npm run emulators`: Firebase's own emulators around the functions, with what they lack beside them, until Ctrl-C.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { readArguments, UsageError } from '../cli/arguments.ts';
import { startOnPort } from '../ports.ts';
import { startFirestoreServer } from '../servers/firestore/server.ts';
import { startMongoServer } from '../servers/mongodb/server.ts';
import { localProjectId, usualPorts } from '../stack.ts';
import { type Choice, chooseServer } from './chooseServer.ts';
import { downloadOf, installedJava } from './circumstances.ts';
import { cliEnvironment, downloadsFolder } from './cliEnvironment.ts';
import { startCli } from './cliProcess.ts';
import { compile, compileOnChange } from './compile.ts';
import { emulatedFunctions } from './emulatedFunctions.ts';
import { cliVersion, type FirebaseCli, findFirebaseCli } from './firebaseCli.ts';
import { type EmulatorName, type FirebaseJson, parseFirebaseJson } from './firebaseJson.ts';
import { isFree } from './ports.ts';
import { startRelay } from './relayProcess.ts';
import { createStage, type Stage } from './stage.ts';
import { createStopSignal } from './stopSignal.ts';

const usage = `usage: npm --prefix functions run emulators [-- options]

Starts Firebase's own emulators (firebase-tools ${cliVersion}, fetched by npx at its first use) with the functions in them, and stays up until
Ctrl-C. Its Firestore and Pub/Sub emulators need Java 21 and a download; where they cannot run, ours take their place. The emulators run no
schedules, so the relay runs beside them as a process of its own. A change of src/ is compiled and loaded at once (the relay needs a restart).

MONGODB_URI (or the one in functions/.secret.local) and FIRESTORE_EMULATOR_HOST name services that are used instead of being started. Ports are
those of firebase.json. Parameters come from functions/.env, .env.${localProjectId} and .env.local.

  --ours    our Firestore and Pub/Sub, even where Firebase's could run
  --help    this text
`;

const functionsDir = join(import.meta.dirname, '..', '..');
const projectDir = join(functionsDir, '..');

const say = (text: string) => console.log(`emulators: ${text}`);

/** What was opened on the way, closed in reverse order. */
type Opened = (close: () => unknown) => void;

async function main(): Promise<number> {
  const { values } = readArguments(process.argv.slice(2), { ours: { type: 'boolean' } });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const { signal } = createStopSignal();
  const found = await findFirebaseCli(signal, () =>
    say(`fetching firebase-tools ${cliVersion} from the npm registry, once (about half a minute) ...`),
  );
  if (found.kind === 'unavailable') {
    throw new Error(`firebase-tools ${cliVersion} is not in npm's cache and cannot be fetched: ${found.why}`);
  }
  const closers: (() => unknown)[] = [];
  try {
    return await run(found.cli, values.ours === true, signal, (close) => closers.push(close));
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function run(cli: FirebaseCli, preferOurs: boolean, signal: AbortSignal, opened: Opened): Promise<number> {
  const json = parseFirebaseJson(readFileSync(join(projectDir, 'firebase.json'), 'utf8'));
  const choices = await chooseServers(cli, preferOurs, signal);
  await refuseTakenPorts(json, choices.firestore.kind === 'given' ? ['functions', 'pubsub'] : undefined);

  const mongodbUri = await openMongodb(opened);
  const firestoreHost = await openFirestore(choices.firestore, json, opened);
  const { host, port } = json.emulators.pubsub;
  const pubsubHost = `${host}:${port}`;
  describe('Firestore', choices.firestore, firestoreHost);
  describe('Pub/Sub', choices.pubsub, pubsubHost);

  const stage = createStage({ firebaseJson: json, mongodbUri });
  opened(() => stage.remove());
  for (const file of stage.parameterFiles) say(`parameters from functions/${file}`);
  compile(stage);
  signal.throwIfAborted();

  const official = choices.firestore.kind === 'official';
  const emulators = startCli({
    cli,
    projectId: localProjectId,
    command: ['emulators:start', '--only', ['functions', 'pubsub', ...(official ? ['firestore'] : [])].join()],
    cwd: stage.directory,
    env: cliEnvironment(process.env, stage.home, {
      FORCE_COLOR: process.stdout.isTTY ? '1' : undefined,
      FIRESTORE_EMULATOR_HOST: official ? undefined : firestoreHost,
      PUBSUB_EMULATOR_BINARY_PATH: choices.pubsub.kind === 'ours' ? stage.pubsubProgram : undefined,
    }),
    onLine: (line) => console.log(line),
  });
  opened(() => emulators.stop());
  const interrupted = new Promise<'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  const cliEnded = emulators.exited.then((code) => ({ what: 'firebase-tools', code }));

  const begun = await Promise.race([emulators.ready.then(() => 'ready' as const), cliEnded, interrupted]);
  if (begun === 'interrupted') return 0;
  if (begun !== 'ready') throw new Error(`firebase-tools ended with code ${begun.code}; what it said stands above`);

  const variables = {
    MONGODB_URI: mongodbUri,
    FIRESTORE_EMULATOR_HOST: firestoreHost,
    PUBSUB_EMULATOR_HOST: pubsubHost,
    GCLOUD_PROJECT: localProjectId,
    METADATA_SERVER_DETECTION: 'none',
  };
  const relay = startRelay({ ...parameters(stage), ...variables }, (line) => console.log(`>  relay: ${line}`));
  opened(() => relay.stop());
  const compiler = compileOnChange(stage);
  opened(() => compiler.kill());
  await printGuide(variables, `http://${json.emulators.functions.host}:${json.emulators.functions.port}`);

  const relayEnded = relay.exited.then((code) => ({ what: 'the relay', code }));
  const end = await Promise.race([interrupted, cliEnded, relayEnded]);
  if (end === 'interrupted') {
    say('stopping ...');
    return 0;
  }
  throw new Error(`${end.what} ended with code ${end.code}; what it said stands above`);
}

/** Which Firestore and which Pub/Sub; a Pub/Sub that runs elsewhere cannot be used, since the CLI wires its triggers in the one it starts. */
async function chooseServers(
  cli: FirebaseCli,
  preferOurs: boolean,
  signal: AbortSignal,
): Promise<{ readonly firestore: Choice; readonly pubsub: Choice }> {
  const { FIRESTORE_EMULATOR_HOST: givenFirestore, PUBSUB_EMULATOR_HOST: givenPubsub } = process.env;
  if (givenPubsub)
    say('PUBSUB_EMULATOR_HOST is not used: the CLI wires the triggers in a Pub/Sub that it starts itself');
  const java = await installedJava();
  const folder = downloadsFolder(process.env);
  const choose = async (emulator: 'firestore' | 'pubsub', given?: { variable: string; host: string }) =>
    chooseServer({ java, preferOurs, given, download: await downloadOf(cli, emulator, folder, signal) });
  return {
    firestore: await choose(
      'firestore',
      givenFirestore ? { variable: 'FIRESTORE_EMULATOR_HOST', host: givenFirestore } : undefined,
    ),
    pubsub: await choose('pubsub'),
  };
}

function describe(service: string, { kind, why }: Choice, host: string): void {
  const whose = { given: 'yours', official: "Firebase's own", ours: 'ours' }[kind];
  const limits =
    kind === 'ours' && service === 'Firestore'
      ? '; for server code: no security rules and no web or mobile clients'
      : '';
  say(`${service}: ${whose} at ${host} (${why})${limits}`);
}

/** @throws Error that names every port which is in use */
async function refuseTakenPorts(
  { emulators }: FirebaseJson,
  names: readonly EmulatorName[] = ['functions', 'firestore', 'pubsub'],
): Promise<void> {
  const taken: string[] = [];
  for (const name of names) {
    const { host, port } = emulators[name];
    if (!(await isFree(port, host))) taken.push(`${port} (${name})`);
  }
  if (taken.length === 0) return;
  throw new Error(
    `in use: port ${taken.join(', port ')}. Stop what uses it, or set another one in firebase.json under "emulators"`,
  );
}

async function openMongodb(opened: Opened): Promise<string> {
  const secrets = join(functionsDir, '.secret.local');
  const fromFile = existsSync(secrets) ? parseEnv(readFileSync(secrets, 'utf8')).MONGODB_URI : undefined;
  const given = process.env.MONGODB_URI || fromFile;
  if (given) {
    say(`MongoDB: yours (${process.env.MONGODB_URI ? 'MONGODB_URI' : 'functions/.secret.local'} names it)`);
    return given;
  }
  const server = await startOnPort(
    { service: 'MongoDB', flag: 'MONGODB_URI', usual: usualPorts.mongodb },
    (port) => startMongoServer({ port }),
    (port) => say(`port ${port} is in use, perhaps by a MongoDB of yours; MONGODB_URI would name it`),
  );
  opened(() => server.close());
  say(`MongoDB: embedded at ${server.uri} (MONGODB_URI names none)`);
  return server.uri;
}

async function openFirestore(choice: Choice, { emulators }: FirebaseJson, opened: Opened): Promise<string> {
  if (choice.kind === 'given') return choice.host;
  const { host, port } = emulators.firestore;
  if (choice.kind === 'ours') {
    const server = await startFirestoreServer({ host, port, indexes: join(projectDir, 'firestore.indexes.json') });
    opened(() => server.close());
  }
  return `${host}:${port}`;
}

/** The parameters as the CLI reads them: later files win. */
function parameters(stage: Stage): Record<string, string> {
  const read = (file: string) => parseEnv(readFileSync(join(stage.functions, file), 'utf8'));
  const found: Record<string, string> = {};
  for (const file of stage.parameterFiles) {
    for (const [name, value] of Object.entries(read(file))) if (value !== undefined) found[name] = value;
  }
  return found;
}

/** What a person needs to go on in another terminal. */
async function printGuide(variables: Readonly<Record<string, string>>, functionsUrl: string): Promise<void> {
  const reconcile = (await emulatedFunctions(functionsUrl, localProjectId)).find(
    ({ name }) => name === 'reconcileAssets',
  );
  console.log('\nReady. In another terminal:\n');
  for (const [name, value] of Object.entries(variables)) console.log(`  export ${name}='${value}'`);
  console.log('\nTry:\n');
  console.log(
    `  npx mongosh "$MONGODB_URI" --eval 'db.getSiblingDB("collaboration").projects.insertOne({ name: "First light" })'`,
  );
  if (reconcile) console.log(`  curl -X POST ${reconcile.url}`);
  console.log('\nCtrl-C stops everything.\n');
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.error(`emulators: ${error instanceof UsageError ? `${text}\n\n${usage}` : text}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
