import { join } from 'node:path';
import { z } from 'zod';
import type { Usage } from '../../local/servers/firestore/meter.ts';
import { startAnswering } from './requests.ts';

const operations = { reads: z.number(), writes: z.number(), deletes: z.number() };
/** What a server's meter shows, as it comes from another process. */
export const usageSchema = z.object({
  ...operations,
  rpcs: z.record(z.string(), z.number()),
  collections: z.record(z.string(), z.object(operations)),
});

/** A Firestore server in another process. */
export interface FirestoreProcess {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** What has been billed and called since it started. */
  usage(): Promise<Usage>;
  /** How many documents it holds. */
  documents(): Promise<number>;
  /** Forgets all documents. */
  clear(): Promise<void>;
  /** Lets every call wait for so long before it is served, in ms: as the network does. */
  roundTrip(ms: number): Promise<void>;
  /** How long it has kept a processor busy since it started, in ms. */
  cpuMs(): Promise<number>;
  close(): Promise<void>;
}

export async function startFirestoreProcess(nodeFlags: readonly string[] = []): Promise<FirestoreProcess> {
  const child = startAnswering(join(import.meta.dirname, 'firestoreProgram.ts'), [], nodeFlags);
  return {
    host: await child.ask('host', null, z.string()),
    usage: () => child.ask('usage', null, usageSchema),
    documents: () => child.ask('documents', null, z.number()),
    clear: async () => void (await child.ask('clear', null, z.null())),
    roundTrip: async (ms) => void (await child.ask('roundTrip', ms, z.null())),
    cpuMs: () => child.ask('cpuMs', null, z.number()),
    close: child.close,
  };
}

/** What was billed in one root collection, and all calls, between two looks at the meter. */
export interface Spent {
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
  readonly calls: number;
}

export function spentBetween(before: Usage, after: Usage): Spent {
  const calls = (usage: Usage) => Object.values(usage.rpcs).reduce((sum, count) => sum + count, 0);
  return {
    reads: after.reads - before.reads,
    writes: after.writes - before.writes,
    deletes: after.deletes - before.deletes,
    calls: calls(after) - calls(before),
  };
}
