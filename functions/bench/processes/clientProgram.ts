// The side that is measured: one way of doing the work, with a client library of its own.
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { contenders, isContender } from '../contenders/all.ts';
import { answerParent } from './requests.ts';

const workSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('delete'), projectId: z.string() }),
  z.object({ kind: z.literal('rename'), projectId: z.string(), name: z.string() }),
]);

const [name = '', host = ''] = process.argv.slice(2);
if (!isContender(name)) throw new Error(`there is no contender "${name}"`);
const contender = contenders[name];
const firestore = new Firestore({ projectId: 'demo-bench', host, ssl: false });

answerParent({
  async run(argument) {
    const work = workSchema.parse(argument);
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await contender(firestore, work);
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, cpuMs: (user + system) / 1_000 };
  },
  rss: () => process.memoryUsage.rss(),
  // Node gives kibibytes: https://nodejs.org/api/process.html#processresourceusage
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
