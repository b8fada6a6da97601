// `npm run emulators:smoke`: the whole path through Firebase's own CLI and its loader of functions.

import { join } from 'node:path';
import { ObjectId } from 'mongodb';
import { errorText } from '../../src/log.ts';
import { readArguments, UsageError } from '../cli/arguments.ts';
import { type Row, renderTable } from '../demo/table.ts';
import { createWorld, type World } from '../demo/world.ts';
import { freePorts } from '../freePorts.ts';
import { relayHasPlace } from '../relayHasPlace.ts';
import { freshProjectId } from '../stack.ts';
import { chooseFirestore } from './chooseFirestore.ts';
import { type Emulators, startEmulators } from './emulators.ts';
import { cliVersion, type FirebaseCli, findFirebaseCli } from './firebaseCli.ts';
import { callOnSchedule } from './schedulerLoop.ts';
import { type Check, checks, type Finding, type Served } from './smokeChecks.ts';
import { type FirebaseJson, readFirebaseJson, withPorts } from './stage.ts';
import { createStopSignal } from './stopSignal.ts';
import { packagedByCli, uploadedPackage } from './uploadedPackage.ts';

const usage = `usage: npm --prefix functions run emulators:smoke [-- options]

Runs the functions in Firebase's own emulator (firebase-tools ${cliVersion}, fetched by npx at its first use), with our
Firestore and Pub/Sub behind it, so that it needs neither Java nor a network beyond the npm registry. Creates, renames
and deletes projects in MongoDB, and looks at what becomes of their assets. MONGODB_URI and FIRESTORE_EMULATOR_HOST name
services that are used instead of ours.

  --verbose   prints what the CLI and the functions say
  --help      this text
`;

const projectDir = join(import.meta.dirname, '..', '..', '..');

/** The ports that the CLI opens; those that `firebase.json` does not set would be the next free ones. */
const openedPorts = ['functions', 'pubsub', 'auth', 'hosting', 'hub', 'logging', 'eventarc', 'tasks'] as const;

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
  const { signal } = createStopSignal();
  console.log(
    `smoke: firebase-tools ${cliVersion}, through npx (at the first use it is fetched, about half a minute) ...`,
  );
  const cli = await findFirebaseCli(signal);
  const log: string[] = [];
  const onLine = (line: string) => {
    if (values.verbose === true) console.log(line);
    else log.push(line);
  };
  try {
    const rows = await runThrough(cli, signal, onLine);
    const failed = rows.filter(({ passed }) => !passed).length;
    if (failed > 0) console.log(`${log.join('\n')}\n`);
    console.log(`\n${renderTable(rows)}\n`);
    console.log(`smoke: ${rows.length - failed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return 1;
    console.log(`${log.join('\n')}\n`);
    throw error;
  }
}

/** Brings everything up, performs the checks, and takes everything down. */
async function runThrough(cli: FirebaseCli, signal: AbortSignal, onLine: (line: string) => void): Promise<Row[]> {
  const ports = await freePorts(openedPorts.length);
  const firebaseJson = withPorts(
    readFirebaseJson(),
    Object.fromEntries(openedPorts.map((name, index) => [name, ports[index] ?? 0])),
  );
  const emulators = await startEmulators({
    cli,
    firebaseJson,
    // Records that earlier runs left in a Firestore that stays would count.
    projectId: freshProjectId(),
    mongodbUri: process.env.MONGODB_URI,
    firestore: chooseFirestore(process.env.FIRESTORE_EMULATOR_HOST, true, ''),
    isApart: true,
    params,
    onLine,
    say: (text) => console.log(`smoke: ${text}`),
    signal,
  });
  try {
    const rows = await performChecks(emulators, signal);
    const { killed } = await emulators.stopCli();
    const code = await emulators.exited;
    const ending = { what: 'firebase emulators:start', expected: 'ends on SIGINT' };
    rows.push(rowOf(ending, { firestore: `exit code ${code}`, passed: code === 0 }));
    const after = { what: 'processes after the end', expected: 'none' };
    rows.push(rowOf(after, { firestore: killed ? 'some had to be killed' : 'none', passed: !killed }));
    rows.push(await comparePackages(cli, firebaseJson));
    return rows;
  } finally {
    await emulators.stack.close();
  }
}

/** Acts on the emulators as a service and an operator would. */
async function performChecks({ stack, functions, pageUrl }: Emulators, signal: AbortSignal): Promise<Row[]> {
  const relay = functions.find(({ name }) => name === 'relayProjectChanges');
  if (relay === undefined) throw new Error('the emulator does not serve relayProjectChanges');
  const world = await createWorld(stack);
  // Older than the relay's first start, which asks for a reconciliation; that one would stop at an empty MongoDB.
  await world.projects.insertOne({ _id: new ObjectId(), name: 'There before' });
  const failures: string[] = [];
  let ended = 0;
  const stopScheduling = callOnSchedule(relay.url, (failure) => {
    ended += 1;
    if (failure !== undefined) failures.push(failure);
  });
  try {
    await world.observer.until('the relay to tail the change stream', async () => {
      signal.throwIfAborted();
      return failures.length > 0 || (await relayHasPlace(world.firestore));
    });
    const rows: Row[] = [];
    for (const check of checks) {
      signal.throwIfAborted();
      rows.push(await perform(check, world, { functions, pageUrl }));
    }
    await world.observer.until('an invocation of the relay to end', async () => ended > 0);
    const scheduled = {
      what: 'relayProjectChanges, called as by its schedule',
      expected: 'tails, ends within its budget',
    };
    const found = failures.join('; ') || `${ended} invocations ended`;
    rows.push(rowOf(scheduled, { firestore: found, passed: failures.length === 0 }));
    return rows;
  } finally {
    await stopScheduling();
    await world.close();
  }
}

const rowOf = ({ what, expected }: Pick<Check, 'what' | 'expected'>, finding: Finding): Row => {
  return { what, expected, mongodb: '', ...finding };
};

async function perform(check: Check, world: World, served: Served): Promise<Row> {
  try {
    return rowOf(check, await check.run(world, served));
  } catch (error) {
    return rowOf(check, { firestore: errorText(error), passed: false });
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
  const upload = { what: 'what would be uploaded', expected: 'as the package test computes it' };
  const found = only.slice(0, 3).join('; ') || `the same ${byCli.length} files`;
  return rowOf(upload, { firestore: found, passed: only.length === 0 });
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(`smoke: ${isUsage ? `${error.message}\n\n${usage}` : errorText(error)}`);
  process.exitCode = isUsage ? 2 : 1;
}
