import { syncInstance } from '../../src/sync/instance.ts';
import type { PublishedLimits } from './limits.ts';
import type { Measured } from './measured.ts';

/** What the model is of: our own work as measured, Google's limits, and the settings of a deployment. */
export interface Deployment {
  readonly measured: Measured;
  readonly limits: PublishedLimits;
  /** Relays that share the changes among them (`RELAY_SHARDS`). */
  readonly relayShards: number;
  /** `maxInstances` and `concurrency` of `syncProject`. */
  readonly instances: number;
  readonly concurrency: number;
  /** Collections that assets are spread over. */
  readonly collections: number;
  /** From a function to Firestore and back, in ms: an assumption, since nobody publishes it. A commit to a multi-region
   *  takes more. */
  readonly roundTripMs: number;
  /** From Pub/Sub to a function, in ms: an assumption. */
  readonly pushMs: number;
  /** Bytes of an event with its attributes. */
  readonly eventBytes: number;
  /** Documents in one page: `assetsPerPage` in `src/sync/pages/pageSize.ts`. */
  readonly assetsPerPage: number;
  /** A database that has one processor for everything, as the local one has: its time per operation, in ms. The real
   *  one has none that we could see. */
  readonly databaseCpuMs: { readonly perEvent: number; readonly perAsset: number } | null;
}

/** As the functions are deployed: `src/triggers/syncProject.ts`, `src/sync/instance.ts`. */
export const deployedSettings = {
  relayShards: 1,
  instances: 20,
  concurrency: syncInstance.concurrency,
  collections: 5,
  roundTripMs: 10,
  pushMs: 20,
  eventBytes: 700,
  assetsPerPage: 1_000,
  databaseCpuMs: null,
} as const satisfies Omit<Deployment, 'measured' | 'limits'>;
