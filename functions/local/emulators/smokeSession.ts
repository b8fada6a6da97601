// What `emulators:smoke` runs inside of `firebase emulators:exec`: acts on the emulators as a service and an operator would. The rows of its table
// go to a file, since standard output is full of what the CLI says.
import { writeFileSync } from 'node:fs';
import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { Row } from '../demo/table.ts';
import { createWorld, type World } from '../demo/world.ts';
import type { Stack } from '../stack.ts';
import { type EmulatedFunction, emulatedFunctions } from './emulatedFunctions.ts';
import { callOnSchedule } from './schedulerLoop.ts';
import { type Check, checks } from './smokeChecks.ts';

const environment = z
  .looseObject({
    MONGODB_URI: z.string(),
    FIRESTORE_EMULATOR_HOST: z.string(),
    PUBSUB_EMULATOR_HOST: z.string(),
    GCLOUD_PROJECT: z.string(),
    SMOKE_FUNCTIONS_URL: z.url(),
    SMOKE_ROWS_FILE: z.string(),
  })
  .parse(process.env);

/** What the CLI started and was given, as the demo's tools want it. */
const stack: Stack = {
  mongodbUri: environment.MONGODB_URI,
  firestoreHost: environment.FIRESTORE_EMULATOR_HOST,
  pubsubHost: environment.PUBSUB_EMULATOR_HOST,
  mongodb: undefined,
  firestore: undefined,
  pubsub: undefined,
  runtime: undefined,
  variables: {
    MONGODB_URI: environment.MONGODB_URI,
    FIRESTORE_EMULATOR_HOST: environment.FIRESTORE_EMULATOR_HOST,
    PUBSUB_EMULATOR_HOST: environment.PUBSUB_EMULATOR_HOST,
    GCLOUD_PROJECT: environment.GCLOUD_PROJECT,
  },
  close: async () => {},
};

async function main(): Promise<Row[]> {
  const functions = await emulatedFunctions(environment.SMOKE_FUNCTIONS_URL, environment.GCLOUD_PROJECT);
  const relay = functions.find(({ name }) => name === 'relayProjectChanges');
  if (relay === undefined) return [failed('relayProjectChanges', 'the emulator does not serve it')];
  const world = await createWorld(stack);
  // Older than the relay's first start, which asks for a reconciliation; that one would stop at an empty MongoDB.
  await world.projects.insertOne({ _id: new ObjectId(), name: 'There before' });
  const scheduler = callOnSchedule(relay);
  try {
    await world.observer.until('the relay to tail the change stream', async () => {
      const records = await world.firestore.collection('syncRelay').get();
      return records.size > 0 || scheduler.invocations().failures.length > 0;
    });
    const rows: Row[] = [];
    for (const check of checks) rows.push(await perform(check, world, functions));
    await world.observer.until('an invocation of the relay to end', async () => {
      const { answered, failures } = scheduler.invocations();
      return answered + failures.length > 0;
    });
    const { answered, failures } = scheduler.invocations();
    rows.push({
      what: 'relayProjectChanges, called as by its schedule',
      expected: 'tails, ends within its budget',
      mongodb: '',
      firestore: failures.length > 0 ? failures.join('; ') : `${answered} invocations ended`,
      passed: failures.length === 0,
    });
    return rows;
  } finally {
    await scheduler.stop();
    await world.close();
  }
}

async function perform(check: Check, world: World, functions: readonly EmulatedFunction[]): Promise<Row> {
  try {
    return await check.run(world, functions);
  } catch (error) {
    return failed(check.what, error instanceof Error ? error.message : String(error));
  }
}

function failed(what: string, why: string): Row {
  return { what, expected: 'to run to its end', mongodb: '', firestore: why, passed: false };
}

const rows = await main();
writeFileSync(environment.SMOKE_ROWS_FILE, JSON.stringify(rows));
// The client libraries keep connections open for a while; nothing waits for them.
process.exit(rows.every(({ passed }) => passed) ? 0 : 1);
