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

const runSchema = z.object({
  /** One event each, which renames it to this. */
  projectIds: z.array(z.string()),
  name: z.string(),
  atOnce: z.number(),
  /** When each arrives, in ms from the beginning. */
  arrivalsMs: z.array(z.number()),
});

/** As `SYNC_BUDGET_SECONDS` says by itself, in ms. */
const budgetMs = 480_000;

const [host = ''] = process.argv.slice(2);
const firestore = new Firestore({ projectId: benchProjectId, host, ssl: false });
const handle = startInstance(firestore, defineConfig(latencyConfig), '', (message) => {
  throw new Error(`a rename of one asset was not done at once: ${JSON.stringify(message.attributes)}`);
});

answerParent({
  async run(argument) {
    const { projectIds, name, atOnce, arrivalsMs } = runSchema.parse(argument);
    const waitsMs: number[] = [];
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    let taken = 0;
    // Whoever is free takes the next in order, and waits for it where it has not arrived yet.
    const work = async () => {
      while (taken < projectIds.length) {
        const index = taken;
        taken += 1;
        const [projectId, arrivesMs] = [projectIds[index], arrivalsMs[index]];
        if (projectId === undefined || arrivesMs === undefined) throw new Error(`event ${index} has no arrival`);
        const earlyMs = startedAt + arrivesMs - performance.now();
        if (earlyMs > 0) await new Promise<void>((resolve) => void systemClock.after(earlyMs, resolve));
        await handle(encodeEvent(eventOf({ kind: 'rename', projectId, name })), budgetMs);
        waitsMs.push(performance.now() - startedAt - arrivesMs);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, cpuMs: (user + system) / 1_000, waitsMs };
  },
});
