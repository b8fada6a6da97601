import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { poissonArrivals } from './backlog/arrivals.ts';
import { type Backlog, type BacklogRun, backlogResult, type Load, type Throughput } from './backlog/result.ts';
import { type BacklogSizes, backlogSizes, deployedConcurrency } from './backlog/sizes.ts';
import { measureSmallEvents } from './backlog/smallEvents.ts';
import type { Benchmark, BenchOptions, BenchResult } from './benchmark.ts';
import { assetCollection } from './contenders/contender.ts';
import { type FirestoreProcess, spentBetween, startFirestoreProcess } from './processes/firestoreProcess.ts';
import { type InstanceProcess, startInstanceProcess } from './processes/instanceProcess.ts';
import { benchProjectId } from './processes/servicesProcess.ts';
import { seedAssets } from './seedAssets.ts';
import { median } from './statistics.ts';
import { seededRandom } from './world/seededRandom.ts';

/** What one instance of `syncProject` makes of many small events. */
export const benchmark: Benchmark = {
  name: 'backlog',
  summary: 'renames of small projects on one instance: events/s at 1, 10, 80 at once, and waits under load',
  run: (options) => measureBacklog(backlogSizes[options.size], options),
};

/** So long that everything else hardly counts, in ms: an event takes as many of these as it has calls in a row. */
const longRoundTripMs = 100;

/** The same arrivals in every run of the benchmark. */
const seed = 15;

interface Bench {
  readonly server: FirestoreProcess;
  readonly firestore: Firestore;
  readonly instance: InstanceProcess;
  readonly projectIds: readonly string[];
  names: number;
}

/** @throws Error when a copy of a name has not followed. */
export async function measureBacklog(
  sizes: BacklogSizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  const server = await startFirestoreProcess();
  const firestore = new Firestore({ projectId: benchProjectId, host: server.host, ssl: false });
  const instance = startInstanceProcess(server.host);
  try {
    const projectIds = Array.from({ length: sizes.projects }, () => new ObjectId().toHexString());
    for (const projectId of projectIds) await seedAssets(firestore, assetCollection, projectId, 1);
    const bench: Bench = { server, firestore, instance, projectIds, names: 0 };
    // Not counted: code is compiled, connections are opened, records of the projects come to be.
    await oneRun(bench, deployedConcurrency, new Array(sizes.projects).fill(0));
    const backlogs: Backlog[] = [];
    for (const roundTripMs of sizes.roundTripsMs) backlogs.push(await measureAt(bench, sizes, roundTripMs, onProgress));
    const small = await measureSmallEvents(bench, sizes.smallEvents);
    await server.roundTrip(longRoundTripMs);
    const alone = await oneRun(bench, 1, new Array(sizes.aloneEvents).fill(0));
    return backlogResult(sizes, backlogs, small, alone.ms / sizes.aloneEvents / longRoundTripMs);
  } finally {
    await instance.close();
    await firestore.terminate();
    await server.close();
  }
}

async function measureAt(
  bench: Bench,
  sizes: BacklogSizes,
  roundTripMs: number,
  onProgress: (text: string) => void,
): Promise<Backlog> {
  await bench.server.roundTrip(roundTripMs);
  const throughputs: Throughput[] = [];
  for (const { atOnce, events } of sizes.concurrencies) {
    const runs: BacklogRun[] = [];
    for (let round = 0; round < sizes.rounds; round += 1) {
      runs.push(await oneRun(bench, atOnce, new Array(events).fill(0)));
    }
    throughputs.push({ atOnce, events, runs });
    onProgress(`round trip ${roundTripMs} ms, ${atOnce} at once: ${perSecond(events, runs).toFixed(0)} events/s`);
  }
  const deployed = throughputs.find(({ atOnce }) => atOnce === deployedConcurrency);
  const capacity = deployed === undefined ? Number.NaN : perSecond(deployed.events, deployed.runs);
  const loads: Load[] = [];
  for (const percent of sizes.loadPercents) {
    const runs: BacklogRun[] = [];
    for (let round = 0; round < sizes.rounds; round += 1) {
      const arrivals = poissonArrivals(sizes.loadEvents, (capacity * percent) / 100, seededRandom(seed + round));
      runs.push(await oneRun(bench, deployedConcurrency, arrivals));
    }
    loads.push({ percent, perSecond: (capacity * percent) / 100, runs });
    onProgress(`round trip ${roundTripMs} ms, ${percent} % of ${capacity.toFixed(0)} events/s`);
  }
  await bench.server.roundTrip(0);
  return { roundTripMs, throughputs, loads };
}

const perSecond = (events: number, runs: readonly BacklogRun[]) => median(runs.map(({ ms }) => (events / ms) * 1_000));

/** Renames one project per arrival, and makes sure that each asset of theirs shows it. */
async function oneRun(bench: Bench, atOnce: number, arrivalsMs: readonly number[]): Promise<BacklogRun> {
  const { server, firestore, instance } = bench;
  bench.names += 1;
  const name = `Title number ${bench.names}`;
  const projectIds = bench.projectIds.slice(0, arrivalsMs.length);
  const [before, cpuBefore] = [await server.usage(), await server.cpuMs()];
  const events = projectIds.map((projectId, index) => ({
    arrivesMs: arrivalsMs[index] ?? 0,
    work: { kind: 'rename' as const, projectId, name },
  }));
  const run = await instance.run(events, atOnce);
  const serverCpuMs = (await server.cpuMs()) - cpuBefore;
  const spent = spentBetween(before, await server.usage());
  const shown = firestore.collection(assetCollection).where('projectName', '==', name);
  const { count } = (await shown.count().get()).data();
  if (count !== projectIds.length) throw new Error(`${count} of ${projectIds.length} copies of a name have followed`);
  return { ...run, ...spent, serverCpuMs };
}
