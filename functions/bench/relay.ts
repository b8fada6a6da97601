import { join } from 'node:path';
import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { ClusterTime } from '../src/events/version.ts';
import { readOperationTime } from '../src/relay/changeStream/open.ts';
import { connectSource, type ProjectsSource } from '../src/source/connect.ts';
import type { Benchmark, BenchOptions, BenchResult } from './benchmark.ts';
import { type RelayWayName, relayConfig } from './contenders/relayWays.ts';
import { type Spent, spentBetween } from './processes/firestoreProcess.ts';
import { type Answering, startAnswering } from './processes/requests.ts';
import { type ServicesProcess, startServicesProcess } from './processes/servicesProcess.ts';
import { median } from './statistics.ts';

/** How much is relayed. */
export interface RelaySizes {
  readonly changes: number;
  readonly projects: number;
  readonly rounds: number;
}

const relaySizes: Readonly<Record<BenchOptions['size'], RelaySizes>> = {
  full: { changes: 20_000, projects: 1_000, rounds: 5 },
  quick: { changes: 500, projects: 100, rounds: 1 },
};

/** The relay against a loop that remembers nothing, over the same history. */
export const benchmark: Benchmark = {
  name: 'relay',
  summary: 'relays 20,000 changes from MongoDB to Pub/Sub, against a bare loop',
  run: (options) => compareRelays(relaySizes[options.size], options),
};

const runSchema = z.object({ ms: z.number(), cpuMs: z.number(), distinct: z.number() });

interface Standing {
  readonly name: RelayWayName;
  readonly client: Answering;
  readonly runs: Run[];
}

/** One run, and what Firestore billed and answered meanwhile. */
interface Run extends z.infer<typeof runSchema>, Spent {}

const titles: Readonly<Record<RelayWayName, string>> = {
  ours: 'the relay: lease, checkpoints, bounded memory',
  bare: 'for await (change of stream) publish(change)',
};

/** Both relay the same changes, in turns. */
export async function compareRelays(
  sizes: RelaySizes,
  { onProgress }: Pick<BenchOptions, 'onProgress'>,
): Promise<BenchResult> {
  const services = await startServicesProcess();
  const words = [services.mongodbUri, services.firestoreHost, services.pubsubHost];
  const standings: Standing[] = [];
  try {
    const source = await connectSource(services.mongodbUri, relayConfig);
    const from = await makeHistory(source, sizes);
    await source.close();
    onProgress(`${sizes.changes} changes are in MongoDB's log`);
    for (const name of ['ours', 'bare'] as const) {
      const client = startAnswering(join(import.meta.dirname, 'processes', 'relayProgram.ts'), [name, ...words]);
      standings.push({ name, client, runs: [] });
      // The first run is not counted: code is compiled, and connections opened.
      await client.ask('run', { from, changes: sizes.changes }, runSchema);
    }
    for (let round = 0; round < sizes.rounds; round += 1) {
      for (const { name, client, runs } of round % 2 === 0 ? standings : standings.toReversed()) {
        const run = await measured(client, services, from, sizes.changes);
        runs.push(run);
        onProgress(`round ${round + 1}: ${name} ${Math.round((sizes.changes / run.ms) * 1_000)} events/s`);
      }
    }
    return await resultOf(sizes, standings);
  } finally {
    for (const { client } of standings) await client.close();
    await services.close();
  }
}

async function measured(
  client: Answering,
  services: ServicesProcess,
  from: ClusterTime,
  changes: number,
): Promise<Run> {
  const before = await services.usage();
  const run = await client.ask('run', { from, changes }, runSchema);
  if (run.distinct !== changes) throw new Error(`${run.distinct} of ${changes} changes were published`);
  return { ...run, ...spentBetween(before, await services.usage()) };
}

/** Renames projects again and again; returns the time from which on these changes, and no others, are in the log. */
async function makeHistory({ client, projects }: ProjectsSource, sizes: RelaySizes): Promise<ClusterTime> {
  const ids = Array.from({ length: sizes.projects }, () => new ObjectId());
  await projects.insertMany(
    ids.map((_id) => ({ _id, name: 'As it was called at first', members: ['mara', 'joon'], likes: 0 })),
  );
  const { seconds, increment } = await readOperationTime(client);
  const perWrite = 1_000;
  for (let start = 0; start < sizes.changes; start += perWrite) {
    const many = Math.min(perWrite, sizes.changes - start);
    await projects.bulkWrite(
      Array.from({ length: many }, (_, index) => ({
        updateOne: {
          filter: { _id: ids[(start + index) % ids.length] ?? new ObjectId() },
          update: { $set: { name: `Title number ${start + index}`, updatedBy: 'user-17' } },
        },
      })),
    );
  }
  return { seconds, increment: increment + 1 };
}

async function resultOf(sizes: RelaySizes, standings: readonly Standing[]): Promise<BenchResult> {
  const ours = standings.find(({ name }) => name === 'ours')?.runs ?? [];
  const bare = standings.find(({ name }) => name === 'bare')?.runs ?? [];
  const bytesPerMebibyte = 1_024 * 1_024;
  return {
    name: 'relay',
    notes: [
      `Median of ${sizes.rounds} rounds in changing order, ${sizes.changes.toLocaleString('en-US')} updates of ${sizes.projects.toLocaleString('en-US')} projects that were written before; ` +
        "the ratio is the median of the rounds' ratios.",
      'The services are in one process, each of the two in another. Both read the same stream and publish with the same publisher, messages with the same attributes.',
      'The bare loop waits for nothing, remembers nothing and checks nothing; ours includes taking the lease and opening the stream.',
      'Firestore: what it bills and answers per run, from taking the lease to giving it back; one of the writes puts the checkpoint to where the run begins. It grows with time, a write a second at most, not with events.',
    ],
    tables: [
      {
        title: 'From the change stream to Pub/Sub',
        headings: ['way', 'events/s', 'client CPU µs per event', 'Firestore reads', 'writes', 'RPCs', 'peak MiB'],
        rows: await Promise.all(
          standings.map(async ({ name, runs, client }) => [
            titles[name],
            Math.round(median(runs.map(({ ms }) => (sizes.changes / ms) * 1_000))),
            Math.round(median(runs.map(({ cpuMs }) => (cpuMs * 1_000) / sizes.changes))),
            median(runs.map(({ reads }) => reads)),
            median(runs.map(({ writes }) => writes)),
            median(runs.map(({ calls }) => calls)),
            Math.round((await client.ask('peakRss', null, z.number())) / bytesPerMebibyte),
          ]),
        ),
      },
    ],
    figures: [
      {
        name: 'relay ours/bare',
        unit: 'ratio',
        better: 'higher',
        kind: 'timed',
        samples: ours.map(({ ms }, round) => (bare[round]?.ms ?? Number.NaN) / ms),
      },
      {
        name: 'relay ours events/s',
        unit: 'events/s',
        better: 'higher',
        kind: 'timed',
        samples: ours.map(({ ms }) => (sizes.changes / ms) * 1_000),
      },
    ],
  };
}
