// `npm run demo`: the whole path at work with real clients, on servers that this process starts.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ObjectId } from 'mongodb';
import { errorText } from '../../src/log.ts';
import { photographRoom } from '../browser/photographRoom.ts';
import { archiveScenario } from '../demo/archiveScenario.ts';
import { consistencyScenario } from '../demo/consistencyScenario.ts';
import { deadLetterScenario } from '../demo/deadLetterScenario.ts';
import { eventScenarios } from '../demo/eventScenarios.ts';
import { fileScenario } from '../demo/fileScenario.ts';
import { lateWriteScenario } from '../demo/lateWriteScenario.ts';
import { massDeletionScenario } from '../demo/massDeletionScenario.ts';
import { memberScenario } from '../demo/memberScenario.ts';
import { reconciliationScenario } from '../demo/reconciliationScenario.ts';
import { scaleScenario } from '../demo/scaleScenario.ts';
import { type Row, renderTable } from '../demo/table.ts';
import { createWorld, type Scenario, type World } from '../demo/world.ts';
import { relayHasPlace } from '../relayHasPlace.ts';
import type { RuntimeLogEntry } from '../runtime/runtime.ts';
import { freshProjectId, localProjectId, type Stack, startStack } from '../stack.ts';
import { readArguments, UsageError, wholeNumber } from './arguments.ts';
import { createLogPrinter } from './logPrinter.ts';

const usage = `usage: npm --prefix functions run demo [-- options]

Starts MongoDB, Firestore, Pub/Sub and the functions on this machine (or uses what MONGODB_URI, FIRESTORE_EMULATOR_HOST and
PUBSUB_EMULATOR_HOST name), changes projects in MongoDB, and shows what becomes of their assets in Firestore.

  --projects N             projects of the last scenario (default 1000, with 100 assets each; 0 leaves it out)
  --verbose                prints what the functions log
  --help                   this text
`;

const titles = {
  MONGODB_URI: 'MongoDB',
  FIRESTORE_EMULATOR_HOST: 'Firestore',
  PUBSUB_EMULATOR_HOST: 'Pub/Sub',
} as const;
const serviceVariables = ['MONGODB_URI', 'FIRESTORE_EMULATOR_HOST', 'PUBSUB_EMULATOR_HOST'] as const;

/** Projects of the last scenario from which on a mass deletion of 300 of them is shown. */
const fewestForMassDeletion = 500;

/** A quarter of all projects may be deleted within ten minutes: so many live on that what the scenarios delete is
 *  less. */
const otherProjects = 300;

/** The largest number of projects that fits into the memory that package.json gives this program, together with its
 *  assets. */
const mostProjects = 2_000;

async function main(): Promise<number> {
  const { values } = readArguments(process.argv.slice(2), {
    projects: { type: 'string' },
    verbose: { type: 'boolean' },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const projectCount = wholeNumber(values, 'projects', 0, mostProjects) ?? 1_000;
  build();
  const isVerbose = values.verbose === true;
  const print = createLogPrinter(isVerbose ? 'DEBUG' : 'ERROR');
  const given = serviceVariables.filter((variable) => process.env[variable]);
  // What earlier runs left on services that stay would count: their deletions towards the hold, their orphans as
  // findings.
  const projectId = given.length > 0 ? freshProjectId() : localProjectId;
  announce(given, projectId);
  const stack = await startStack({
    variables: process.env,
    projectId,
    ports: { mongodb: 0, firestore: 0, pubsub: 0, functions: 0, page: 0 },
    // What the demo plants is young; in production an hour must pass before anything counts as an orphan.
    env: { RECONCILE_GRACE_MINUTES: '0', HOLD_MAX_PROJECTS: '200' },
    onLog: (entry) => {
      if (isVerbose || !isExpected(entry)) print(entry);
    },
  });
  const stop = stopOnSignal(stack);
  let world: World | undefined;
  try {
    world = await createWorld(stack);
    const { firestore, observer } = world;
    await observer.until('the relay to tail the change stream', () => relayHasPlace(firestore));
    await addOthers(world);
    const rows = await runAll(world, [
      ...eventScenarios,
      memberScenario,
      lateWriteScenario,
      consistencyScenario,
      reconciliationScenario,
      deadLetterScenario,
      archiveScenario,
      fileScenario,
      ...(projectCount > 0 ? [scaleScenario(projectCount, (text) => console.log(`      ${text}`))] : []),
      ...(projectCount >= fewestForMassDeletion ? [massDeletionScenario] : []),
    ]);
    console.log(`\n${renderTable(rows)}\n`);
    const failed = rows.filter((row) => !row.passed).length;
    await showRoom(stack);
    console.log(`demo: ${rows.length - failed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    stop();
    await world?.close();
    await stack.close();
  }
}

/** Says where the operations room is, and keeps a picture of it: the stack ends with the demo. */
async function showRoom({ page }: Stack): Promise<void> {
  if (page === undefined) return;
  console.log(`demo: the operations room is ${page.url}/ until the demo ends; npm run local keeps one up`);
  // In a folder that no deployment uploads.
  const file = join(import.meta.dirname, '..', 'demo-page.png');
  const isTaken = await photographRoom(page.url, file);
  console.log(isTaken ? `demo: a picture of it is in ${file}` : 'demo: no picture of it: there is no Chromium here');
}

/** Adds projects without assets that nothing happens to, and waits until they are known. */
async function addOthers({ projects, firestore, observer }: World): Promise<void> {
  await projects.insertMany(
    Array.from({ length: otherProjects }, () => ({ _id: new ObjectId(), name: 'Another production' })),
  );
  const known = firestore.collection('syncProjects');
  await observer.until('the other projects to be known', async () => (await observer.countOf(known)) >= otherProjects);
}

async function runAll(world: World, scenarios: readonly Scenario[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    console.log(`demo: ${scenario.title} ...`);
    try {
      rows.push(...(await scenario.run(world)));
    } catch (error) {
      const firestore = errorText(error);
      rows.push({ what: scenario.title, expected: 'to run to its end', mongodb: '', firestore, passed: false });
    }
  }
  return rows;
}

/** The scenarios raise alarms on purpose, and a delivery that comes while its project is worked on is refused and
 *  redelivered. What else is an error shows. */
const isExpected = ({ alarm, message }: RuntimeLogEntry) =>
  alarm !== undefined || message.startsWith('ProjectBusyError:');

/** Says what runs elsewhere, and what is started here. */
function announce(given: readonly string[], projectId: string): void {
  if (given.length > 0) console.log(`demo: using ${given.join(', ')}, with ${projectId} as the project`);
  const started = serviceVariables.filter((variable) => !given.includes(variable)).map((variable) => titles[variable]);
  console.log(`demo: starting ${[...started, 'the functions'].join(', ')} ...`);
}

/** The functions run as they are deployed: from lib/. */
function build(): void {
  const run = spawnSync(process.execPath, ['local/build.ts'], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (run.status !== 0) throw new Error('src/ does not compile; the messages of the compiler stand above');
}

/** Ctrl-C takes the processes of the functions along. */
function stopOnSignal(stack: Stack): () => void {
  const onSignal = () => {
    void stack.close().finally(() => process.exit(130));
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`demo: ${error instanceof UsageError ? `${error.message}\n\n${usage}` : errorText(error)}`);
  // What is still open would keep the process alive.
  process.exit(error instanceof UsageError ? 2 : 1);
}
