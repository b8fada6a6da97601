import { Firestore } from 'firebase-admin/firestore';
import { parseArchiveRecord } from '../src/archive/archiveRecord.ts';
import { recordCollections } from '../src/config/defineConfig.ts';
import type { Benchmark, BenchOptions, BenchResult, Figure } from './benchmark.ts';
import { assetCollection } from './contenders/contender.ts';
import { type ClientProcess, type ClientRun, startClientProcess } from './processes/clientProcess.ts';
import {
  type FirestoreProcess,
  type Spent,
  spentBetween,
  startFirestoreProcess,
} from './processes/firestoreProcess.ts';
import { seedAssets } from './seedAssets.ts';
import { median } from './statistics.ts';

/** What archiving costs over deleting for good. */
export const benchmark: Benchmark = {
  name: 'archive',
  summary: 'archives 20,000 assets of one project, against deleting them for good',
  run: (options) => compare(sizes[options.size], options),
};

interface Sizes {
  readonly assets: number;
  readonly rounds: number;
  /** Assets of a first run that is not counted. */
  readonly warmUp: number;
}

const sizes: Readonly<Record<BenchOptions['size'], Sizes>> = {
  full: { assets: 20_000, rounds: 5, warmUp: 5_000 },
  quick: { assets: 600, rounds: 1, warmUp: 50 },
};

/** Small assets for which the archive may cost `mostWrites`. */
const smallAssets = 20;
const mostWrites = 1.05;

const ways = ['ours', 'archiving'] as const;
type Way = (typeof ways)[number];

const titles: Readonly<Record<Way, string>> = { ours: "onDelete: 'delete'", archiving: "onDelete: 'archive'" };

interface Run extends ClientRun, Spent, Archive {
  readonly assets: number;
}

/** What lies in the archive. */
interface Archive {
  readonly pages: number;
  /** As stored, and before it was compressed. */
  readonly stored: number;
  readonly text: number;
}

async function compare(size: Sizes, { onProgress }: Pick<BenchOptions, 'onProgress'>): Promise<BenchResult> {
  const server = await startFirestoreProcess();
  const firestore = new Firestore({ projectId: 'demo-bench', host: server.host, ssl: false });
  const clients: Readonly<Record<Way, ClientProcess>> = {
    ours: startClientProcess('ours', server.host),
    archiving: startClientProcess('archiving', server.host),
  };
  const runs: Readonly<Record<Way, Run[]>> = { ours: [], archiving: [] };
  try {
    for (const way of ways) await oneRun(way, clients[way], `warm-up-${way}`, size.warmUp, server, firestore);
    for (let round = 0; round < size.rounds; round += 1) {
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const run = await oneRun(way, clients[way], `${way}-${round}`, size.assets, server, firestore);
        runs[way].push(run);
        onProgress(`archive round ${round + 1}: ${titles[way]} ${Math.round(perSecond(run))} assets/s`);
      }
    }
    return await resultOf(size, runs, clients);
  } finally {
    for (const way of ways) await clients[way].close();
    await firestore.terminate();
    await server.close();
  }
}

/** @throws Error when an asset is left, or is not in the archive once. */
async function oneRun(
  way: Way,
  client: ClientProcess,
  projectId: string,
  assets: number,
  server: FirestoreProcess,
  firestore: Firestore,
): Promise<Run> {
  await server.clear();
  await seedAssets(firestore, assetCollection, projectId, assets);
  const before = await server.usage();
  const run = await client.run({ kind: 'delete', projectId });
  const spent = spentBetween(before, await server.usage());
  const left = (await firestore.collection(assetCollection).count().get()).data().count;
  const archive = await readArchive(firestore);
  const expected = way === 'archiving' ? assets : 0;
  if (left !== 0 || archive.assets !== expected) {
    throw new Error(`${way} left ${left} assets and archived ${archive.assets}, where ${expected} were expected`);
  }
  if (archive.pages * smallAssets > mostWrites * Math.max(assets, smallAssets)) {
    throw new Error(`${archive.pages} writes for ${assets} assets: more than ${mostWrites} for ${smallAssets}`);
  }
  return { ...run, ...spent, ...archive, assets };
}

async function readArchive(firestore: Firestore): Promise<Archive & { readonly assets: number }> {
  const { docs } = await firestore.collection(recordCollections.archive).get();
  const records = docs.map((document) => parseArchiveRecord(document.ref.path, document.data()));
  const sum = (of: (record: (typeof records)[number]) => number) =>
    records.reduce((total, record) => total + of(record), 0);
  return {
    pages: records.length,
    assets: sum(({ count }) => count),
    stored: sum(({ data }) => data?.length ?? 0),
    text: sum(({ bytes }) => bytes),
  };
}

const perSecond = ({ assets, ms }: Pick<Run, 'assets' | 'ms'>) => (assets / ms) * 1_000;

async function resultOf(
  size: Sizes,
  runs: Readonly<Record<Way, readonly Run[]>>,
  clients: Readonly<Record<Way, ClientProcess>>,
): Promise<BenchResult> {
  const slower = runs.archiving.map((run, round) => perSecond(run) / perSecond(runs.ours[round] ?? run));
  const rows = await Promise.all(
    ways.map(async (way) => {
      const each = (value: (run: Run) => number) => median(runs[way].map((run) => value(run) / run.assets));
      return [
        titles[way],
        Math.round(median(runs[way].map(perSecond))),
        way === 'ours' ? 1 : median(slower),
        each(({ reads }) => reads).toFixed(4),
        each(({ writes }) => writes).toFixed(4),
        (each(({ pages }) => pages) * smallAssets).toFixed(3),
        Math.round(each(({ stored }) => stored)),
        Math.round(each(({ text }) => text)),
        each(({ calls }) => calls * 1_000).toFixed(1),
        each(({ cpuMs }) => cpuMs * 1_000).toFixed(0),
        Math.round((await clients[way].peakRss()) / (1_024 * 1_024)),
      ];
    }),
  );
  return {
    name: 'archive',
    notes: [
      `Median of ${size.rounds} rounds in turns, ${size.assets.toLocaleString('en-US')} assets of one project each, alone in their collection.`,
      'The same worker on the same events; the assets are small: a few hundred bytes.',
      `Each run makes sure that no asset is left, that each is in the archive, and that the archive had at most ${mostWrites} writes for ${smallAssets} assets.`,
    ],
    tables: [
      {
        title: 'Archiving all assets of one project',
        headings: [
          'collection',
          'assets/s',
          'archive/delete',
          'reads per asset',
          'writes per asset',
          `archive writes per ${smallAssets} assets`,
          'archived bytes per asset',
          'of text',
          'RPCs per 1,000',
          'client CPU µs per asset',
          'peak MiB',
        ],
        rows,
      },
    ],
    figures: [
      figure('archive archive/delete', 'ratio', 'higher', 'timed', slower),
      figure('archive assets/s', 'assets/s', 'higher', 'timed', runs.archiving.map(perSecond)),
      figure(
        `archive writes/${smallAssets} assets`,
        'writes',
        'lower',
        'counted',
        runs.archiving.map(({ pages, assets }) => (pages / assets) * smallAssets),
      ),
      figure(
        'archive bytes/asset',
        'bytes',
        'lower',
        'counted',
        runs.archiving.map(({ stored, assets }) => stored / assets),
      ),
    ],
  };
}

function figure(
  name: string,
  unit: string,
  better: Figure['better'],
  kind: Figure['kind'],
  samples: readonly number[],
): Figure {
  return { name, unit, better, kind, samples };
}
