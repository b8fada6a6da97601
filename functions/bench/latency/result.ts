import type { BenchResult, BenchTable, Figure } from '../benchmark.ts';
import type { DeletionWayName } from '../contenders/deletionWays.ts';
import { median, quantile } from '../statistics.ts';
import type { LatencySizes } from './sizes.ts';
import type { Deletion, LatencyWorld } from './world.ts';

const titles: Readonly<Record<DeletionWayName, string>> = {
  ours: 'ours: relay, Pub/Sub, syncDeletions',
  itself: 'the service itself: query, BulkWriter',
};

const order: readonly DeletionWayName[] = ['ours', 'itself'];

const bytesPerMebibyte = 1_024 * 1_024;

const count = (value: number) => value.toLocaleString('en-US');
const assetsOf = (assets: number) => `${count(assets)} ${assets === 1 ? 'asset' : 'assets'}`;
const medianMs = (deletions: readonly Deletion[]) => median(deletions.map(({ ms }) => ms));

/** Deletions of projects of one size, by each way. */
export interface MeasuredSize {
  readonly assets: number;
  readonly deletions: Readonly<Record<DeletionWayName, readonly Deletion[]>>;
}

/** Sums up what was measured.
 *  @param behind deletions by ours that came behind other events */
export function latencyResult(
  sizes: LatencySizes,
  measured: readonly MeasuredSize[],
  behind: readonly Deletion[],
  memory: Awaited<ReturnType<LatencyWorld['memory']>>,
): BenchResult {
  const { backlog, warmUp } = sizes;
  const withoutBacklog = measured.find(({ assets }) => assets === backlog.assets);
  const functions = Math.round(memory.functions / bytesPerMebibyte);
  const itself = Math.round(memory.itself / bytesPerMebibyte);
  return {
    name: 'latency',
    notes: [
      'From the moment at which MongoDB has acknowledged the deletion (majority), to a Firestore listener being notified that the project has no asset; one after the ' +
        `other, the ways in changing order, after ${warmUp.samples} of each that do not count; ` +
        `${count(backlog.events)} other projects live on. p99 of no more than 100 is the largest. A ratio is the median of the ratios of deletions that followed each other: below 1, ours is the faster.`,
      'Nothing polls: the resolution is that of the listener, one message over a local socket (about a millisecond), alike for both. All is on one machine, ' +
        'whose network takes no time: in the cloud each hop adds its own.',
      'The services are in one process, each function in processes of its own, and each of the two services that delete in another. All assets are in one ' +
        'collection; the service itself knows that, and ours looks into all five that are configured, after it has asked MongoDB and counted for the hold.',
      'What the service does itself is done at most once: if it dies between the two writes, or Firestore does not answer, the assets stay.',
      `Behind a backlog: the project (${assetsOf(backlog.assets)}) is deleted right behind ${count(backlog.events)} renames of other projects with one copy of the ` +
        'name each, in one bulk write; all copies have followed afterwards. Deletions have a topic and a function of their own, so what is in front of this one is the relay, which publishes in the order of MongoDB, and the processors that all share here. Each function has two instances at most, in the cloud up to 20. There is no such row for the service itself, which has no queue.',
      'Billed: medians, until nothing was left to do, without the checkpoint (one read and one write a second with changes, for all of them together).',
      `Memory: all ${memory.processes} processes of the functions together ${functions} MiB, the largest seen after a deletion; the service itself ${itself} MiB at its peak.`,
    ],
    tables: [
      latencies(measured, behind, backlog),
      {
        title: 'Operations that one deletion is billed',
        headings: ['what', 'way', 'reads', 'writes', 'deletes'],
        rows: measured.flatMap(({ assets, deletions }) =>
          order.map((way) => [assetsOf(assets), titles[way], ...billedBy(deletions[way])]),
        ),
      },
    ],
    figures: [
      ...measured.flatMap(({ assets, deletions: { ours, itself: baseline } }) => [
        timed(
          `latency ours/itself ${assets}`,
          'ratio',
          ours.map(({ ms }, pair) => ms / (baseline[pair]?.ms ?? Number.NaN)),
        ),
        timed(
          `latency ours ${assets}`,
          'ms',
          ours.map(({ ms }) => ms),
        ),
      ]),
      timed(
        `latency ours behind-${backlog.events}/alone ${backlog.assets}`,
        'ratio',
        behind.map(({ ms }) => ms / medianMs(withoutBacklog?.deletions.ours ?? [])),
      ),
      timed(
        'latency deletion/renames in front of it',
        'ratio',
        behind.map(({ ms, settledMs }) => ms / settledMs),
      ),
      ...measured.flatMap(({ assets, deletions: { ours } }) =>
        (['reads', 'writes'] as const).map(
          (what): Figure => ({
            name: `latency ours ${assets}: billed ${what}`,
            unit: what,
            better: 'lower',
            kind: 'counted',
            samples: ours.map(({ billed }) => billed[what]),
          }),
        ),
      ),
    ],
  };
}

const timed = (name: string, unit: string, samples: readonly number[]): Figure => ({
  name,
  unit,
  better: 'lower',
  kind: 'timed',
  samples,
});

function latencies(
  measured: readonly MeasuredSize[],
  behind: readonly Deletion[],
  backlog: LatencySizes['backlog'],
): BenchTable {
  const row = (
    what: string,
    way: DeletionWayName,
    deletions: readonly Deletion[],
    until: 'ms' | 'settledMs' = 'ms',
  ) => {
    const all = deletions.map((deletion) => deletion[until]);
    const figures = [median(all), quantile(all, 0.95), quantile(all, 0.99)];
    return [what, titles[way], all.length, ...figures.map((ms) => ms.toFixed(1))];
  };
  return {
    title: "From MongoDB's acknowledgement of the deletion to the last asset gone, in ms",
    headings: ['what', 'way', 'samples', 'p50', 'p95', 'p99'],
    rows: [
      ...measured.flatMap(({ assets, deletions }) => order.map((way) => row(assetsOf(assets), way, deletions[way]))),
      row(`${assetsOf(backlog.assets)}, behind ${count(backlog.events)} events`, 'ours', behind),
      row(`the ${count(backlog.events)} events as well`, 'ours', behind, 'settledMs'),
    ],
  };
}

function billedBy(deletions: readonly Deletion[]): readonly number[] {
  const each = (what: keyof Deletion['billed']) => median(deletions.map(({ billed }) => billed[what]));
  return [each('reads'), each('writes'), each('deletes')];
}
