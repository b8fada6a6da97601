import type { BenchOptions } from '../benchmark.ts';

/** How many deletions are measured. */
export interface LatencySizes {
  /** Assets of a project, and how many such projects each way deletes. */
  readonly projects: readonly { readonly assets: number; readonly samples: number }[];
  /** Deletions that come behind many other events: each is a rename of another project, and there are as many of
   *  these. */
  readonly backlog: { readonly events: number; readonly assets: number; readonly samples: number };
  /** Deletions of each way that are not counted: code is compiled, and connections opened. */
  readonly warmUp: { readonly assets: number; readonly samples: number };
}

export const latencySizes: Readonly<Record<BenchOptions['size'], LatencySizes>> = {
  full: {
    projects: [
      { assets: 1, samples: 100 },
      { assets: 100, samples: 100 },
      { assets: 5_000, samples: 12 },
    ],
    backlog: { events: 1_000, assets: 100, samples: 3 },
    warmUp: { assets: 100, samples: 20 },
  },
  quick: {
    projects: [
      { assets: 1, samples: 3 },
      { assets: 100, samples: 3 },
      { assets: 1_000, samples: 1 },
    ],
    backlog: { events: 50, assets: 100, samples: 1 },
    warmUp: { assets: 10, samples: 1 },
  },
};
