import { canonicalText } from './canonicalValue.ts';
import { addChecksums, type Checksum, emptyChecksum, tupleChecksum } from './checksum.ts';

/** What the assets of one project in one collection say. */
export interface ProjectAssets {
  readonly projectId: string;
  /** The distinct copies that were seen, in the order of the collection's `copies`; undefined stands for an asset that lacks the field. */
  readonly tuples: readonly (readonly unknown[])[];
  /** The sum over the distinct tuples. */
  readonly checksum: Checksum;
  /** The newest creation among the assets that were read, ms since 1970. */
  readonly newestCreatedAt: number;
  /** One of the assets, for the report. */
  readonly examplePath: string;
}

/** Distinct tuples of one project in one collection that are told apart. A project in step has one; more than a few say nothing new, and reading them all could
 *  cost as much as reading every asset. */
export const maxTuplesPerProject = 8;

/** Gathers what is read of one project, in bounded memory. */
export interface ProjectGatherer {
  readonly projectId: string;
  /** Adds an asset; whether its tuple is new. Tuples beyond `maxTuplesPerProject` are not. */
  add(copies: readonly unknown[], createdAt: number): boolean;
  /** Whether nothing more needs to be read of this project. */
  full(): boolean;
  done(): ProjectAssets;
}

export function createProjectGatherer(collection: string, projectId: string, examplePath: string): ProjectGatherer {
  const tuples = new Map<string, readonly unknown[]>();
  let checksum = emptyChecksum;
  let newestCreatedAt = 0;
  return {
    projectId,
    add(copies, createdAt) {
      newestCreatedAt = Math.max(newestCreatedAt, createdAt);
      const key = canonicalText(copies);
      if (tuples.has(key) || tuples.size >= maxTuplesPerProject) return false;
      tuples.set(key, copies);
      checksum = addChecksums(checksum, tupleChecksum(collection, projectId, copies));
      return true;
    },
    full: () => tuples.size >= maxTuplesPerProject,
    done: () => ({ projectId, tuples: [...tuples.values()], checksum, newestCreatedAt, examplePath }),
  };
}
