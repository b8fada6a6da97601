import { readFileSync } from 'node:fs';
import { z } from 'zod';

// The format of firestore.indexes.json: https://firebase.google.com/docs/reference/firestore/indexes
const order = z.enum(['ASCENDING', 'DESCENDING']);
const scope = z.enum(['COLLECTION', 'COLLECTION_GROUP']);

const indexField = z.object({
  fieldPath: z.string().min(1),
  order: order.optional(),
  arrayConfig: z.literal('CONTAINS').optional(),
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

/** Replaces the automatic indexes of one field. */
export interface FieldOverride {
  readonly collectionGroup: string;
  readonly fieldPath: string;
  readonly indexes: readonly { readonly mode: FieldMode; readonly queryScope: QueryScope }[];
}

export interface IndexConfig {
  readonly indexes: readonly CompositeIndex[];
  readonly fieldOverrides: readonly FieldOverride[];
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
    indexes: parsed.data.indexes.map(({ fields, ...index }) => ({
      ...index,
      fields: fields.map((field) => ({ fieldPath: field.fieldPath, mode: modeOf(field) })),
    })),
    fieldOverrides: parsed.data.fieldOverrides.map(({ indexes, ...override }) => ({
      ...override,
      indexes: indexes.map((index) => ({ mode: modeOf(index), queryScope: index.queryScope })),
    })),
  };
}

const modeOf = (field: {
  order?: 'ASCENDING' | 'DESCENDING' | undefined;
  arrayConfig?: 'CONTAINS' | undefined;
}): FieldMode => field.arrayConfig ?? field.order ?? 'ASCENDING';
