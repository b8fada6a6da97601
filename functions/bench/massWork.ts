import { Firestore } from 'firebase-admin/firestore';
import type { BenchOptions, BenchResult, Figure } from './benchmark.ts';
import type { ContenderName } from './contenders/all.ts';
import { assetCollection, type Work } from './contenders/contender.ts';
import { type ClientProcess, type ClientRun, startClientProcess } from './processes/clientProcess.ts';
import {
  type FirestoreProcess,
  type Spent,
  spentBetween,
  startFirestoreProcess,
} from './processes/firestoreProcess.ts';
import { seedAssets, seededName } from './seedAssets.ts';
import { median } from './statistics.ts';

/** How much work a comparison does. */
export interface MassSizes {
  readonly assets: number;
  /** For the way that awaits each document. */
  readonly assetsOneByOne: number;
  /** How often each way does it; the median counts. A first time does not count: code is compiled, and connections are
   *  opened. */
  readonly rounds: number;
  /** And with `roundTripMs` to Firestore and back, where calls that follow each other cost time. */
  readonly roundsFarAway: number;
  /** Other projects in the same collection, and the assets of each. */
  readonly otherProjects: number;
  readonly assetsOfOthers: number;
}

export const massSizes: Readonly<Record<BenchOptions['size'], MassSizes>> = {
  full: { assets: 20_000, assetsOneByOne: 2_000, rounds: 7, roundsFarAway: 5, otherProjects: 100, assetsOfOthers: 100 },
  quick: { assets: 600, assetsOneByOne: 50, rounds: 1, roundsFarAway: 1, otherProjects: 5, assetsOfOthers: 10 },
};

const titles: Readonly<Record<Way, string>> = {
  ours: 'ours: one page, one transaction',
  'one-by-one': '(a) one awaited call per document',
  bulkwriter: '(b) BulkWriter, no throttling, query stream',
  batches: '(c) queries of 5,000, batches of 250, 15 in flight',
};

const order: readonly Way[] = ['ours', 'one-by-one', 'bulkwriter', 'batches'];

/** Who works at once on what lies far away. */
const farAway: readonly Way[] = ['ours', 'batches'];
const roundTripMs = 10;

/** The ways that are compared here. */
type Way = Exclude<ContenderName, 'archiving'>;

/** What one run came to. */
interface Run extends ClientRun, Spent {
  readonly assets: number;
}

/** What one way came to, in all its runs. */
interface Standing {
  readonly name: Way;
  readonly runs: Run[];
  readonly runsFarAway: Run[];
  readonly client: ClientProcess;
  readonly idleRss: number;
}

/** Lets the four ways do the same work, in turns, and compares them.
 *  @throws Error when a way left an asset of the project, or touched another's. */
export async function compareWays(
  kind: Work['kind'],
  sizes: MassSizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  const server = await startFirestoreProcess();
  const firestore = new Firestore({ projectId: 'demo-bench', host: server.host, ssl: false });
  const standings: Standing[] = [];
  try {
    for (let other = 0; other < sizes.otherProjects; other += 1) {
      await seedAssets(firestore, assetCollection, `other-${other}`, sizes.assetsOfOthers);
    }
    for (const name of order) standings.push(await warmedUp(name, kind, sizes, server, firestore));
    for (let round = 0; round < sizes.rounds; round += 1) {
      // The way that begins is another one every time: what else the machine does meets all alike.
      for (let turn = 0; turn < standings.length; turn += 1) {
        const standing = standings[(round + turn) % standings.length];
        if (standing === undefined) continue;
        const run = await oneRun(standing, kind, `${standing.name}-${round}`, sizes, server, firestore);
        standing.runs.push(run);
        onProgress(`${kind} round ${round + 1}: ${standing.name} ${Math.round(perSecond(run))} assets/s`);
      }
    }
    for (let round = 0; round < sizes.roundsFarAway; round += 1) {
      for (const standing of standings.filter(({ name }) => farAway.includes(name))) {
        const run = await oneRun(
          standing,
          kind,
          `${standing.name}-far-${round}`,
          sizes,
          server,
          firestore,
          roundTripMs,
        );
        standing.runsFarAway.push(run);
        onProgress(
          `${kind} round ${round + 1}, ${roundTripMs} ms: ${standing.name} ${Math.round(perSecond(run))} assets/s`,
        );
      }
    }
    return await resultOf(kind, sizes, standings);
  } finally {
    for (const { client } of standings) await client.close();
    await firestore.terminate();
    await server.close();
  }
}

async function warmedUp(
  name: Way,
  kind: Work['kind'],
  sizes: MassSizes,
  server: FirestoreProcess,
  firestore: Firestore,
): Promise<Standing> {
  const client = startClientProcess(name, server.host);
  const standing = { name, runs: [], runsFarAway: [], client, idleRss: await client.rss() };
  await oneRun(standing, kind, `warm-up-${name}`, sizes, server, firestore);
  return standing;
}

async function oneRun(
  { client, name }: Pick<Standing, 'client' | 'name'>,
  kind: Work['kind'],
  projectId: string,
  sizes: MassSizes,
  server: FirestoreProcess,
  firestore: Firestore,
  roundTrip = 0,
): Promise<Run> {
  const assets = name === 'one-by-one' ? sizes.assetsOneByOne : sizes.assets;
  await seedAssets(firestore, assetCollection, projectId, assets);
  const newName = `Renamed by ${name}`;
  const work: Work = kind === 'delete' ? { kind, projectId } : { kind, projectId, name: newName };
  const before = await server.usage();
  await server.roundTrip(roundTrip);
  const run = await client.run(work);
  await server.roundTrip(0);
  const spent = spentBetween(before, await server.usage());
  const mine = firestore.collection(assetCollection).where('projectId', '==', projectId);
  const done = kind === 'delete' ? mine : mine.where('projectName', '==', newName);
  const { count } = (await done.count().get()).data();
  const expected = kind === 'delete' ? 0 : assets;
  if (count !== expected) throw new Error(`${name} left ${count} assets where ${expected} were expected`);
  await expectOthersUntouched(name, sizes, projectId, firestore);
  // Every run begins with the same collection.
  if (kind === 'rename') {
    const writer = firestore.bulkWriter({ throttling: false });
    for (const { ref } of (await mine.select().get()).docs) void writer.delete(ref);
    await writer.close();
  }
  return { ...run, ...spent, assets };
}

/** All that is in the collection besides the project shows its old name, and is as much as before. */
async function expectOthersUntouched(
  name: Way,
  { otherProjects, assetsOfOthers }: MassSizes,
  projectId: string,
  firestore: Firestore,
): Promise<void> {
  const others = firestore.collection(assetCollection).where('projectName', '==', seededName);
  const own = others.where('projectId', '==', projectId);
  const [all, mine] = await Promise.all([others.count().get(), own.count().get()]);
  const count = all.data().count - mine.data().count;
  const expected = otherProjects * assetsOfOthers;
  if (count !== expected) throw new Error(`${name} left ${count} assets of others where ${expected} were expected`);
}

const perSecond = ({ assets, ms }: Pick<Run, 'assets' | 'ms'>) => (assets / ms) * 1_000;

async function resultOf(kind: Work['kind'], sizes: MassSizes, standings: readonly Standing[]): Promise<BenchResult> {
  const our = standings.find(({ name }) => name === 'ours');
  const ours = our?.runs ?? [];
  const oursFarAway = our?.runsFarAway ?? [];
  const others = standings.filter(({ name }) => name !== 'ours');
  const rows = await Promise.all(
    standings.map(async ({ name, runs, client, idleRss }) => {
      const each = (value: (run: Run) => number) => median(runs.map((run) => value(run) / run.assets));
      return [
        titles[name],
        Math.round(median(runs.map(perSecond))),
        median(ratiosOf(ours, runs)),
        each(({ reads }) => reads).toFixed(4),
        each(({ writes }) => writes).toFixed(4),
        each(({ deletes }) => deletes).toFixed(4),
        each(({ calls }) => calls * 1_000).toFixed(1),
        each(({ cpuMs }) => cpuMs * 1_000).toFixed(0),
        mebibytes(await client.peakRss()),
        mebibytes((await client.peakRss()) - idleRss),
      ];
    }),
  );
  return {
    name: kind,
    notes: [
      `Median of ${sizes.rounds} rounds in rotating order (of a ratio: the median of the rounds' ratios), ${sizes.assets.toLocaleString('en-US')} assets of one project each; ` +
        `the way (a) had ${sizes.assetsOneByOne.toLocaleString('en-US')}, and its speed is what that gives.`,
      `${(sizes.otherProjects * sizes.assetsOfOthers).toLocaleString('en-US')} assets of ${sizes.otherProjects} other projects in the same collection.`,
      'The server and each of the clients are processes of their own; all clients read keys only (ours also the copies, for a rename).',
      'Ours includes taking and giving back the lease, and the records of project and job; its throttle starts cold in every run.',
    ],
    tables: [
      {
        title: kind === 'delete' ? 'Deleting all assets of one project' : 'Renaming all assets of one project',
        headings: [
          'way',
          'assets/s',
          'ours/it',
          'reads per asset',
          'writes per asset',
          'deletes per asset',
          'RPCs per 1,000',
          'client CPU µs per asset',
          'peak MiB',
          'MiB above idle',
        ],
        rows,
      },
      {
        title: `The same, with ${roundTripMs} ms to Firestore and back`,
        headings: ['way', 'assets/s', 'ours/it'],
        rows: standings
          .filter(({ runsFarAway }) => runsFarAway.length > 0)
          .map(({ name, runsFarAway }) => [
            titles[name],
            Math.round(median(runsFarAway.map(perSecond))),
            median(ratiosOf(oursFarAway, runsFarAway)),
          ]),
      },
    ],
    figures: [
      ...others.map(({ name, runs }) => timed(`${kind} ours/${name}`, 'ratio', ratiosOf(ours, runs))),
      ...others
        .filter(({ runsFarAway }) => runsFarAway.length > 0)
        .map(({ name, runsFarAway }) =>
          timed(`${kind} ours/${name} at ${roundTripMs} ms`, 'ratio', ratiosOf(oursFarAway, runsFarAway)),
        ),
      timed(`${kind} ours assets/s`, 'assets/s', ours.map(perSecond)),
      counted(
        `${kind} ours reads/asset`,
        'reads',
        ours.map(({ reads, assets }) => reads / assets),
      ),
      counted(
        `${kind} ours RPCs/1,000`,
        'RPCs',
        ours.map(({ calls, assets }) => (calls * 1_000) / assets),
      ),
    ],
  };
}

const timed = (name: string, unit: string, samples: readonly number[]): Figure => ({
  name,
  unit,
  better: 'higher',
  kind: 'timed',
  samples,
});

const counted = (name: string, unit: string, samples: readonly number[]): Figure => ({
  name,
  unit,
  better: 'lower',
  kind: 'counted',
  samples,
});

/** How many times as fast one is as the other, round by round, since both met the same machine there. */
function ratiosOf(ours: readonly Run[], others: readonly Run[]): readonly number[] {
  return ours.map((run, round) => perSecond(run) / perSecond(others[round] ?? { assets: 0, ms: Number.NaN }));
}

const bytesPerMebibyte = 1_024 * 1_024;
const mebibytes = (bytes: number) => Math.round(bytes / bytesPerMebibyte);
