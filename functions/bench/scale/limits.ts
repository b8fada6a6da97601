/** What one deletion of a project came to. */
export interface ScaleRun {
  readonly title: string;
  readonly assets: number;
  readonly reads: number;
  readonly deletes: number;
  readonly invocations: number;
  readonly peakRss: number;
}

/** The three deletions of the benchmark. */
export interface ScaleRuns {
  readonly small: ScaleRun;
  readonly large: ScaleRun;
  /** The large project again, in invocations that are too short for it. */
  readonly short: ScaleRun;
}

/** Reads per asset: one for the asset, and little for records, counts and pages that end a range. */
export const readsPerAssetLimit = 1.03;

/** What a large project may take above a small one, in MiB: pages in flight and garbage, whatever the size of the
 *  project. */
export const memoryAboveSmallLimit = 64;

export const bytesPerMebibyte = 1_024 * 1_024;

/** Makes sure that deletions of projects stayed within their limits. Reads and memory are held against them only
 *  `atFullSize`: a project of a few hundred assets has few to share the cost of its records, and its process has hardly
 *  more than its code in memory.
 *  @throws Error naming the first limit that was passed, and the figure. */
export function checkScale({ small, large, short }: ScaleRuns, atFullSize: boolean): void {
  for (const { title, assets, deletes } of [small, large, short]) {
    demand(deletes === assets, title, 'exactly 1 delete per asset', `${deletes} deletes of ${assets} assets`);
  }
  demand(short.invocations > 1, short.title, 'several invocations', `${short.invocations}`);
  if (!atFullSize) return;
  for (const { title, assets, reads } of [small, large, short]) {
    const perAsset = reads / assets;
    demand(perAsset <= readsPerAssetLimit, title, `${readsPerAssetLimit} reads per asset`, perAsset.toFixed(4));
  }
  for (const { title, peakRss } of [large, short]) {
    const above = (peakRss - small.peakRss) / bytesPerMebibyte;
    const limit = `${memoryAboveSmallLimit} MiB above the small project`;
    demand(above <= memoryAboveSmallLimit, title, limit, `${above.toFixed(1)} MiB`);
  }
}

function demand(holds: boolean, title: string, limit: string, figure: string): void {
  if (!holds) throw new Error(`${title}: the limit is ${limit}, measured: ${figure}`);
}
