// The side that is measured: one way of relaying, with client libraries of its own.
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { createPublisher, createPubSub } from '../../src/publisher.ts';
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
const context = {
  source: await connectSource(mongodbUri, relayConfig),
  firestore: new Firestore({ projectId: benchProjectId, host: firestoreHost, ssl: false }),
  events: createPublisher(createPubSub(benchProjectId, pubsubHost), 'project-events'),
};

answerParent({
  async run(argument) {
    const { from, changes } = runSchema.parse(argument);
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const end = await way(context, from, changes);
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    await end();
    return { ms, cpuMs: (user + system) / 1_000 };
  },
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
