/** One benchmark, as `npm run bench -- NAME` runs it. */
export interface Benchmark {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

export interface BenchOptions {
  /** `full` is what the published figures come from; `quick` only shows that the benchmark works. */
  readonly size: 'full' | 'quick';
  /** Told what is going on. */
  readonly onProgress: (text: string) => void;
}

/** What a benchmark found. */
export interface BenchResult {
  readonly name: string;
  /** Under which conditions; each a sentence. */
  readonly notes: readonly string[];
  readonly tables: readonly BenchTable[];
  /** The figures that count: each against a named baseline or limit. */
  readonly ratios: readonly BenchRatio[];
}

export interface BenchTable {
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface BenchRatio {
  /** Such as `delete ours/bulkwriter`. */
  readonly name: string;
  readonly value: number;
}
