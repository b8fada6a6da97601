import { join } from 'node:path';
import { Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { syncInstance } from '../src/sync/instance.ts';
import type { Benchmark, BenchOptions, BenchResult, Figure } from './benchmark.ts';
import {
  type FirestoreProcess,
  type Spent,
  spentBetween,
  startFirestoreProcess,
} from './processes/firestoreProcess.ts';
import { likeTheFunction, roomForMany, startAnswering } from './processes/requests.ts';
import { benchProjectId } from './processes/servicesProcess.ts';
import { scaleConfig } from './scale/config.ts';
import { type HeavyEvents, heavyEventsFigures, heavyEventsTable, measureHeavyEvents } from './scale/heavyEvents.ts';
import {
  bytesPerMebibyte,
  checkScale,
  memoryAboveSmallLimit,
  readsPerAssetLimit,
  type ScaleRun,
} from './scale/limits.ts';
import { seedAssets } from './seedAssets.ts';

/** Sizes of one project, and how long one invocation works. */
export interface ScaleSizes {
  readonly small: number;
  readonly large: number;
  /** As `SYNC_BUDGET_SECONDS` says, in ms. */
  readonly budgetMs: number;
  /** So short that many invocations are needed, whatever the machine, in ms. */
  readonly shortBudgetMs: number;
  /** Whether reads and memory have to stay within their limits, too. */
  readonly atFullSize: boolean;
  readonly heavyEvents: readonly HeavyEvents[];
}

const scaleSizes: Readonly<Record<BenchOptions['size'], ScaleSizes>> = {
  full: {
    // So many that the process has met all kinds of garbage that a larger project makes.
    small: 50_000,
    large: 200_000,
    budgetMs: 20_000,
    shortBudgetMs: 1_000,
    atFullSize: true,
    heavyEvents: heavyEvents(syncInstance.concurrency, { assets: 30_000, longNames: 40, longestNames: 8 }),
  },
  quick: {
    small: 300,
    large: 3_000,
    budgetMs: 20_000,
    shortBudgetMs: 50,
    atFullSize: false,
    heavyEvents: heavyEvents(8, { assets: 30, longNames: 4, longestNames: 2 }),
  },
};

/** @param each how many assets a project has */
function heavyEvents(
  events: number,
  each: { readonly assets: number; readonly longNames: number; readonly longestNames: number },
): readonly HeavyEvents[] {
  return [
    { title: 'deletions of large projects', kind: 'delete', events, assetsEach: each.assets, nameBytes: 24 },
    { title: 'renames to long names', kind: 'rename', events, assetsEach: each.longNames, nameBytes: 300_000 },
    { title: 'deletions into the archive', kind: 'archive', events, assetsEach: each.longestNames, nameBytes: 900_000 },
    // Nearly as long as an event may be.
    {
      title: 'renames to the longest names',
      kind: 'rename',
      events,
      assetsEach: each.longestNames,
      nameBytes: 850_000,
    },
  ];
}

/** One project of 200,000 assets: memory, cost and continuations. */
export const benchmark: Benchmark = {
  name: 'scale',
  summary: 'deletes a project of 200,000 assets in three collections: memory, cost, continuations',
  run(options) {
    const sizes = scaleSizes[options.size];
    return measureScale({ ...sizes, large: options.largeProject ?? sizes.large }, options);
  },
};

const runSchema = z.object({ ms: z.number(), invocations: z.number() });

/** One deletion by a worker process that has done nothing before. */
interface Deletion extends Spent, ScaleRun {
  readonly ms: number;
  readonly budgetMs: number;
}

/** Deletes a small project, a large one, and a large one in short invocations.
 *  @throws Error when an asset is left, or a limit was passed. */
export async function measureScale(
  sizes: ScaleSizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  const run = (title: string, assets: number, budgetMs: number) => {
    onProgress(`${title}: ${assets.toLocaleString('en-US')} assets`);
    return deleteProject(title, assets, budgetMs);
  };
  const small = await run('small project', sizes.small, sizes.budgetMs);
  const large = await run('large project', sizes.large, sizes.budgetMs);
  const short = await run('large project, short invocations', sizes.large, sizes.shortBudgetMs);
  checkScale({ small, large, short }, sizes.atFullSize);
  const runs = [small, large, short];
  const heavy = await measureHeavyEvents(sizes.heavyEvents, { onProgress });
  const mebibytes = ({ peakRss }: Deletion) => Math.round(peakRss / bytesPerMebibyte);
  return {
    name: 'scale',
    notes: [
      'Each project is in three collections, and is deleted by a worker process of its own with the heap of the deployed function (256 of 512 MiB); the Firestore server is another process.',
      `Memory: the large project takes ${mebibytes(large) - mebibytes(small)} MiB more than the small one, in short invocations ${mebibytes(short) - mebibytes(small)} MiB more (limit: ${memoryAboveSmallLimit} MiB).`,
      `Reads are those of all collections: assets, the records of the project, counts (limit: ${readsPerAssetLimit} per asset; deletes: exactly 1).`,
      `A run that passes ${sizes.atFullSize ? 'one of these limits' : 'the limit of deletes'} fails${sizes.atFullSize ? '' : '; the others count in the full size only'}.`,
    ],
    tables: [
      {
        title: 'One large project',
        headings: [
          'what',
          'assets',
          'budget s',
          'invocations',
          'seconds',
          'assets/s',
          'reads per asset',
          'deletes per asset',
          'RPCs per asset',
          'peak MiB',
        ],
        rows: runs.map((run) => [
          run.title,
          run.assets,
          String(run.budgetMs / 1_000),
          run.invocations,
          (run.ms / 1_000).toFixed(1),
          Math.round((run.assets / run.ms) * 1_000),
          (run.reads / run.assets).toFixed(4),
          (run.deletes / run.assets).toFixed(4),
          (run.calls / run.assets).toFixed(4),
          mebibytes(run),
        ]),
      },
      heavyEventsTable(heavy),
    ],
    figures: [
      {
        name: 'scale memory large/small',
        unit: 'ratio',
        better: 'lower',
        kind: 'timed',
        samples: [large.peakRss / small.peakRss],
      },
      ...heavyEventsFigures(heavy),
      ...runs.map(
        (run): Figure => ({
          name: `scale reads/asset ${run.title.replaceAll(' ', '-').replaceAll(',', '')}`,
          unit: 'reads',
          better: 'lower',
          kind: 'counted',
          samples: [run.reads / run.assets],
        }),
      ),
    ],
  };
}

async function deleteProject(title: string, assets: number, budgetMs: number): Promise<Deletion> {
  const server = await startFirestoreProcess(roomForMany);
  const firestore = new Firestore({ projectId: benchProjectId, host: server.host, ssl: false });
  const worker = startAnswering(
    join(import.meta.dirname, 'processes', 'scaleProgram.ts'),
    [server.host],
    likeTheFunction,
  );
  try {
    await seedProject(firestore, 'large', assets);
    await seedProject(firestore, 'other', scaleConfig.collections.length);
    const before = await server.usage();
    const run = await worker.ask('run', { projectId: 'large', budgetMs }, runSchema);
    const spent = spentBetween(before, await server.usage());
    await checkLeft(server, firestore);
    return { ...run, ...spent, title, assets, budgetMs, peakRss: await worker.ask('peakRss', null, z.number()) };
  } finally {
    await worker.close();
    await firestore.terminate();
    await server.close();
  }
}

/** Spreads assets evenly over the collections, some at a time: the seeding process need not hold them all. */
async function seedProject(firestore: Firestore, projectId: string, assets: number): Promise<void> {
  const atOnce = 10_000;
  const { collections } = scaleConfig;
  for (const [index, { name }] of collections.entries()) {
    const share = Math.floor(assets / collections.length) + (index < assets % collections.length ? 1 : 0);
    for (let written = 0; written < share; written += atOnce) {
      await seedAssets(firestore, name, projectId, Math.min(atOnce, share - written));
    }
  }
}

async function checkLeft(server: FirestoreProcess, firestore: Firestore): Promise<void> {
  const counts = scaleConfig.collections.map(({ name }) => firestore.collection(name).count().get());
  const left = (await Promise.all(counts)).reduce((sum, count) => sum + count.data().count, 0);
  const others = scaleConfig.collections.length;
  if (left !== others) {
    throw new Error(`${left} assets are left where ${others} were expected (documents: ${await server.documents()})`);
  }
}
