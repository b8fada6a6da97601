import type { Benchmark, BenchSize } from './benchmark.ts';

/** What `npm run bench` was asked to do. */
export type BenchSettings =
  | {
      readonly kind: 'run';
      readonly benchmarks: readonly Benchmark[];
      readonly size: BenchSize;
      readonly largeProject: number | undefined;
      /** Where the results go as JSON. */
      readonly jsonFile: string | undefined;
      /** Where plots go. */
      readonly plotFolder: string | undefined;
    }
  | {
      readonly kind: 'compare';
      readonly files: readonly [earlier: string, later: string];
      /** The share by which a figure may be worse; undefined: any. */
      readonly limit: number | undefined;
    }
  | {
      readonly kind: 'world';
      /** Instead of the usual sizes. */
      readonly projects: number | undefined;
      /** On average. */
      readonly assetsPerProject: number;
      readonly resultsFile: string | undefined;
      readonly plotFolder: string | undefined;
      readonly seed: number;
      readonly relayShards: number;
      readonly instances: number;
      readonly concurrency: number;
      readonly roundTripMs: number;
    }
  | { readonly kind: 'check'; readonly size: BenchSize; readonly seed: number };
