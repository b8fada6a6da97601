// `npm run local`: the stack and the functions, until Ctrl-C, with a log of every change as it flows.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { styleText } from 'node:util';
import { decodeEvent } from '../../src/events/codec.ts';
import { errorText } from '../../src/log.ts';
import { createPubSub } from '../../src/publisher.ts';
import { PortTakenError } from '../ports.ts';
import { mostDistinctProjects, seededProject } from '../seed/projects.ts';
import { SeedRefusedError } from '../seed/seed.ts';
import { seedStack } from '../seed/seedStack.ts';
import { localProjectId, type Stack, startStack } from '../stack.ts';
import { eventTopics } from '../topics.ts';
import { portsHelp, readArguments, UsageError } from './arguments.ts';
import { createLogPrinter } from './logPrinter.ts';
import { mostDocuments, readSeedSize, usualAssets } from './seedSize.ts';

const usage = `usage: npm --prefix functions run local [-- options]

Starts MongoDB, Firestore, Pub/Sub and the functions on this machine and stays up until Ctrl-C. What MONGODB_URI,
FIRESTORE_EMULATOR_HOST or PUBSUB_EMULATOR_HOST name is used instead of being started.

  --projects N             begins with N projects of a studio and their assets, the same each time (default 0,
                           at most ${mostDistinctProjects})
  --assets N               assets of each of them (default ${usualAssets}): storyboards with panels, analyses, media,
                           prototypes, scenes; at most ${mostDocuments} documents together
${portsHelp}
  --no-functions           only the servers
  --verbose                prints everything that the functions log
  --help                   this text
`;

async function main(): Promise<void> {
  const { values, ports } = readArguments(process.argv.slice(2), {
    projects: { type: 'string' },
    assets: { type: 'string' },
    'no-functions': { type: 'boolean' },
    verbose: { type: 'boolean' },
  });
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const size = readSeedSize(values);
  const withFunctions = values['no-functions'] !== true;
  if (withFunctions && spawnSync(process.execPath, ['local/build.ts'], { stdio: 'inherit' }).status !== 0) {
    throw new Error('src/ does not compile; the messages of the compiler stand above');
  }
  const print = createLogPrinter(values.verbose === true ? 'DEBUG' : 'INFO');
  // A line for each of thousands of creations would hide how far the seeding is.
  const printWhileSeeding = createLogPrinter(values.verbose === true ? 'DEBUG' : 'WARNING');
  let isSeeding = size.projects > 0;
  const stack = await startStack({
    variables: process.env,
    ports,
    functions: withFunctions,
    onPortTaken: (service, port, flag) =>
      console.log(`port ${port} (${service}) is in use; trying the next one. ${flag} sets it.`),
    onLog: (entry) => (isSeeding ? printWhileSeeding : print)(entry),
  });
  const stopping = stopSignal();
  try {
    if (isSeeding) await seedStack(stack, size, { signal: stopping, say: (text) => console.log(text) });
    isSeeding = false;
    if (!stopping.aborted) await serve(stack, stopping, tryNext(size.projects > 0));
    console.log('\nstopping ...');
  } finally {
    await stack.close();
  }
}

/** Shows every change until it is to stop. */
async function serve(stack: Stack, stopping: AbortSignal, mongoScript: string): Promise<void> {
  const stopTap = await printEvents(stack);
  printVariables(stack, mongoScript);
  if (!stopping.aborted) await once(stopping, 'abort');
  await stopTap();
}

/** A change of a project, for a first look at what it does. */
function tryNext(isSeeded: boolean): string {
  if (!isSeeded) return 'insertOne({ name: "First light" })';
  const newcomer = '{ userId: "user-99", name: "Noor Haddad", role: "viewer" }';
  return `updateOne({ name: "${seededProject(0).name}" }, { $push: { members: ${newcomer} } })`;
}

/** What a person needs to go on in another terminal. */
function printVariables(stack: Stack, mongoScript: string): void {
  if (stack.page) console.log(`\nThe operations room: ${stack.page.url}/ (sign in by choosing a role)`);
  console.log('\nReady. In another terminal:\n');
  for (const [name, value] of Object.entries(stack.variables)) console.log(`  export ${name}='${value}'`);
  console.log('\nTry:\n');
  console.log(`  npx mongosh "$MONGODB_URI" --eval 'db.getSiblingDB("collaboration").projects.${mongoScript}'`);
  if (stack.runtime) {
    console.log(`  curl -X POST ${stack.runtime.url}/reconcileAssets\n`);
    console.log(`Functions (${stack.runtime.url}):`);
    for (const { name, kind, topic, schedule } of stack.runtime.functions()) {
      console.log(`  ${name.padEnd(20)} ${kind} ${topic ?? schedule ?? ''}`);
    }
  }
  console.log('\nEvery change shows below. Ctrl-C stops everything.\n');
}

/** Prints each event on its way, as a subscriber of its own sees it. */
async function printEvents(stack: Stack): Promise<() => Promise<void>> {
  const pubsub = createPubSub(localProjectId, stack.pubsubHost);
  const subscriptions = await Promise.all(
    eventTopics.map(async (topic) => {
      const [subscription] = await pubsub.topic(topic).createSubscription(`local-log-${topic}-${process.pid}`);
      subscription.on('message', (message) => {
        const decoded = decodeEvent(message.data);
        const text = decoded.ok
          ? `${decoded.event.type} ${decoded.event.projectId} ${JSON.stringify(decoded.event.changes)}`
          : `unreadable message: ${decoded.reason}`;
        const time = new Date().toISOString().slice(11, 23);
        console.log(`${styleText('dim', time)} ${styleText('cyan', topic.padEnd(19))} ${text}`);
        message.ack();
      });
      return subscription;
    }),
  );
  return async () => {
    for (const subscription of subscriptions) {
      await subscription.close();
      await subscription.delete();
    }
    await pubsub.close();
  };
}

/** Aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      process.once(name, () => process.exit(1));
      controller.abort();
    });
  }
  return controller.signal;
}

try {
  await main();
} catch (error) {
  const isOurs = [UsageError, PortTakenError, SeedRefusedError].some((type) => error instanceof type);
  console.error(
    `local: ${isOurs ? errorText(error) : String(error)}${error instanceof UsageError ? `\n\n${usage}` : ''}`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
