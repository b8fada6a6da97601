// One instance of `syncProject`, in a process of its own: events arrive, and so many at once are worked on.
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { eventOf, startInstance } from '../contenders/ours.ts';
import { latencyConfig } from '../latency/config.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const workSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('delete'), projectId: z.string() }),
  z.object({ kind: z.literal('rename'), projectId: z.string(), name: z.string() }),
]);

const runSchema = z.object({
  atOnce: z.number(),
  /** In the order in which they arrive, each so many ms after the beginning. */
  events: z.array(z.object({ arrivesMs: z.number(), work: workSchema })),
});

/** As `SYNC_BUDGET_SECONDS` says by itself, in ms. */
const budgetMs = 480_000;

const [host = ''] = process.argv.slice(2);
const firestore = new Firestore({ projectId: benchProjectId, host, ssl: false });
const handle = startInstance(firestore, defineConfig(latencyConfig), (message) => {
  throw new Error(`an event was not done at once: ${JSON.stringify(message.attributes)}`);
});

answerParent({
  async run(argument) {
    const { atOnce, events } = runSchema.parse(argument);
    const waitsMs: number[] = [];
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const left = events.values();
    // Whoever is free takes the next in order, and waits for it where it has not arrived yet.
    const work = async () => {
      for (const { arrivesMs, work } of left) {
        const earlyMs = startedAt + arrivesMs - performance.now();
        if (earlyMs > 0) await new Promise<void>((resolve) => void systemClock.after(earlyMs, resolve));
        await handle(encodeEvent(eventOf(work)), budgetMs);
        waitsMs.push(performance.now() - startedAt - arrivesMs);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, cpuMs: (user + system) / 1_000, waitsMs };
  },
  // Node gives kibibytes: https://nodejs.org/api/process.html#processresourceusage
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
