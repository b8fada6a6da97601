import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Benchmark, BenchOptions, BenchResult } from './benchmark.ts';
import type { DeletionWayName } from './contenders/deletionWays.ts';
import { latencyResult, type MeasuredSize } from './latency/result.ts';
import { type LatencySizes, latencySizes } from './latency/sizes.ts';
import { type Deletion, type LatencyWorld, startLatencyWorld } from './latency/world.ts';

/** How long a deletion in MongoDB takes to show in Firestore. */
export const benchmark: Benchmark = {
  name: 'latency',
  summary:
    'from the deletion of a project in MongoDB to its last asset gone: 1, 100, 5,000 assets, and behind 1,000 events',
  run: (options) => measureLatency(latencySizes[options.size], options),
};

const count = (value: number) => value.toLocaleString('en-US');

/** Lets projects be deleted through the whole path, and by the service itself, in turns.
 *  @throws Error when an asset is left, or the functions do not compile. */
export async function measureLatency(
  sizes: LatencySizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  build();
  const { events, assets: assetsBehind, samples: samplesBehind } = sizes.backlog;
  const world = await startLatencyWorld(events, onProgress);
  try {
    await measureSize(world, sizes.warmUp.assets, sizes.warmUp.samples);
    const measured: MeasuredSize[] = [];
    for (const { assets, samples } of sizes.projects) {
      onProgress(`${samples} × ${count(assets)} assets, by either way`);
      measured.push(await measureSize(world, assets, samples));
    }
    const behind: Deletion[] = [];
    for (let sample = 0; sample < samplesBehind; sample += 1) {
      behind.push(await world.deleteBehindRenames(assetsBehind));
      onProgress(`behind ${count(events)} renames: ${Math.round(behind.at(-1)?.ms ?? Number.NaN)} ms`);
    }
    return latencyResult(sizes, measured, behind, await world.memory());
  } finally {
    await world.close();
  }
}

/** The functions run as they are deployed: from lib/. */
function build(): void {
  const program = join(import.meta.dirname, '..', 'local', 'build.ts');
  const { status } = spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error('src/ does not compile; the messages of the compiler stand above');
}

async function measureSize(world: LatencyWorld, assets: number, samples: number): Promise<MeasuredSize> {
  const deletions: Record<DeletionWayName, Deletion[]> = { ours: [], itself: [] };
  const ways: readonly DeletionWayName[] = ['ours', 'itself'];
  for (let sample = 0; sample < samples; sample += 1) {
    // In changing order: what else the machine does meets both alike.
    for (const way of sample % 2 === 0 ? ways : ways.toReversed()) {
      deletions[way].push(await world.deleteProject(way, assets));
    }
  }
  return { assets, deletions };
}
