// `npm run emulators`: Firebase's own functions emulator, with what it lacks beside it, until Ctrl-C.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { errorText } from '../../src/log.ts';
import { readArguments, UsageError } from '../cli/arguments.ts';
import { localProjectId } from '../stack.ts';
import { chooseFirestore, javaVersionText } from './chooseFirestore.ts';
import { type EmulatedFunction, startEmulators } from './emulators.ts';
import { cliVersion, findFirebaseCli } from './firebaseCli.ts';
import { callOnSchedule } from './schedulerLoop.ts';
import { compileOnChange, readFirebaseJson } from './stage.ts';
import { createStopSignal } from './stopSignal.ts';

const usage = `usage: npm --prefix functions run emulators [-- options]

Starts Firebase's own emulators of functions, Auth and Hosting (firebase-tools ${cliVersion}, fetched by npx at its first use) and stays up
until Ctrl-C. Its Firestore emulator needs Java 21 and a download; without Java, ours takes its place. Pub/Sub is ours.
The emulators run no schedules, so the relay is called from here, again and again. A change of src/ is compiled and
loaded at once.

MONGODB_URI (or the one in functions/.secret.local) and FIRESTORE_EMULATOR_HOST name services that are used instead of
being started. Ports are those of firebase.json. Parameters come from functions/.env, .env.${localProjectId} and
.env.local.

  --ours    our Firestore, even where Firebase's could run
  --help    this text
`;

/** The CLI waits at its end for the functions that run: a short budget of the relay makes that a short wait. */
const params = { RELAY_BUDGET_SECONDS: '5' };

const say = (text: string) => console.log(`emulators: ${text}`);

async function main(): Promise<number> {
  const { values } = readArguments(process.argv.slice(2), { ours: { type: 'boolean' } });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const { signal } = createStopSignal();
  try {
    await run(values.ours === true, signal);
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  }
}

async function run(preferOurs: boolean, signal: AbortSignal): Promise<void> {
  const { FIRESTORE_EMULATOR_HOST: givenFirestore, PUBSUB_EMULATOR_HOST: givenPubsub } = process.env;
  if (givenPubsub)
    say('PUBSUB_EMULATOR_HOST is not used: the CLI wires the triggers in a Pub/Sub that it starts itself');
  const firestore = chooseFirestore(givenFirestore, preferOurs, await javaVersionText());
  say(`firebase-tools ${cliVersion}, through npx (at the first use it is fetched, about half a minute) ...`);
  const { stack, stage, functions, pageUrl, exited } = await startEmulators({
    cli: await findFirebaseCli(signal),
    firebaseJson: readFirebaseJson(),
    projectId: localProjectId,
    mongodbUri: process.env.MONGODB_URI || secretOfCheckout(),
    firestore,
    isApart: false,
    params,
    onLine: (line) => console.log(line),
    say,
    signal,
  });
  const compiler = compileOnChange(stage);
  const relay = functions.find(({ name }) => name === 'relayProjectChanges');
  const stopScheduling = callOnSchedule(relay?.url ?? '', (failure) => {
    if (failure !== undefined) say(`relayProjectChanges failed and is called again: ${failure}`);
  });
  try {
    printGuide(stack.variables, functions, pageUrl);
    const interrupted = new Promise<'interrupted'>((resolve) => {
      signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
    });
    const end = await Promise.race([interrupted, exited]);
    if (end !== 'interrupted') throw new Error(`firebase-tools ended with code ${end}; what it said stands above`);
    say('stopping ...');
  } finally {
    compiler.kill();
    await stopScheduling();
    await stack.close();
  }
}

function secretOfCheckout(): string | undefined {
  const file = join(import.meta.dirname, '..', '..', '.secret.local');
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')).MONGODB_URI : undefined;
}

/** What a person needs to go on in another terminal. */
function printGuide(
  variables: Readonly<Record<string, string>>,
  functions: readonly EmulatedFunction[],
  pageUrl: string,
): void {
  console.log(`\nThe operations room: ${pageUrl}/ (sign in by choosing a role)`);
  const reconcile = functions.find(({ name }) => name === 'reconcileAssets');
  const insert = 'db.getSiblingDB("collaboration").projects.insertOne({ name: "First light" })';
  console.log('\nReady. In another terminal:\n');
  for (const [name, value] of Object.entries(variables)) console.log(`  export ${name}='${value}'`);
  console.log(`\nTry:\n\n  npx mongosh "$MONGODB_URI" --eval '${insert}'`);
  if (reconcile) console.log(`  curl -X POST ${reconcile.url}`);
  console.log('\nCtrl-C stops everything.\n');
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? errorText(error) : String(error);
  console.error(`emulators: ${error instanceof UsageError ? `${text}\n\n${usage}` : text}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
