// The side that is measured: one way of relaying, with client libraries of its own.
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { createPublisher, createPubSub, type Publisher } from '../../src/publisher.ts';
import { connectSource } from '../../src/source/connect.ts';
import { isRelayWay, relayConfig, relayWays } from '../contenders/relayWays.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const runSchema = z.object({
  from: z.object({ seconds: z.number(), increment: z.number() }),
  changes: z.number(),
});

const [name = '', mongodbUri = '', firestoreHost = '', pubsubHost = ''] = process.argv.slice(2);
if (!isRelayWay(name)) throw new Error(`there is no way of relaying "${name}"`);
const way = relayWays[name];
const source = await connectSource(mongodbUri, relayConfig);
const firestore = new Firestore({ projectId: benchProjectId, host: firestoreHost, ssl: false });
const topic = createPublisher(createPubSub(benchProjectId, pubsubHost), 'project-events');

answerParent({
  async run(argument) {
    const { from, changes } = runSchema.parse(argument);
    // Alike for both ways: which changes Pub/Sub has taken.
    const taken: string[] = [];
    const events: Publisher = {
      async publish(message) {
        await topic.publish(message);
        taken.push(`${message.attributes.projectId} ${message.attributes.version}`);
      },
      flush: topic.flush,
    };
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const end = await way({ source, firestore, events }, from, changes);
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    await end();
    return { ms, cpuMs: (user + system) / 1_000, distinct: new Set(taken).size };
  },
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
