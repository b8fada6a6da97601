import { MongoError, MongoServerError } from 'mongodb';
import type { Config } from '../config/defineConfig.ts';
import { projectIdProblem } from '../events/projectId.ts';
import { type ProjectsSource, SourceError } from '../source/connect.ts';
import { snapshotOf } from '../source/lookup.ts';
import { describeOtherId, idsInNoForm } from '../source/otherIds.ts';
import { objectIdsFrom, projectIdFromMongo } from '../source/projectIds.ts';
import type { SourceLook } from './brakes.ts';
import { type ComparableProject, comparable } from './scan/comparable.ts';
import { compareStrings } from './scan/idOrder.ts';

/** What reconciliation asks MongoDB about the collection of projects as a whole. */
export interface ProjectsInMongo {
  /** Which collection it is, how many projects it has, and one of those whose `_id` is in no configured form.
   *  @throws MongoError when MongoDB does not answer. */
  look(): Promise<SourceLook>;
  /** Up to `size` project ids that assets can have, picked at random: their order tells how project ids are spread.
   *  @throws MongoError when MongoDB does not answer. */
  sample(size: number): Promise<readonly string[]>;
  /** The first projects whose ids sort at or after `from`, in the order of their ids: of those whose `_id` is an
   *  ObjectId or text; the other forms are sorted in another way.
   *  @throws MongoError when MongoDB does not answer. */
  list(from: string, limit: number): Promise<readonly ComparableProject[]>;
}

/** Counting scans the index of `_id`, about a million entries per second. */
const countMaxTimeMs = 60_000;
const sampleMaxTimeMs = 30_000;
const listMaxTimeMs = 10_000;

/** MongoDB's codes for "not allowed": Unauthorized, AuthenticationFailed
 *  (https://www.mongodb.com/docs/manual/reference/error-codes/). */
const refusalCodes: ReadonlySet<unknown> = new Set([13, 18]);

export function createProjectsInMongo({ client, projects }: ProjectsSource, config: Config): ProjectsInMongo {
  const { database, collection } = config.source;
  return {
    async look() {
      const [count, others, uuid] = await Promise.all([
        // The exact number, from a majority: the estimate in the metadata may be wrong after a crash, and on sharded
        // clusters.
        projects.countDocuments(
          {},
          { hint: '_id_', readConcern: { level: 'majority' }, readPreference: 'primary', maxTimeMS: countMaxTimeMs },
        ),
        // Served from ranges of the index of `_id` that usually are empty. At worst, with other binary data than UUIDs,
        // it costs what counting costs.
        projects
          .aggregate([{ $match: idsInNoForm(config.source.ids) }, { $limit: 1 }, { $project: { _id: 1 } }], {
            readConcern: { level: 'majority' },
            readPreference: 'primary',
            maxTimeMS: countMaxTimeMs,
          })
          .toArray(),
        uuidOf(client.db(database).listCollections({ name: collection }, { nameOnly: false }).toArray()),
      ]);
      const [other] = others;
      const otherId = other === undefined ? null : describeOtherId(other._id);
      return { database, collection, uuid, projects: count, otherId };
    },
    async sample(size) {
      const documents = await projects
        .aggregate([{ $sample: { size } }, { $project: { _id: 1 } }], { maxTimeMS: sampleMaxTimeMs })
        .toArray();
      return documents
        .map((document) => projectIdFromMongo(document._id))
        .filter((id) => id !== undefined)
        .filter((id) => projectIdProblem(id) === undefined);
    },
    async list(from, limit) {
      const pages = await Promise.all(
        [{ _id: { $gte: from } }, { _id: objectIdsFrom(from) }].map((filter) =>
          projects
            .find(filter, {
              projection: Object.fromEntries(['_id', ...config.source.fields].map((field) => [field, 1])),
              sort: { _id: 1 },
              limit,
              readConcern: { level: 'majority' },
              readPreference: 'primary',
              maxTimeMS: listMaxTimeMs,
            })
            .toArray(),
        ),
      );
      const found = new Map<string, ComparableProject>();
      for (const document of pages.flat()) {
        const id = projectIdFromMongo(document._id) ?? '';
        const { fields } = snapshotOf(id, document, config);
        // Of two projects that have the same id in different forms, nobody can say what assets should show.
        found.set(id, comparable({ projectId: id, fields: found.has(id) ? {} : fields }));
      }
      return [...found.values()].toSorted((a, b) => compareStrings(a.projectId, b.projectId)).slice(0, limit);
    },
  };
}

/** Whether an error, or one of its causes, comes from MongoDB: nothing may be concluded then. */
export function isSourceError(error: unknown): boolean {
  return hasCause(error, (cause) => cause instanceof MongoError || cause instanceof SourceError);
}

/** Whether MongoDB refused for want of permission, rather than being out of reach. */
export function isRefusal(error: unknown): boolean {
  return hasCause(error, (cause) => cause instanceof MongoServerError && refusalCodes.has(cause.code));
}

/** Whether an error, or one of its causes, is of a kind. */
export function hasCause(error: unknown, isOfKind: (cause: unknown) => boolean): boolean {
  return causesOf(error).some(isOfKind);
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  let cause = error;
  while (cause !== undefined && !causes.includes(cause)) {
    causes.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

async function uuidOf(listing: Promise<readonly { readonly [key: string]: unknown }[]>): Promise<string | null> {
  const [found] = await listing;
  const info = found?.info;
  if (typeof info !== 'object' || info === null || !('uuid' in info)) return null;
  return projectIdFromMongo(info.uuid) ?? null;
}
