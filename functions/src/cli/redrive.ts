import { initializeApp } from 'firebase-admin/app';
import { getFirestore } from 'firebase-admin/firestore';
import { systemClock } from '../clock.ts';
import { eventsTopic } from '../config/params.ts';
import { errorText } from '../log.ts';
import { createPublisher, createPubSub } from '../publisher.ts';
import { redriveCommand } from './redriveCommand.ts';
import { exitCodes, redriveSettings, usage } from './redriveSettings.ts';

async function main(): Promise<number> {
  const settings = redriveSettings(process.argv.slice(2), process.env);
  if (settings.kind === 'help') {
    process.stdout.write(usage);
    return exitCodes.done;
  }
  const warn = (text: string) => process.stderr.write(`lockstep redrive: ${text}\n`);
  if (settings.kind === 'mistake') {
    warn(settings.message);
    return exitCodes.usage;
  }
  initializeApp({ projectId: settings.projectId });
  const firestore = getFirestore();
  const pubsub = createPubSub(settings.projectId);
  try {
    const events = createPublisher(pubsub, eventsTopic.value());
    const print = (text: string) => process.stdout.write(text);
    return await redriveCommand({ firestore, events, clock: systemClock, print, warn }, settings);
  } catch (error) {
    warn(errorText(error));
    return exitCodes.failed;
  } finally {
    await Promise.allSettled([pubsub.close(), firestore.terminate()]);
  }
}

// Sockets of the client libraries would keep the process alive for a while after all is done.
process.exit(await main());
