import { join } from 'node:path';
import { z } from 'zod';
import type { DeletionWayName } from '../contenders/deletionWays.ts';
import { startAnswering } from './requests.ts';
import type { Addresses } from './servicesProcess.ts';

const idsSchema = z.array(z.string());

/** Projects, by the string form of their ids. */
export const createSchema = z.object({ projectIds: idsSchema });

const renamesSchema = z.object({ projectIds: idsSchema, name: z.string() });

/** Projects that all get the same new name. */
export type Renames = z.infer<typeof renamesSchema>;

export const deleteSchema = z.object({
  projectId: z.string(),
  /** What is renamed right before, in one bulk write. */
  renameFirst: renamesSchema.nullable(),
});

const deletedSchema = z.object({ acknowledgedAt: z.number() });

/** A service, in a process of its own, that owns projects and sees to their assets in one of the ways. */
export interface OwnerProcess {
  create(projectIds: readonly string[]): Promise<void>;
  /** Resolves when the service has done its part, with the time of the machine (in ms) at which MongoDB's majority had
   *  acknowledged the deletion. */
  delete(deletion: z.infer<typeof deleteSchema>): Promise<z.infer<typeof deletedSchema>>;
  /** The largest resident memory so far, in bytes. */
  peakRss(): Promise<number>;
  close(): Promise<void>;
}

export function startOwnerProcess(
  way: DeletionWayName,
  { mongodbUri, firestoreHost }: Pick<Addresses, 'mongodbUri' | 'firestoreHost'>,
): OwnerProcess {
  const child = startAnswering(join(import.meta.dirname, 'ownerProgram.ts'), [way, mongodbUri, firestoreHost]);
  return {
    create: async (projectIds) => void (await child.ask('create', { projectIds }, z.null())),
    delete: (deletion) => child.ask('delete', deletion, deletedSchema),
    peakRss: () => child.ask('peakRss', null, z.number()),
    close: child.close,
  };
}
