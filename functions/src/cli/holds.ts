import { createInterface } from 'node:readline/promises';
import { initializeApp } from 'firebase-admin/app';
import { getFirestore } from 'firebase-admin/firestore';
import { systemClock } from '../clock.ts';
import { eventsTopic } from '../config/params.ts';
import { createHolds } from '../holds/decide.ts';
import config from '../lockstep.config.ts';
import { errorText } from '../log.ts';
import { createPublisher, createPubSub } from '../publisher.ts';
import { connectSource, type ProjectsSource, SourceError } from '../source/connect.ts';
import { createProjectTruth } from '../source/truth.ts';
import { decideHolds, listHolds } from './holdsCommand.ts';
import { exitCodes, type HoldsSettings, holdsSettings, usage } from './holdsSettings.ts';

type Settings = Extract<HoldsSettings, { kind: 'run' }>;

async function main(): Promise<number> {
  const settings = holdsSettings(process.argv.slice(2), process.env);
  if (settings.kind === 'help') {
    process.stdout.write(usage);
    return exitCodes.done;
  }
  if (settings.kind === 'mistake') {
    process.stderr.write(`lockstep holds: ${settings.message}\n`);
    return exitCodes.usage;
  }
  try {
    return await run(settings);
  } catch (error) {
    process.stderr.write(`lockstep holds: ${errorText(error)}\n`);
    return exitCodes.failed;
  }
}

async function run({ action, projectId, mongodbUri }: Settings): Promise<number> {
  const source = await connectIfPossible(mongodbUri);
  initializeApp({ projectId });
  const firestore = getFirestore();
  const pubsub = createPubSub(projectId);
  try {
    const command = {
      holds: createHolds({ firestore, clock: systemClock, events: createPublisher(pubsub, eventsTopic.value()) }),
      truth: source === undefined ? undefined : createProjectTruth(source, config),
      print: (text: string) => process.stdout.write(text),
      warn: (text: string) => process.stderr.write(`lockstep holds: ${text}\n`),
      ask: process.stdin.isTTY === true && process.stderr.isTTY === true ? askOnTerminal : undefined,
    };
    return action.kind === 'list' ? await listHolds(command, action) : await decideHolds(command, action);
  } finally {
    await Promise.allSettled([pubsub.close(), firestore.terminate(), source?.close()]);
  }
}

/** What MongoDB says is shown, and decides nothing: deciding must be possible while it is away. */
async function connectIfPossible(mongodbUri: string | undefined): Promise<ProjectsSource | undefined> {
  if (mongodbUri === undefined) return undefined;
  try {
    return await connectSource(mongodbUri, config);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    process.stderr.write(`lockstep holds: whether MongoDB has the projects is not known. ${error.message}\n`);
    return undefined;
  }
}

async function askOnTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

// Sockets of the client libraries would keep the process alive for a while after all is done.
process.exit(await main());
