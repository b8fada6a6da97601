import { matches } from '../query/filters.ts';
import type { Query } from '../query/query.ts';
import { runQuery } from '../query/runQuery.ts';
import type { Database } from '../store/database.ts';
import type { Change } from '../store/store.ts';
import type { Micros, StoredDocument } from '../values/document.ts';
import { collectionIdOf, parentOf } from '../values/resourceName.ts';

/** What a listener wants to see. */
export type Watched =
  | { readonly type: 'documents'; readonly paths: ReadonlySet<string> }
  | { readonly type: 'query'; readonly query: Query };

/** How a result set has moved on. */
export interface Delta {
  /** New or changed documents. */
  readonly changed: readonly StoredDocument[];
  /** Documents that are in it no longer, and whether they still exist. */
  readonly gone: readonly { readonly path: string; readonly exists: boolean }[];
}

/** One result set that is followed. */
export interface ListenTarget {
  /** What has moved since the last call; the first one returns everything. */
  delta(): Delta;
  /** Whether any of these changes can have moved it. */
  concerns(changes: readonly Change[]): boolean;
}

export function createListenTarget(database: Database, watched: Watched): ListenTarget {
  let seen = new Map<string, Micros>();

  const current = (): readonly StoredDocument[] => {
    if (watched.type === 'query') return runQuery(database.name, database.store, watched.query).documents;
    return [...watched.paths].flatMap((path) => database.store.get(path) ?? []);
  };

  return {
    delta() {
      const documents = current();
      const now = new Map(documents.map(({ path, updateTime }) => [path, updateTime]));
      const changed = documents.filter(({ path, updateTime }) => seen.get(path) !== updateTime);
      const gone = [...seen.keys()]
        .filter((path) => !now.has(path))
        .map((path) => ({ path, exists: database.store.get(path) !== undefined }));
      seen = now;
      return { changed, gone };
    },
    concerns: (changes) =>
      changes.some(({ path, after }) => {
        if (watched.type === 'documents') return watched.paths.has(path);
        return seen.has(path) || (after !== undefined && couldMatch(database.name, watched.query, after));
      }),
  };
}

function couldMatch(database: string, query: Query, document: StoredDocument): boolean {
  const { path } = document;
  if (query.collectionId !== undefined && collectionIdOf(path) !== query.collectionId) return false;
  const below = query.parent === '' || path.startsWith(`${query.parent}/`);
  if (query.allDescendants ? !below : parentOf(path) !== query.parent) return false;
  return query.disjuncts.some((conjunction) => matches(database, document, conjunction));
}
