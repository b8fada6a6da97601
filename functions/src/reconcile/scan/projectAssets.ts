import { canonicalText } from './canonicalText.ts';
import { compareStrings } from './idOrder.ts';
import { type KnownProject, type KnownState, noRecord } from './recordScan.ts';

/** What the assets of one project in one collection say. */
export interface ProjectAssets {
  readonly projectId: string;
  /** The distinct copies seen, in the order of the collection's `copies`; undefined: an asset lacks the field. */
  readonly tuples: readonly (readonly unknown[])[];
  /** The newest creation among the assets that were read, ms since 1970. */
  readonly newestCreatedAt: number;
  /** One of the assets, for the report. */
  readonly examplePath: string;
}

/** Distinct tuples of one project in one collection that are told apart. A project in step has one; more than a few say
 *  nothing new, and reading them all could cost as much as reading every asset. */
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

export function createProjectGatherer(projectId: string, examplePath: string): ProjectGatherer {
  const tuples = new Map<string, readonly unknown[]>();
  let newestCreatedAt = 0;
  return {
    projectId,
    add(copies, createdAt) {
      newestCreatedAt = Math.max(newestCreatedAt, createdAt);
      const key = canonicalText(copies);
      if (tuples.has(key) || tuples.size >= maxTuplesPerProject) return false;
      tuples.set(key, copies);
      return true;
    },
    full: () => tuples.size >= maxTuplesPerProject,
    done: () => ({ projectId, tuples: [...tuples.values()], newestCreatedAt, examplePath }),
  };
}

/** One project with what its assets say in every collection where it has some, and what its record says. */
export interface JoinedProject {
  readonly projectId: string;
  /** Collection name -> its assets. */
  readonly collections: ReadonlyMap<string, ProjectAssets>;
  readonly known: KnownState;
}

/** Joins the sorted streams of several collections, and of the records: each project is seen once, so that it is looked
 *  up and counted once, and "everything up to this id is judged" is all that has to be kept to resume. */
export async function* mergeProjects(
  assets: ReadonlyMap<string, AsyncGenerator<ProjectAssets>>,
  records?: AsyncGenerator<KnownProject>,
): AsyncGenerator<JoinedProject> {
  const heads = new Map<string, ProjectAssets>();
  let record: KnownProject | undefined;
  const advance = async (names: Iterable<string>) => {
    await Promise.all(
      Array.from(names, async (name) => {
        const next = await assets.get(name)?.next();
        if (next === undefined || next.done) heads.delete(name);
        else heads.set(name, next.value);
      }),
    );
  };
  const advanceRecord = async () => {
    const next = await records?.next();
    record = next === undefined || next.done ? undefined : next.value;
  };
  try {
    await Promise.all([advance(assets.keys()), advanceRecord()]);
    for (;;) {
      const next = [...heads.values(), ...(record ? [record] : [])].map(({ projectId }) => projectId);
      if (next.length === 0) return;
      const projectId = next.reduce((least, id) => (compareStrings(id, least) < 0 ? id : least));
      const collections = new Map(
        Array.from(assets.keys(), (name) => [name, heads.get(name)] as const).filter(
          (entry): entry is readonly [string, ProjectAssets] => entry[1]?.projectId === projectId,
        ),
      );
      const isRecorded = record?.projectId === projectId;
      yield { projectId, collections, known: (isRecorded && record?.known) || noRecord };
      await Promise.all([advance(collections.keys()), isRecorded ? advanceRecord() : undefined]);
    }
  } finally {
    await Promise.allSettled(
      [...assets.values(), ...(records ? [records] : [])].map((stream) => stream.return(undefined)),
    );
  }
}
