import type { AssetCollection, Config } from '../config/defineConfig.ts';

/** An entry of `indexes` in firestore.indexes.json: https://firebase.google.com/docs/reference/firestore/indexes */
export interface CompositeIndex {
  readonly collectionGroup: string;
  readonly queryScope: 'COLLECTION' | 'COLLECTION_GROUP';
  readonly fields: readonly { readonly fieldPath: string; readonly order: 'ASCENDING' }[];
}

/** An entry of `fieldOverrides` in firestore.indexes.json. */
export interface FieldOverride {
  readonly collectionGroup: string;
  readonly fieldPath: string;
  readonly indexes: readonly {
    readonly order: 'ASCENDING' | 'DESCENDING';
    readonly queryScope: 'COLLECTION' | 'COLLECTION_GROUP';
  }[];
}

/** The indexes that the queries of reconciliation need: one over (project id, copies …) per collection with copies, and
 *  for a collection group the project id, which Firestore indexes by itself in single collections only. */
export function requiredIndexes(config: Config): {
  readonly indexes: readonly CompositeIndex[];
  readonly fieldOverrides: readonly FieldOverride[];
} {
  return {
    indexes: config.collections.filter(({ copies }) => Object.keys(copies).length > 0).map(compositeOf),
    fieldOverrides: config.collections.filter(({ kind }) => kind === 'group').map(overrideOf),
  };
}

function compositeOf(collection: AssetCollection): CompositeIndex {
  return {
    collectionGroup: idOf(collection),
    queryScope: collection.kind === 'group' ? 'COLLECTION_GROUP' : 'COLLECTION',
    fields: [collection.projectId, ...Object.values(collection.copies)].map((path) => ({
      fieldPath: written(path),
      order: 'ASCENDING',
    })),
  };
}

/** An override replaces what Firestore does by itself, so the usual indexes of single collections are named too. */
function overrideOf(collection: AssetCollection): FieldOverride {
  return {
    collectionGroup: idOf(collection),
    fieldPath: written(collection.projectId),
    indexes: [
      { order: 'ASCENDING', queryScope: 'COLLECTION' },
      { order: 'DESCENDING', queryScope: 'COLLECTION' },
      { order: 'ASCENDING', queryScope: 'COLLECTION_GROUP' },
      // Looking for assets that lack a copy asks for the last project of a range.
      ...(Object.keys(collection.copies).length > 0
        ? [{ order: 'DESCENDING', queryScope: 'COLLECTION_GROUP' } as const]
        : []),
    ],
  };
}

function idOf({ name }: AssetCollection): string {
  return name.split('/').at(-1) ?? name;
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
