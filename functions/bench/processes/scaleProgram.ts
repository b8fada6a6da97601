// The worker that is measured: `syncProject`'s code, invocation after invocation or many at once, in a process of its
// own.
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { encodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import type { Work } from '../contenders/contender.ts';
import { applyEvent, eventOf, startInstance } from '../contenders/ours.ts';
import { archivingScaleConfig, scaleConfig } from '../scale/config.ts';
import { longName } from '../scale/longName.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const runSchema = z.object({ projectId: z.string(), budgetMs: z.number() });

const atOnceSchema = z.object({
  kind: z.enum(['delete', 'archive', 'rename']),
  projectIds: z.array(z.string()),
  nameBytes: z.number(),
});

/** Longer than any of these runs: none is continued. */
const noLimitMs = 3_600_000;

const [host = ''] = process.argv.slice(2);
const firestore = new Firestore({ projectId: benchProjectId, host, ssl: false });

answerParent({
  async run(argument) {
    const { projectId, budgetMs } = runSchema.parse(argument);
    const startedAt = performance.now();
    const invocations = await applyEvent(firestore, scaleConfig, eventOf({ kind: 'delete', projectId }), budgetMs);
    return { ms: performance.now() - startedAt, invocations };
  },
  async atOnce(argument) {
    const { kind, projectIds, nameBytes } = atOnceSchema.parse(argument);
    const handle = startInstance(firestore, kind === 'archive' ? archivingScaleConfig : scaleConfig, (message) => {
      throw new Error(`an event was not done at once: ${JSON.stringify(message.attributes)}`);
    });
    const workOn = (projectId: string): Work =>
      kind === 'rename' ? { kind, projectId, name: longName(projectId, 1, nameBytes) } : { kind: 'delete', projectId };
    const requests = projectIds.map((projectId) => requestOf(eventOf(workOn(projectId))));
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await Promise.all(
      requests.map(({ body: { message } }) =>
        handle({ data: Buffer.from(message.data, 'base64'), attributes: message.attributes }, noLimitMs),
      ),
    );
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, cpuMs: (user + system) / 1_000, requests: requests.length };
  },
  // Node gives kibibytes: https://nodejs.org/api/process.html#processresourceusage
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});

/** A request as the server around a function holds it until it is answered: as received, and as read. */
function requestOf(event: ProjectEvent) {
  const { data, attributes } = encodeEvent(event);
  const rawBody = Buffer.from(JSON.stringify({ message: { data: data.toString('base64'), attributes } }));
  const message = z.object({ data: z.string(), attributes: z.record(z.string(), z.string()) });
  return { rawBody, body: z.object({ message }).parse(JSON.parse(rawBody.toString())) };
}
