import { readFileSync } from 'node:fs';
import { z } from 'zod';

// The format of firestore.indexes.json: https://firebase.google.com/docs/reference/firestore/indexes
const order = z.enum(['ASCENDING', 'DESCENDING']);
const scope = z.enum(['COLLECTION', 'COLLECTION_GROUP']);

const indexField = z.object({
  fieldPath: z.string().min(1),
  order: order.optional(),
  arrayConfig: z.literal('CONTAINS').optional(),
  /** Only findNearest uses such an index, which this server refuses. */
  vectorConfig: z.object({}).optional(),
});

const schema = z.object({
  indexes: z
    .array(
      z.object({
        collectionGroup: z.string().min(1),
        queryScope: scope.default('COLLECTION'),
        fields: z.array(indexField).min(1),
      }),
    )
    .default([]),
  fieldOverrides: z
    .array(
      z.object({
        collectionGroup: z.string().min(1),
        fieldPath: z.string().min(1),
        indexes: z
          .array(
            z.object({
              order: order.optional(),
              arrayConfig: z.literal('CONTAINS').optional(),
              queryScope: scope.default('COLLECTION'),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});

/** How an index treats one of its fields. */
export type FieldMode = 'ASCENDING' | 'DESCENDING' | 'CONTAINS';
export type QueryScope = z.infer<typeof scope>;

export interface CompositeIndex {
  readonly collectionGroup: string;
  readonly queryScope: QueryScope;
  readonly fields: readonly { readonly fieldPath: string; readonly mode: FieldMode }[];
}

export interface SingleFieldIndex {
  readonly mode: FieldMode;
  readonly queryScope: QueryScope;
}

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
  return {
    indexes: parsed.data.indexes
      .filter(({ fields }) => fields.every(({ vectorConfig }) => !vectorConfig))
      .map(({ fields, ...index }) => ({
        ...index,
        fields: fields.map((field) => ({ fieldPath: field.fieldPath, mode: modeOf(field) })),
      })),
    fieldOverrides: overridesOf(parsed.data.fieldOverrides),
  };
}

function overridesOf(definitions: z.infer<typeof schema>['fieldOverrides']): IndexConfig['fieldOverrides'] {
  const overrides = new Map<string, Map<string, SingleFieldIndex[]>>();
  for (const { collectionGroup, fieldPath, indexes } of definitions) {
    const ofGroup = overrides.get(collectionGroup) ?? new Map<string, SingleFieldIndex[]>();
    ofGroup.set(
      fieldPath,
      indexes.map((index) => ({ mode: modeOf(index), queryScope: index.queryScope })),
    );
    overrides.set(collectionGroup, ofGroup);
  }
  return overrides;
}

const modeOf = (field: {
  order?: 'ASCENDING' | 'DESCENDING' | undefined;
  arrayConfig?: 'CONTAINS' | undefined;
}): FieldMode => field.arrayConfig ?? field.order ?? 'ASCENDING';
