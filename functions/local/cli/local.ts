// `npm run local`: the stack and the functions, until Ctrl-C, with a log of every change as it flows.
import { spawnSync } from 'node:child_process';
import { styleText } from 'node:util';
import { decodeEvent } from '../../src/events/codec.ts';
import { createPubSub } from '../../src/publisher.ts';
import { PortTakenError } from '../ports.ts';
import { localProjectId, type Stack, startStack } from '../stack.ts';
import { portsHelp, readArguments, UsageError } from './arguments.ts';
import { createLogPrinter } from './logPrinter.ts';

const usage = `usage: npm --prefix functions run local [-- options]

Starts MongoDB, Firestore, Pub/Sub and the functions on this machine and stays up until Ctrl-C. What MONGODB_URI,
FIRESTORE_EMULATOR_HOST or PUBSUB_EMULATOR_HOST name is used instead of being started.

${portsHelp}
  --no-functions           only the servers
  --verbose                prints everything that the functions log
  --help                   this text
`;

async function main(): Promise<void> {
  const { values, ports } = readArguments(process.argv.slice(2), {
    'no-functions': { type: 'boolean' },
    verbose: { type: 'boolean' },
  });
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const withFunctions = values['no-functions'] !== true;
  if (withFunctions && spawnSync(process.execPath, ['local/build.ts'], { stdio: 'inherit' }).status !== 0) {
    throw new Error('src/ does not compile; the messages of the compiler stand above');
  }
  const stack = await startStack({
    variables: process.env,
    ports,
    functions: withFunctions,
    onPortTaken: (service, port, flag) =>
      console.log(`port ${port} (${service}) is in use; trying the next one. ${flag} sets it.`),
    onLog: createLogPrinter(values.verbose === true ? 'DEBUG' : 'INFO'),
  });
  const stopTap = await printEvents(stack);
  printVariables(stack);
  await signal();
  console.log('\nstopping ...');
  await stopTap();
  await stack.close();
}

/** What a person needs to go on in another terminal. */
function printVariables(stack: Stack): void {
  if (stack.page) console.log(`\nThe operations room: ${stack.page.url}/ (sign in by choosing a role)`);
  console.log('\nReady. In another terminal:\n');
  for (const [name, value] of Object.entries(stack.variables)) console.log(`  export ${name}='${value}'`);
  console.log('\nTry:\n');
  console.log(
    `  npx mongosh "$MONGODB_URI" --eval 'db.getSiblingDB("collaboration").projects.insertOne({ name: "First light" })'`,
  );
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
  const [subscription] = await pubsub.topic('project-events').createSubscription(`local-log-${process.pid}`);
  subscription.on('message', (message) => {
    const decoded = decodeEvent(message.data);
    const text = decoded.ok
      ? `${decoded.event.type} ${decoded.event.projectId} ${JSON.stringify(decoded.event.changes)}`
      : `unreadable message: ${decoded.reason}`;
    const time = new Date().toISOString().slice(11, 23);
    console.log(`${styleText('dim', time)} ${styleText('cyan', 'project-events'.padEnd(19))} ${text}`);
    message.ack();
  });
  return async () => {
    await subscription.close();
    await subscription.delete();
    await pubsub.close();
  };
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function signal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1));
        resolve();
      });
    }
  });
}

try {
  await main();
} catch (error) {
  const isOurs = error instanceof UsageError || error instanceof PortTakenError;
  console.error(`local: ${isOurs ? error.message : String(error)}${error instanceof UsageError ? `\n\n${usage}` : ''}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
