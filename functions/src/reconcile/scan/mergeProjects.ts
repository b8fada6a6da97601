import type { ProjectAssets } from './projectAssets.ts';
import { compareStrings } from './stringOrder.ts';

/** One project with what its assets say in every collection where it has some. */
export interface JoinedProject {
  readonly projectId: string;
  /** Collection name -> its assets. */
  readonly collections: ReadonlyMap<string, ProjectAssets>;
}

/** Joins the sorted streams of several collections: each project comes once, so that it is looked up once and counted once,
 *  and "everything up to this id is judged" is all that has to be kept to go on later. */
export async function* mergeProjects(
  streams: ReadonlyMap<string, AsyncGenerator<ProjectAssets>>,
): AsyncGenerator<JoinedProject> {
  const heads = new Map<string, ProjectAssets>();
  const advance = async (names: Iterable<string>) => {
    await Promise.all(
      Array.from(names, async (name) => {
        const next = await streams.get(name)?.next();
        if (next === undefined || next.done) heads.delete(name);
        else heads.set(name, next.value);
      }),
    );
  };
  try {
    await advance(streams.keys());
    while (heads.size > 0) {
      const [first = '', ...others] = Array.from(heads.values(), (head) => head.projectId);
      const projectId = others.reduce((least, id) => (compareStrings(id, least) < 0 ? id : least), first);
      const collections = new Map(
        Array.from(streams.keys(), (name) => [name, heads.get(name)] as const).filter(
          (entry): entry is readonly [string, ProjectAssets] => entry[1]?.projectId === projectId,
        ),
      );
      yield { projectId, collections };
      await advance(collections.keys());
    }
  } finally {
    await Promise.allSettled(Array.from(streams.values(), (stream) => stream.return(undefined)));
  }
}
