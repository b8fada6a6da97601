import type { ClientSession, Collection, ReadPreferenceMode } from 'mongodb';
import type { Config } from '../config/defineConfig.ts';
import { type CopyValue, carried } from '../events/copyValue.ts';
import type { ProjectDocument } from './connect.ts';
import { copyValueAt } from './copyValueFromBson.ts';
import { mongoIdsOf, projectIdFromMongo } from './projectIds.ts';

/** A project as MongoDB holds it now: only what copies need. */
export interface ProjectSnapshot {
  readonly projectId: string;
  /** Every configured source field whose value a copy can have; null where the project has no value. */
  readonly fields: Readonly<Record<string, CopyValue>>;
  /** The other fields, each with the reason why no copy can have its value. */
  readonly refused: Readonly<Record<string, string>>;
}

/** Asks MongoDB, the single source of truth, which projects exist. */
export interface ProjectLookup {
  /** The projects among `projectIds` that exist, by project id. An id that is missing from the answer has no project
   *  whose `_id` is text, an ObjectId, a UUID or a whole number.
   *  @throws MongoError when MongoDB did not answer: never to be taken for "does not exist". */
  find(projectIds: readonly string[]): Promise<ReadonlyMap<string, ProjectSnapshot>>;
}

export interface LookupOptions {
  /** Where to read. `primary` (default) also sees what a lagging secondary does not have yet. */
  readonly readPreference?: ReadPreferenceMode;
  /** How long one query may take on the server, in ms. */
  readonly maxTimeMs?: number;
  /** A causally consistent session that the reads belong to. */
  readonly session?: ClientSession;
}

const defaultMaxTimeMs = 10_000;

/** A lookup that reads what a majority of the replica set has acknowledged, so that no answer can be rolled back:
 *  https://www.mongodb.com/docs/manual/reference/read-concern-majority/ */
export function createProjectLookup(
  projects: Collection<ProjectDocument>,
  config: Config,
  options: LookupOptions = {},
): ProjectLookup {
  const projection = Object.fromEntries([['_id', 1], ...config.source.fields.map((field) => [field, 1] as const)]);
  return {
    async find(projectIds) {
      // An asset may spell a hexadecimal id in capitals: what MongoDB answers is matched to every spelling that was
      // asked for.
      const spellings = new Map<string, Set<string>>();
      const ids = projectIds.flatMap((projectId) => {
        const forms = mongoIdsOf(projectId);
        for (const canonical of forms.map(projectIdFromMongo)) {
          if (canonical === undefined) continue;
          spellings.set(canonical, (spellings.get(canonical) ?? new Set()).add(projectId));
        }
        return forms;
      });
      const found = new Map<string, ProjectSnapshot>();
      if (ids.length === 0) return found;
      const cursor = projects.find(
        { _id: { $in: ids } },
        {
          projection,
          readConcern: { level: 'majority' },
          readPreference: options.readPreference ?? 'primary',
          maxTimeMS: options.maxTimeMs ?? defaultMaxTimeMs,
          ...(options.session && { session: options.session }),
        },
      );
      for await (const document of cursor) {
        const canonical = projectIdFromMongo(document._id);
        for (const projectId of spellings.get(canonical ?? '') ?? []) {
          found.set(projectId, snapshotOf(projectId, document, config));
        }
      }
      return found;
    },
  };
}

/** The configured fields of a project document, as an event would tell them. */
export function snapshotOf(projectId: string, document: ProjectDocument, config: Config): ProjectSnapshot {
  const fields: Record<string, CopyValue> = {};
  const refused: Record<string, string> = {};
  for (const field of config.source.fields) {
    const told = carried(copyValueAt(document, field));
    if (told.ok) fields[field] = told.value;
    else refused[field] = told.problem;
  }
  return { projectId, fields, refused };
}
