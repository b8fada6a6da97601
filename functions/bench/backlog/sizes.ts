import { syncInstance } from '../../src/sync/instance.ts';
import type { BenchSize } from '../benchmark.ts';

export interface BacklogSizes {
  /** Projects, each with one asset; each event renames one of them. */
  readonly projects: number;
  /** What each call to Firestore waits for on top of the server's own work, in ms. */
  readonly roundTripsMs: readonly number[];
  /** Events at once in the instance, and how many are worked on to measure that. */
  readonly concurrencies: readonly { readonly atOnce: number; readonly events: number }[];
  /** Under load: events of each, and the shares of what the instance can do. */
  readonly loadEvents: number;
  readonly loadPercents: readonly number[];
  readonly rounds: number;
  /** Renames, and deletions, whose operations are counted. */
  readonly smallEvents: number;
  /** Events that show how many calls follow each other. */
  readonly aloneEvents: number;
}

export const backlogSizes: Readonly<Record<BenchSize, BacklogSizes>> = {
  full: {
    projects: 400,
    roundTripsMs: [0, 10],
    concurrencies: [
      { atOnce: 1, events: 100 },
      { atOnce: 10, events: 400 },
      { atOnce: 80, events: 400 },
    ],
    loadEvents: 400,
    loadPercents: [50, 80, 95],
    rounds: 3,
    smallEvents: 20,
    aloneEvents: 10,
  },
  quick: {
    projects: 40,
    roundTripsMs: [0, 10],
    concurrencies: [
      { atOnce: 1, events: 10 },
      { atOnce: 10, events: 40 },
      { atOnce: 80, events: 40 },
    ],
    loadEvents: 40,
    loadPercents: [50, 80, 95],
    rounds: 1,
    smallEvents: 4,
    aloneEvents: 3,
  },
};

/** What `syncProject` is deployed with: the loads are shares of what an instance does with so many events at once. */
export const deployedConcurrency: number = syncInstance.concurrency;
