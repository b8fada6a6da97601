import { join } from 'node:path';
import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { SeedDocument } from '../local/demo/seedData.ts';
import { writeAll } from '../local/demo/writeAll.ts';
import { requiredIndexes } from '../src/reconcile/requiredIndexes.ts';
import { connectSource, type ProjectsSource } from '../src/source/connect.ts';
import type { Benchmark, BenchOptions, BenchResult, Figure } from './benchmark.ts';
import { type ReconcileWayName, reconcileConfig } from './contenders/reconcileWays.ts';
import { type Spent, spentBetween } from './processes/firestoreProcess.ts';
import { type Answering, likeTheFunction, startAnswering } from './processes/requests.ts';
import { benchProjectId, type ServicesProcess, startServicesProcess } from './processes/servicesProcess.ts';
import { median } from './statistics.ts';

/** How much is compared. */
export interface ReconcileSizes {
  readonly projects: number;
  readonly comparisons: readonly Compare[];
  readonly rounds: number;
}

/** What one comparison is about. */
interface Compare {
  /** Assets per project and collection. */
  readonly perProject: number;
  /** To Firestore and back, in ms, besides what the local one takes for an answer. */
  readonly roundTripMs: number;
}

const local = (perProject: number): Compare => ({ perProject, roundTripMs: 0 });

const reconcileSizes: Readonly<Record<BenchOptions['size'], ReconcileSizes>> = {
  full: {
    projects: 1_000,
    comparisons: [
      local(1),
      local(10),
      { perProject: 10, roundTripMs: 10 },
      { perProject: 10, roundTripMs: 30 },
      local(100),
    ],
    rounds: 5,
  },
  quick: {
    projects: 100,
    comparisons: [local(10), { perProject: 10, roundTripMs: 10 }, { perProject: 10, roundTripMs: 30 }],
    rounds: 1,
  },
};

/** Reconciliation by counts and hops against the usual way, a scan of every asset. */
export const benchmark: Benchmark = {
  name: 'reconcile',
  summary: 'compares 1,000 projects with their assets in two collections, against a full scan',
  run: (options) => compareReconciling(reconcileSizes[options.size], options),
};

const titles: Readonly<Record<ReconcileWayName, string>> = {
  ours: 'ours: counts, and hops where they differ',
  'full-scan': `full projection scan, page by page`,
};

const order = ['ours', 'full-scan'] as const satisfies readonly ReconcileWayName[];

/** Runs of a way before those that count: code is compiled, connections opened, and ours learns how many tuples there
 *  are, as it does from every run. */
const warmUps = 2;

const runSchema = z.object({
  ms: z.number(),
  cpuMs: z.number(),
  compared: z.object({ projects: z.number(), assets: z.number() }),
});

interface Run extends z.infer<typeof runSchema>, Spent {}

/** What one way came to with so many assets per project. */
interface Standing extends Compare {
  readonly name: ReconcileWayName;
  readonly runs: readonly Run[];
  readonly peakBytes: number;
}

/** Lets both ways compare the same data, in turns. */
export async function compareReconciling(
  sizes: ReconcileSizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  const services = await startServicesProcess(requiredIndexes(reconcileConfig));
  const source = await connectSource(services.mongodbUri, reconcileConfig);
  const firestore = new Firestore({ projectId: benchProjectId, host: services.firestoreHost, ssl: false });
  try {
    const standings: Standing[] = [];
    for (const compare of sizes.comparisons) {
      await services.roundTrip(0);
      await services.clearFirestore();
      await seed(firestore, source, sizes.projects, compare.perProject);
      onProgress(`${sizes.projects} projects with ${compare.perProject} assets in each collection are there`);
      await services.roundTrip(compare.roundTripMs);
      standings.push(...(await compareOnce(services, compare, sizes, onProgress)));
    }
    return resultOf(sizes, standings);
  } finally {
    await firestore.terminate();
    await source.close();
    await services.close();
  }
}

async function compareOnce(
  services: ServicesProcess,
  compare: Compare,
  { projects, rounds }: ReconcileSizes,
  onProgress: (text: string) => void,
): Promise<Standing[]> {
  const words = [services.mongodbUri, services.firestoreHost];
  const program = join(import.meta.dirname, 'processes', 'reconcileProgram.ts');
  const sides = order.map((name) => ({
    name,
    client: startAnswering(program, [name, ...words], likeTheFunction),
    runs: [] as Run[],
  }));
  const expected = { projects, assets: projects * compare.perProject * reconcileConfig.collections.length };
  try {
    for (const { client } of sides)
      for (let run = 0; run < warmUps; run += 1) await measured(client, services, expected);
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, client, runs } of round % 2 === 0 ? sides : sides.toReversed()) {
        const run = await measured(client, services, expected);
        runs.push(run);
        onProgress(`round ${round + 1}: ${name} ${run.reads} reads, ${Math.round(run.ms)} ms`);
      }
    }
    return await Promise.all(
      sides.map(async ({ name, client, runs }) => {
        const peakBytes = await client.ask('peakRss', null, z.number());
        return { name, ...compare, runs, peakBytes };
      }),
    );
  } finally {
    for (const { client } of sides) await client.close();
  }
}

async function measured(client: Answering, services: ServicesProcess, expected: Run['compared']): Promise<Run> {
  const before = await services.usage();
  const run = await client.ask('run', null, runSchema);
  const { projects, assets } = run.compared;
  if (projects !== expected.projects || assets !== expected.assets) {
    const wanted = `${expected.assets} assets of ${expected.projects} projects`;
    throw new Error(`a way compared ${assets} assets of ${projects} projects where there are ${wanted}`);
  }
  return { ...run, ...spentBetween(before, await services.usage()) };
}

/** Writes projects and assets that are in step. */
async function seed(
  firestore: Firestore,
  { projects }: ProjectsSource,
  count: number,
  perProject: number,
): Promise<void> {
  await projects.deleteMany({});
  const documents = Array.from({ length: count }, (_, number) => ({
    _id: new ObjectId(),
    name: `Project ${number}`,
    members: ['mara', 'joon'],
  }));
  await projects.insertMany(documents);
  const newId = () => firestore.collection('any').doc().id;
  await writeAll(
    firestore,
    documents.flatMap(({ _id, name }) => {
      const projectId = _id.toHexString();
      return Array.from({ length: perProject }, (_, number): SeedDocument[] => [
        [`storyboards/${newId()}`, { projectId, projectName: name, title: `Board ${number}`, panels: 12 }],
        [`analyses/${newId()}`, { projectId, verdict: `Scene ${number} holds the tension until its last line.` }],
      ]).flat();
    }),
  );
}

function resultOf(sizes: ReconcileSizes, standings: readonly Standing[]): BenchResult {
  const each = ({ runs }: Standing, value: (run: Run) => number) => median(runs.map(value));
  const bytesPerMebibyte = 1_024 * 1_024;
  return {
    name: 'reconcile',
    notes: [
      `${sizes.projects.toLocaleString('en-US')} projects, two collections, one of them with a copy, everything in step; median of ${sizes.rounds} rounds in changing order.`,
      'Services and both ways are processes of their own. Both ways read projections only, and ask MongoDB with the same code.',
      'Ours is a whole run: lease, counts, sample of ids, progress and report are written to Firestore. The reads include those of its own records.',
      'A local Firestore answers in about a millisecond, which is mostly the work of its process; a real one is some milliseconds away, and does its work elsewhere: the rows with a round trip are as it would be.',
    ],
    tables: [
      {
        title: 'Comparing all assets with all projects',
        headings: [
          'way',
          'assets per project',
          'round trip ms',
          'reads',
          'writes',
          'RPCs',
          'ms',
          'client CPU ms',
          'peak MiB',
        ],
        rows: standings.map((standing) => [
          titles[standing.name],
          standing.perProject,
          standing.roundTripMs,
          each(standing, ({ reads }) => reads),
          each(standing, ({ writes }) => writes),
          each(standing, ({ calls }) => calls),
          Math.round(each(standing, ({ ms }) => ms)),
          Math.round(each(standing, ({ cpuMs }) => cpuMs)),
          Math.round(standing.peakBytes / bytesPerMebibyte),
        ]),
      },
    ],
    figures: sizes.comparisons.flatMap(({ perProject, roundTripMs }): Figure[] => {
      const of = (name: ReconcileWayName) =>
        standings.find((one) => one.name === name && one.perProject === perProject && one.roundTripMs === roundTripMs)
          ?.runs ?? [];
      const at = roundTripMs === 0 ? `${perProject}` : `${perProject}, ${roundTripMs} ms away`;
      const ratios = (value: (run: Run) => number, above: readonly Run[], below: readonly Run[]) =>
        above.map((run, round) => value(run) / value(below[round] ?? { ...run, ms: Number.NaN, reads: Number.NaN }));
      const [ours, scan] = [of('ours'), of('full-scan')];
      return [
        {
          name: `reconcile reads full-scan/ours at ${at}`,
          unit: 'ratio',
          better: 'higher',
          kind: 'counted',
          samples: ratios(({ reads }) => reads, scan, ours),
        },
        {
          name: `reconcile wall time ours/full-scan at ${at}`,
          unit: 'ratio',
          better: 'lower',
          kind: 'timed',
          samples: ratios(({ ms }) => ms, ours, scan),
        },
      ];
    }),
  };
}
