import { join } from 'node:path';
import { z } from 'zod';
import type { ContenderName } from '../contenders/all.ts';
import type { Work } from '../contenders/contender.ts';
import { likeTheFunction, startAnswering } from './requests.ts';

const runSchema = z.object({ ms: z.number(), cpuMs: z.number() });

/** How long one piece of work took, and how long it kept a processor of the client's busy. */
export type ClientRun = z.infer<typeof runSchema>;

/** A process that does the work in one of the ways. */
export interface ClientProcess {
  run(work: Work): Promise<ClientRun>;
  /** Resident memory now, in bytes. */
  rss(): Promise<number>;
  /** The largest resident memory so far, in bytes. */
  peakRss(): Promise<number>;
  close(): Promise<void>;
}

export function startClientProcess(contender: ContenderName, firestoreHost: string): ClientProcess {
  const child = startAnswering(
    join(import.meta.dirname, 'clientProgram.ts'),
    [contender, firestoreHost],
    likeTheFunction,
  );
  return {
    run: (work) => child.ask('run', work, runSchema),
    rss: () => child.ask('rss', null, z.number()),
    peakRss: () => child.ask('peakRss', null, z.number()),
    close: child.close,
  };
}
