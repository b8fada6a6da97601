import { ObjectId } from 'mongodb';
import { memoryOfProcesses } from './memory.ts';
import { type AssetCounts, assetCount, assetsOfProject } from './seedData.ts';
import type { Scenario } from './world.ts';
import { writeAll } from './writeAll.ts';

/** The share of single deletions that must be visible within the limit. */
const percentile = 0.95;

/** A deletion is to be visible in Firestore this long after MongoDB has acknowledged it, in ms. */
const visibleWithinMs = 1_000;

/** What all processes of the stack may use together, in MiB: each function has one of its own, as in the cloud. */
const memoryLimitMiB = 2_048;

/** Projects deleted one by one to measure the latency. */
const deletions = 60;

/** Projects that are written together while seeding. */
const seedBatch = 50;

/** A hundred assets of a project, spread over all collections. */
const hundred: AssetCounts = { storyboards: 10, panels: 0, analyses: 20, media: 40, prototypes: 10, scenes: 20 };

/** Single deletions among many projects. */
export function scaleScenario(projectCount: number, onProgress: (text: string) => void): Scenario {
  return {
    title: `${projectCount} projects with ${assetCount(hundred)} assets each`,
    async run(world) {
      const ids = Array.from({ length: projectCount }, () => new ObjectId());
      const started = performance.now();
      for (let start = 0; start < ids.length; start += seedBatch) {
        const batch = ids.slice(start, start + seedBatch);
        const name = (id: ObjectId) => `Project ${id.toHexString().slice(-6)}`;
        await world.projects.insertMany(batch.map((id) => ({ _id: id, name: name(id), updatedBy: 'seed' })));
        await writeAll(
          world.firestore,
          batch.flatMap((id) => assetsOfProject(id.toHexString(), { name: name(id) }, hundred)),
        );
        onProgress(`seeded ${start + batch.length} of ${projectCount} projects`);
      }
      const last = ids.at(-1);
      await world.observer.until(
        'the creation of the last project to be applied',
        async () => {
          const record = await world.firestore.doc(`syncProjects/${last?.toHexString()}`).get();
          return record.exists && record.get('appliedRevision') === record.get('revision');
        },
        180_000,
      );
      onProgress(`seeded and settled after ${((performance.now() - started) / 1000).toFixed(1)} s`);

      const step = Math.max(1, Math.floor(projectCount / deletions));
      const victims = ids.filter((_, index) => index % step === 0).slice(0, deletions);
      const latencies: number[] = [];
      for (const id of victims) {
        const { latencyMs } = await world.measure(
          () => world.projects.deleteOne({ _id: id }),
          'the assets of one project to be gone',
          async () => (await world.observer.count(id.toHexString())) === 0,
        );
        latencies.push(latencyMs);
      }
      latencies.sort((a, b) => a - b);
      const at = (share: number) =>
        latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
      const memory = await memoryOfProcesses(world.stack);
      const left = await world.projects.countDocuments({ _id: { $in: ids } });
      return [
        {
          what: `${victims.length} single deletes among ${projectCount} × ${assetCount(hundred)}`,
          expected: `p95 visible within ${visibleWithinMs} ms`,
          mongodb: `${left} projects left`,
          firestore: `p50 ${Math.round(at(0.5))}, p95 ${Math.round(at(percentile))}, max ${Math.round(at(1))} ms`,
          latencyMs: at(percentile),
          passed: at(percentile) <= visibleWithinMs && left === projectCount - victims.length,
        },
        {
          what: 'memory of the whole stack',
          expected: `below ${memoryLimitMiB} MiB`,
          mongodb: '',
          firestore: `${memory.totalMiB} MiB in ${memory.processes} processes (servers ${memory.serversMiB})`,
          passed: memory.totalMiB < memoryLimitMiB,
        },
      ];
    },
  };
}
