/** One benchmark, as `npm run bench -- NAME` runs it. */
export interface Benchmark {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** @throws Error when what it measured did not come to the end that it claims. */
  run(options: BenchOptions): Promise<BenchResult>;
}

export type BenchSize = 'full' | 'quick';

export interface BenchOptions {
  /** `full` is what the published figures come from; `quick` only shows that the benchmark works. */
  readonly size: BenchSize;
  /** Assets of the one large project of `scale`, instead of the usual number. */
  readonly largeProject?: number | undefined;
  /** Told what is going on. */
  readonly onProgress: (text: string) => void;
}

/** What a benchmark found. */
export interface BenchResult {
  readonly name: string;
  /** Under which conditions; each a sentence. */
  readonly notes: readonly string[];
  readonly tables: readonly BenchTable[];
  /** The figures that count, by which two runs are compared. */
  readonly figures: readonly Figure[];
  /** Plots, each under the name of its file. */
  readonly plots?: Readonly<Record<string, string>>;
}

export interface BenchTable {
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A figure; its value is the median of its samples. */
export interface Figure {
  /** Such as `delete ours/bulkwriter`. */
  readonly name: string;
  /** `ratio` where it stands against a named baseline or limit of the same run. */
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** `counted` figures do not depend on the speed of the machine, and so need no repetition. */
  readonly kind: 'timed' | 'counted';
  /** One for each repetition. */
  readonly samples: readonly number[];
}
