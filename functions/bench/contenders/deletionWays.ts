import type { Firestore } from 'firebase-admin/firestore';
import { latencyConfig } from '../latency/config.ts';
import { bulkWriter } from './bulkWriter.ts';

/** How the service that owns the projects sees to the assets of one that it deletes. */
export interface DeletionWay {
  /** The collection in MongoDB with the projects that are deleted this way. */
  readonly collection: string;
  /** What the service does itself once MongoDB has acknowledged the deletion. */
  readonly afterDeletion: (firestore: Firestore, projectId: string) => Promise<void>;
}

export const deletionWays = {
  /** Nothing: the change stream tells of it. */
  ours: { collection: latencyConfig.source.collection, afterDeletion: async () => {} },
  /** What is usually written; if the process dies in between, or Firestore does not answer, the assets stay for ever.
   *  In a collection of its own that the relay does not watch, or Lockstep would delete the same assets at the same
   *  time. */
  itself: {
    collection: 'projectsWithoutLockstep',
    afterDeletion: (firestore, projectId) => bulkWriter(firestore, { kind: 'delete', projectId }),
  },
} as const satisfies Readonly<Record<string, DeletionWay>>;

export type DeletionWayName = keyof typeof deletionWays;

export function isDeletionWay(name: string): name is DeletionWayName {
  return Object.hasOwn(deletionWays, name);
}
