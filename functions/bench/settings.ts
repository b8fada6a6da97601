import type { Benchmark, BenchSize } from './benchmark.ts';

/** What `npm run bench` was asked to do. */
export type BenchSettings =
  | {
      readonly kind: 'run';
      readonly benchmarks: readonly Benchmark[];
      readonly size: BenchSize;
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
    };
