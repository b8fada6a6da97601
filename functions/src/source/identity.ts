import { z } from 'zod';
import type { ProjectsSource } from './connect.ts';
import { projectIdFromMongo } from './projectIds.ts';
import { isRefusedBySource } from './sourceErrors.ts';

/** Which collection of which cluster this is, as far as MongoDB tells. Null where it does not. */
export interface SourceIdentity {
  /** Another collection of the same name, made anew or in another cluster, has another one. */
  readonly uuid: string | null;
  /** Name of the replica set; on Atlas each cluster has its own. Null on a sharded cluster. */
  readonly replicaSet: string | null;
}

/** The identity, and whether the collection is there at all. `unknown`: the user may not list collections. */
export interface SourceSighting {
  readonly identity: SourceIdentity;
  readonly collection: 'there' | 'missing' | 'unknown';
  /** MongoDB's clock, in ms since 1970; null if it does not tell. */
  readonly time: number | null;
}

const helloSchema = z.looseObject({ setName: z.string().optional(), localTime: z.date().optional() });
const collectionSchema = z.looseObject({ info: z.looseObject({ uuid: z.unknown() }) });

/** Looks at the source. Needs `listCollections` on the database for the UUID
 *  (https://www.mongodb.com/docs/manual/reference/command/listCollections/); without it, only the replica set is known.
 *  @throws MongoError when MongoDB does not answer within `timeoutMs`. */
export async function readIdentity({ client, projects }: ProjectsSource, timeoutMs: number): Promise<SourceSighting> {
  const hello = helloSchema.parse(await client.db('admin').command({ hello: 1 }, { timeoutMS: timeoutMs }));
  const replicaSet = hello.setName ?? null;
  const time = hello.localTime?.getTime() ?? null;
  try {
    const listing = client
      .db(projects.dbName)
      .listCollections({ name: projects.collectionName }, { timeoutMS: timeoutMs });
    const [found] = await listing.toArray();
    if (found === undefined) return { identity: { uuid: null, replicaSet }, collection: 'missing', time };
    const parsed = collectionSchema.safeParse(found);
    const uuid = parsed.success ? (projectIdFromMongo(parsed.data.info.uuid) ?? null) : null;
    return { identity: { uuid, replicaSet }, collection: 'there', time };
  } catch (error) {
    if (isRefusedBySource(error)) {
      return { identity: { uuid: null, replicaSet }, collection: 'unknown', time };
    }
    throw error;
  }
}

/** How what is there now compares with what a place in the stream was taken from. */
export type IdentityVerdict =
  /** As far as can be told. */
  | 'same'
  /** Another collection under the same name. If the old one ended in this very cluster, its stream says so. */
  | 'other-collection'
  | 'other-cluster';

/** Compares two looks at a source. What one of them does not know is taken for the same. */
export function compareIdentity(before: SourceIdentity, now: SourceSighting): IdentityVerdict {
  const { uuid, replicaSet } = now.identity;
  if (before.replicaSet !== null && replicaSet !== null && before.replicaSet !== replicaSet) return 'other-cluster';
  if (before.uuid === null || now.collection === 'unknown') return 'same';
  return before.uuid === uuid ? 'same' : 'other-collection';
}
