/** A value of a field, as the server works with it. Integers are 64-bit, so they are bigints. */
export type Value =
  | { readonly type: 'null' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'integer'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'timestamp'; readonly seconds: number; readonly nanos: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Buffer }
  /** The full name of a document: `projects/P/databases/D/documents/c/d`. */
  | { readonly type: 'reference'; readonly value: string }
  | { readonly type: 'geoPoint'; readonly latitude: number; readonly longitude: number }
  | { readonly type: 'array'; readonly values: readonly Value[] }
  | { readonly type: 'map'; readonly fields: Fields };

/** The fields of a document or of a map. */
export type Fields = ReadonlyMap<string, Value>;

export const nullValue: Value = { type: 'null' };

/** Seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z: the first and the last timestamp there is. */
export const minTimestampSeconds = -62_135_596_800;
export const maxTimestampSeconds = 253_402_300_799;

/** The map that client libraries send for an embedding: a marker and the numbers. */
const vectorMarker = '__vector__';

/** The elements of a map that stands for a vector; undefined for every other map. */
export function vectorElements(fields: Fields): readonly Value[] | undefined {
  const marker = fields.get('__type__');
  if (marker?.type !== 'string' || marker.value !== vectorMarker) return undefined;
  const elements = fields.get('value');
  return elements?.type === 'array' ? elements.values : undefined;
}
