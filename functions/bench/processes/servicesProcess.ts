import { join } from 'node:path';
import { z } from 'zod';
import type { Usage } from '../../local/servers/firestore/meter.ts';
import { usageSchema } from './firestoreProcess.ts';
import { startAnswering } from './requests.ts';

/** A `demo-` project: the client libraries never take it for a real one. */
export const benchProjectId = 'demo-bench';

const addressesSchema = z.object({ mongodbUri: z.string(), firestoreHost: z.string(), pubsubHost: z.string() });

/** Where the services listen. */
export type Addresses = z.infer<typeof addressesSchema>;

/** MongoDB, Firestore and Pub/Sub, in another process; the topics are there. */
export interface ServicesProcess extends Addresses {
  /** What Firestore has billed and answered since it started. */
  usage(): Promise<Usage>;
  /** Resolves when no message of Pub/Sub waits or is being worked on. */
  idle(): Promise<void>;
  /** Lets Firestore forget all documents. */
  clearFirestore(): Promise<void>;
  /** From now on each call takes so long to Firestore and back, in ms. */
  roundTrip(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** @param indexes content of a `firestore.indexes.json`; without it no query is refused for want of an index */
export async function startServicesProcess(indexes?: object): Promise<ServicesProcess> {
  const words = indexes === undefined ? [] : [JSON.stringify(indexes)];
  const child = startAnswering(join(import.meta.dirname, 'servicesProgram.ts'), words);
  return {
    ...(await child.ask('addresses', null, addressesSchema)),
    usage: () => child.ask('usage', null, usageSchema),
    idle: async () => void (await child.ask('idle', null, z.null())),
    roundTrip: async (ms) => void (await child.ask('roundTrip', ms, z.null())),
    clearFirestore: async () => void (await child.ask('clearFirestore', null, z.null())),
    close: child.close,
  };
}
