import { join } from 'node:path';
import { z } from 'zod';
import { startAnswering } from './requests.ts';

/** A `demo-` project: the client libraries never take it for a real one. */
export const benchProjectId = 'demo-bench';

const addressesSchema = z.object({ mongodbUri: z.string(), firestoreHost: z.string(), pubsubHost: z.string() });

/** Where the services listen. */
export type Addresses = z.infer<typeof addressesSchema>;

/** MongoDB, Firestore and Pub/Sub, in another process; the topics are there. */
export interface ServicesProcess extends Addresses {
  close(): Promise<void>;
}

export async function startServicesProcess(): Promise<ServicesProcess> {
  const child = startAnswering(join(import.meta.dirname, 'servicesProgram.ts'));
  return { ...(await child.ask('addresses', null, addressesSchema)), close: child.close };
}
