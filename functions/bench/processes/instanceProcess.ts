import { join } from 'node:path';
import { z } from 'zod';
import type { Work } from '../contenders/contender.ts';
import { likeTheFunction, startAnswering } from './requests.ts';

const runSchema = z.object({ ms: z.number(), cpuMs: z.number(), waitsMs: z.array(z.number()) });

/** What some events came to: how long all of them took, how long a processor was busy with them, and how long each of
 *  them waited from its arrival to its end, in ms. */
export type InstanceRun = z.infer<typeof runSchema>;

/** An instance of `syncProject` in another process. */
export interface InstanceProcess {
  /** @param events in the order in which they arrive, each so many ms after the beginning
   *  @param atOnce how many are worked on at once */
  run(events: readonly { readonly arrivesMs: number; readonly work: Work }[], atOnce: number): Promise<InstanceRun>;
  close(): Promise<void>;
}

export function startInstanceProcess(firestoreHost: string): InstanceProcess {
  const program = join(import.meta.dirname, 'instanceProgram.ts');
  const child = startAnswering(program, [firestoreHost], likeTheFunction);
  return { run: (events, atOnce) => child.ask('run', { events, atOnce }, runSchema), close: child.close };
}
