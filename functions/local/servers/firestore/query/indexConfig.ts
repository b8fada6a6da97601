import { readFileSync } from 'node:fs';
import { z } from 'zod';

// The format of firestore.indexes.json: https://firebase.google.com/docs/reference/firestore/indexes
const name = z.string().min(1);
const queryScope = z.enum(['COLLECTION', 'COLLECTION_GROUP']).default('COLLECTION');
const order = z.enum(['ASCENDING', 'DESCENDING']).optional();
const arrayConfig = z.literal('CONTAINS').optional();
/** Only findNearest uses an index with it, which this server refuses. */
const vectorConfig = z.looseObject({}).optional();

const indexField = z.object({ fieldPath: name, order, arrayConfig, vectorConfig }).transform((field) => ({
  fieldPath: field.fieldPath,
  isVector: field.vectorConfig !== undefined,
  mode: field.arrayConfig ?? field.order ?? 'ASCENDING',
}));
const compositeIndex = z.object({ collectionGroup: name, queryScope, fields: z.array(indexField).min(1) });
const singleFieldIndex = z
  .object({ order, arrayConfig, queryScope })
  .transform((index) => ({ mode: index.arrayConfig ?? index.order ?? 'ASCENDING', queryScope: index.queryScope }));
const fieldOverride = z.object({
  collectionGroup: name,
  fieldPath: name,
  indexes: z.array(singleFieldIndex).default([]),
});
const schema = z.object({
  indexes: z.array(compositeIndex).default([]),
  fieldOverrides: z.array(fieldOverride).default([]),
});

export type CompositeIndex = z.output<typeof compositeIndex>;
export type SingleFieldIndex = z.output<typeof singleFieldIndex>;
/** How an index treats one of its fields. */
export type FieldMode = SingleFieldIndex['mode'];
export type QueryScope = SingleFieldIndex['queryScope'];

export interface IndexConfig {
  readonly indexes: readonly CompositeIndex[];
  /** What replaces the automatic indexes of a field, by collection group and the field's canonical path. */
  readonly fieldOverrides: ReadonlyMap<string, ReadonlyMap<string, readonly SingleFieldIndex[]>>;
}

/** Production's own indexes of every field. */
export const automaticIndexes: IndexConfig = { indexes: [], fieldOverrides: new Map() };

const automatic: readonly SingleFieldIndex[] = (['ASCENDING', 'DESCENDING', 'CONTAINS'] as const).map((mode) => ({
  mode,
  queryScope: 'COLLECTION',
}));

/** The single-field indexes of a field: the automatic ones, unless an override of the field, of a map around it or of
 *  all fields (`*`) says otherwise. */
export function singleFieldIndexes(
  { fieldOverrides }: IndexConfig,
  collectionGroup: string,
  fieldPath: string,
): readonly SingleFieldIndex[] {
  const overrides = fieldOverrides.get(collectionGroup);
  if (!overrides) return automatic;
  for (let path = fieldPath; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    const override = overrides.get(path);
    if (override) return override;
  }
  return overrides.get('*') ?? automatic;
}

/** Reads index definitions.
 *  @param source  path of a `firestore.indexes.json`, or its content
 *  @throws Error that names the place of the mistake */
export function readIndexConfig(source: string | object): IndexConfig {
  const content: unknown = typeof source === 'string' ? JSON.parse(readFileSync(source, 'utf8')) : source;
  const parsed = schema.safeParse(content);
  if (!parsed.success) {
    const where = typeof source === 'string' ? source : 'The index definitions';
    throw new Error(`${where}: ${z.prettifyError(parsed.error)}`);
  }
  const fieldOverrides = new Map<string, Map<string, readonly SingleFieldIndex[]>>();
  for (const { collectionGroup, fieldPath, indexes } of parsed.data.fieldOverrides) {
    const ofGroup = fieldOverrides.get(collectionGroup) ?? new Map();
    fieldOverrides.set(collectionGroup, ofGroup.set(fieldPath, indexes));
  }
  return { indexes: parsed.data.indexes.filter(({ fields }) => !fields.some((each) => each.isVector)), fieldOverrides };
}
