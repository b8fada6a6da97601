import type { Results } from '../results/resultsFile.ts';
import { median } from '../statistics.ts';

/** What one piece of our own work takes, as measured. */
export interface Measured {
  /** Events that one relay publishes, per second. */
  readonly relayEventsPerSecond: number;
  /** Round trips to Firestore one after the other that an event takes which fits one page. */
  readonly roundTripsPerEvent: number;
  /** Processor time of an instance, in ms. */
  readonly cpuMsPerEvent: number;
  readonly cpuMsPerRenamedAsset: number;
  readonly cpuMsPerDeletedAsset: number;
  /** Billed for the event and its first asset. */
  readonly readsPerEvent: number;
  readonly writesPerEvent: number;
}

/** Where each comes from in a file of results, and what it is without one: as measured on two idle cores of an AMD
 *  EPYC with Node 24. */
const sources = {
  relayEventsPerSecond: { figure: 'relay ours events/s', usual: 25_000 },
  roundTripsPerEvent: { figure: 'backlog round trips in a row', usual: 3.1 },
  cpuMsPerEvent: { figure: 'backlog instance CPU ms/event', usual: 1.9 },
  cpuMsPerRenamedAsset: { figure: 'rename ours CPU ms/asset', usual: 0.03 },
  cpuMsPerDeletedAsset: { figure: 'delete ours CPU ms/asset', usual: 0.019 },
  readsPerEvent: { figure: 'backlog billed reads/event', usual: 4 },
  writesPerEvent: { figure: 'backlog billed writes/event', usual: 4 },
} as const satisfies Readonly<Record<keyof Measured, { readonly figure: string; readonly usual: number }>>;

export interface MeasuredFrom {
  readonly measured: Measured;
  /** Figures that the file did not have. */
  readonly missing: readonly string[];
}

/** The figures of a results file; what it does not have is as usual. Pure. */
export function measuredFrom(results: Results | undefined): MeasuredFrom {
  const figures = new Map((results?.results ?? []).flatMap((result) => result.figures.map((one) => [one.name, one])));
  const medianOf = ({ figure, usual }: { readonly figure: string; readonly usual: number }) => {
    const found = figures.get(figure);
    return found === undefined ? usual : median(found.samples);
  };
  return {
    measured: {
      relayEventsPerSecond: medianOf(sources.relayEventsPerSecond),
      roundTripsPerEvent: medianOf(sources.roundTripsPerEvent),
      cpuMsPerEvent: medianOf(sources.cpuMsPerEvent),
      cpuMsPerRenamedAsset: medianOf(sources.cpuMsPerRenamedAsset),
      cpuMsPerDeletedAsset: medianOf(sources.cpuMsPerDeletedAsset),
      readsPerEvent: medianOf(sources.readsPerEvent),
      writesPerEvent: medianOf(sources.writesPerEvent),
    },
    missing: Object.values(sources)
      .map(({ figure }) => figure)
      .filter((figure) => !figures.has(figure)),
  };
}
