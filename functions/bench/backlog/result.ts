import type { BenchResult, Figure } from '../benchmark.ts';
import { lineChart } from '../plot/lineChart.ts';
import type { Spent } from '../processes/firestoreProcess.ts';
import { median, quantile } from '../statistics.ts';
import { type BacklogSizes, deployedConcurrency } from './sizes.ts';
import { type SmallEvent, smallEventsFigures, smallEventsTable } from './smallEvents.ts';

export interface BacklogRun extends Spent {
  readonly ms: number;
  /** How long a processor was busy with it, in ms. */
  readonly cpuMs: number;
  readonly serverCpuMs: number;
  /** From the arrival of each event to its copies shown, in ms. */
  readonly waitsMs: readonly number[];
}

/** So many events worked on as fast as it goes. */
export interface Throughput {
  readonly atOnce: number;
  readonly events: number;
  readonly runs: readonly BacklogRun[];
}

/** Events that arrive at a rate. */
export interface Load {
  readonly percent: number;
  readonly perSecond: number;
  readonly runs: readonly BacklogRun[];
}

/** What was measured at one round-trip time. */
export interface Backlog {
  readonly roundTripMs: number;
  readonly throughputs: readonly Throughput[];
  readonly loads: readonly Load[];
}

const shares = [50, 95, 99] as const;

/** How many renames stand before a deletion, in the question that this answers. */
const inFront = 1_000;

/** Sums up what was measured. Pure.
 *  @param roundTripsInARow calls of one event that follow each other */
export function backlogResult(
  sizes: BacklogSizes,
  backlogs: readonly Backlog[],
  small: readonly SmallEvent[],
  roundTripsInARow: number,
): BenchResult {
  return {
    name: 'backlog',
    notes: [
      `${sizes.projects} projects with one asset in one of five configured collections; each event renames another one; median of ${sizes.rounds} rounds.`,
      'One instance is a process with the heap of the deployed function, Firestore another process. A round trip is what each call waits for on top of the work of the local server.',
      `Waits are from the arrival in the instance's queue to the copy shown, with ${deployedConcurrency} at once as deployed, arrivals at random (Poisson), the load as a share of what the instance does as fast as it goes. The way from MongoDB's commit to the instance is in the benchmark latency.`,
      `Of the calls of an event, ${roundTripsInARow.toFixed(1)} follow each other (its time alone, where each of them waits for 100 ms).`,
      `An event that arrives behind ${inFront.toLocaleString('en-US')} others is begun when these are done: the last column.`,
    ],
    tables: [throughputTable(backlogs), loadTable(backlogs), smallEventsTable(small)],
    figures: [...backlogs.flatMap(figuresOf), ...perEvent(backlogs, roundTripsInARow), ...smallEventsFigures(small)],
    plots: {
      'backlog-throughput.svg': lineChart({
        title: 'Small renames on one instance',
        xLabel: 'events at once',
        yLabel: 'events per second',
        lines: backlogs.map(({ roundTripMs, throughputs }) => ({
          name: `${roundTripMs} ms round trip`,
          points: throughputs.map((throughput) => [throughput.atOnce, median(rates(throughput))]),
        })),
      }),
      ...Object.fromEntries(
        backlogs.map(({ roundTripMs, loads }) => [
          `backlog-waits-${roundTripMs}ms.svg`,
          lineChart({
            title: `Arrival to shown, ${deployedConcurrency} at once, ${roundTripMs} ms round trip`,
            xLabel: 'load, % of what the instance can do',
            yLabel: 'ms',
            lines: shares.map((share) => ({
              name: `p${share}`,
              points: loads.map((load) => [load.percent, median(waits(load, share))]),
            })),
          }),
        ]),
      ),
    },
  };
}

const rates = ({ events, runs }: Throughput) => runs.map(({ ms }) => (events / ms) * 1_000);
const waits = ({ runs }: Load, share: number) => runs.map(({ waitsMs }) => quantile(waitsMs, share / 100));

function throughputTable(backlogs: readonly Backlog[]) {
  return {
    title: 'As fast as it goes',
    headings: [
      'round trip ms',
      'at once',
      'events/s',
      'RPCs per event',
      'instance CPU ms per event',
      'instance CPU %',
      'Firestore CPU %',
      `${inFront.toLocaleString('en-US')} in front, s`,
    ],
    rows: backlogs.flatMap((backlog) =>
      backlog.throughputs.map((throughput) => {
        const { atOnce, events, runs } = throughput;
        const each = (value: (run: BacklogRun) => number) => median(runs.map(value));
        return [
          backlog.roundTripMs,
          atOnce,
          median(rates(throughput)).toFixed(1),
          each(({ calls }) => calls / events).toFixed(1),
          each(({ cpuMs }) => cpuMs / events).toFixed(2),
          Math.round(each(({ cpuMs, ms }) => (cpuMs / ms) * 100)),
          Math.round(each(({ serverCpuMs, ms }) => (serverCpuMs / ms) * 100)),
          (inFront / median(rates(throughput))).toFixed(1),
        ];
      }),
    ),
  };
}

function loadTable(backlogs: readonly Backlog[]) {
  return {
    title: 'From arrival to shown, in ms',
    headings: ['round trip ms', 'load %', 'events/s', ...shares.map((share) => `p${share}`)],
    rows: backlogs.flatMap(({ roundTripMs, loads }) =>
      loads.map((load) => [
        roundTripMs,
        load.percent,
        load.perSecond.toFixed(1),
        ...shares.map((share) => median(waits(load, share)).toFixed(1)),
      ]),
    ),
  };
}

function figuresOf({ roundTripMs, throughputs, loads }: Backlog): readonly Figure[] {
  const at = `at ${roundTripMs} ms`;
  return [
    ...throughputs.map(
      (throughput): Figure => ({
        name: `backlog events/s ${at}, ${throughput.atOnce} at once`,
        unit: 'events/s',
        better: 'higher',
        kind: 'timed',
        samples: rates(throughput),
      }),
    ),
    ...loads.flatMap((load) =>
      shares.map(
        (share): Figure => ({
          name: `backlog p${share} ${at}, load ${load.percent} %`,
          unit: 'ms',
          better: 'lower',
          kind: 'timed',
          samples: waits(load, share),
        }),
      ),
    ),
  ];
}

/** What one event takes, as the model of `bench -- world` wants to know it: with as many at once as deployed.
 *  Billed is what it is with its one asset. */
function perEvent(backlogs: readonly Backlog[], roundTripsInARow: number): readonly Figure[] {
  const last = backlogs.at(-1);
  const deployed = last?.throughputs.find(({ atOnce }) => atOnce === deployedConcurrency);
  const alone = last?.throughputs.find(({ atOnce }) => atOnce === 1);
  const each = (throughput: Throughput | undefined, value: (run: BacklogRun) => number) =>
    throughput?.runs.map((run) => value(run) / throughput.events) ?? [];
  const figure = (name: string, unit: string, kind: Figure['kind'], samples: readonly number[]): Figure => ({
    name,
    unit,
    better: 'lower',
    kind,
    samples,
  });
  return [
    figure('backlog round trips in a row', 'calls', 'timed', [roundTripsInARow]),
    figure(
      'backlog instance CPU ms/event',
      'ms',
      'timed',
      each(deployed, ({ cpuMs }) => cpuMs),
    ),
    figure(
      'backlog Firestore CPU ms/event',
      'ms',
      'timed',
      each(deployed, ({ serverCpuMs }) => serverCpuMs),
    ),
    figure(
      'backlog RPCs/event',
      'RPCs',
      'counted',
      each(alone, ({ calls }) => calls),
    ),
    figure(
      'backlog billed reads/event',
      'reads',
      'counted',
      each(alone, ({ reads }) => reads),
    ),
    figure(
      'backlog billed writes/event',
      'writes',
      'counted',
      each(alone, ({ writes }) => writes),
    ),
  ];
}
