// The worker that is measured: `syncProject`'s code, invocation after invocation, in a process of its own.
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { applyEvent, eventOf } from '../contenders/ours.ts';
import { scaleConfig } from '../scale/config.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const runSchema = z.object({ projectId: z.string(), budgetMs: z.number() });

const [host = ''] = process.argv.slice(2);
const firestore = new Firestore({ projectId: benchProjectId, host, ssl: false });

answerParent({
  async run(argument) {
    const { projectId, budgetMs } = runSchema.parse(argument);
    const startedAt = performance.now();
    const invocations = await applyEvent(firestore, scaleConfig, eventOf({ kind: 'delete', projectId }), budgetMs);
    return { ms: performance.now() - startedAt, invocations };
  },
  // Node gives kibibytes: https://nodejs.org/api/process.html#processresourceusage
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
