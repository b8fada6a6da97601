import type { AssetCollection, Config } from '../config/defineConfig.ts';
import { collectionIdOf } from '../config/place.ts';
import { recordIndexing } from './recordIndexes.ts';

type QueryScope = 'COLLECTION' | 'COLLECTION_GROUP';

/** An entry of `indexes` in firestore.indexes.json: https://firebase.google.com/docs/reference/firestore/indexes */
export interface CompositeIndex {
  readonly collectionGroup: string;
  readonly queryScope: QueryScope;
  readonly fields: readonly { readonly fieldPath: string; readonly order: 'ASCENDING' | 'DESCENDING' }[];
}

export interface FieldIndex {
  readonly queryScope: QueryScope;
  readonly order: 'ASCENDING' | 'DESCENDING';
}

/** An entry of `fieldOverrides` in firestore.indexes.json. It replaces what Firestore does with the field by itself. */
export interface FieldOverride {
  readonly collectionGroup: string;
  readonly fieldPath: string;
  readonly ttl?: true;
  readonly indexes: readonly FieldIndex[];
}

/** What the queries of Lockstep need. */
export interface RequiredIndexes {
  readonly indexes: readonly CompositeIndex[];
  readonly fieldOverrides: readonly FieldOverride[];
  /** Fields whose own indexes are queried: an override of them, if there is one, has to keep these. */
  readonly kept: readonly FieldOverride[];
}

/** What Firestore makes for each field by itself, as far as Lockstep queries it. */
const automatic: readonly FieldIndex[] = [
  { queryScope: 'COLLECTION', order: 'ASCENDING' },
  { queryScope: 'COLLECTION', order: 'DESCENDING' },
];

/** Of a field in a collection group Firestore indexes nothing by itself. Both directions: work on a project also
 *  asks for its last asset. */
const ofGroup: readonly FieldIndex[] = [
  ...automatic,
  { queryScope: 'COLLECTION_GROUP', order: 'ASCENDING' },
  { queryScope: 'COLLECTION_GROUP', order: 'DESCENDING' },
];

/** The indexes that the queries for assets need (one over project id and copies for each collection with copies, and
 *  the project id of each collection group), and how the records of Lockstep are indexed. */
export function requiredIndexes({ collections }: Config): RequiredIndexes {
  const [groups, paths] = [collections.filter(isGroup), collections.filter((collection) => !isGroup(collection))];
  return {
    indexes: [
      ...collections.filter(({ copies }) => Object.keys(copies).length > 0).map(compositeOf),
      ...recordIndexing.flatMap(({ collectionGroup, listedBy = [] }) =>
        listedBy.map(
          ([field, time]): CompositeIndex => ({
            collectionGroup,
            queryScope: 'COLLECTION',
            fields: [
              { fieldPath: field, order: 'ASCENDING' },
              { fieldPath: time, order: 'DESCENDING' },
            ],
          }),
        ),
      ),
    ],
    fieldOverrides: [
      ...groups.map((collection) => projectIdOf(collection, ofGroup)),
      ...recordIndexing.flatMap(({ collectionGroup, unindexed, expires }): FieldOverride[] => [
        ...(expires === undefined ? [] : [{ collectionGroup, fieldPath: expires, ttl: true as const, indexes: [] }]),
        ...unindexed.map((fieldPath) => ({ collectionGroup, fieldPath, indexes: [] })),
      ]),
    ],
    kept: [
      ...paths.map((collection) => projectIdOf(collection, automatic)),
      ...recordIndexing.flatMap(({ collectionGroup, queried }) =>
        queried.map((fieldPath) => ({ collectionGroup, fieldPath, indexes: automatic })),
      ),
    ],
  };
}

/** A pattern is asked for as its group. */
const isGroup = ({ kind }: AssetCollection) => kind !== 'path';

function compositeOf(collection: AssetCollection): CompositeIndex {
  return {
    collectionGroup: collectionIdOf(collection),
    queryScope: isGroup(collection) ? 'COLLECTION_GROUP' : 'COLLECTION',
    fields: [collection.projectId, ...Object.values(collection.copies)].map((path) => ({
      fieldPath: written(path),
      order: 'ASCENDING',
    })),
  };
}

function projectIdOf(collection: AssetCollection, indexes: readonly FieldIndex[]): FieldOverride {
  return { collectionGroup: collectionIdOf(collection), fieldPath: written(collection.projectId), indexes };
}

/** A field path as Firestore writes it: segments that are no plain names stand in backticks. */
function written(path: string): string {
  return path
    .split('.')
    .map((segment) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(segment) ? segment : `\`${segment.replaceAll(/[`\\]/g, '\\$&')}\``,
    )
    .join('.');
}
