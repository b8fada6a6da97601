import { invalidArgument } from '../status.ts';
import type { Fields, Value } from './value.ts';

/** The pseudo field that stands for a document's name in orders, filters and projections. */
export const nameField = '__name__';

/** A path of keys into a document's fields. */
export interface FieldPath {
  readonly keys: readonly string[];
  /** The keys in UTF-8, for comparing with encoded ones. */
  readonly encoded: readonly Buffer[];
  /** Its one canonical spelling: equal paths have equal ones. */
  readonly canonical: string;
}

const simpleKey = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

/** Parses `a.b` and `` a.`b c` ``. @throws FirestoreError INVALID_ARGUMENT for anything else */
export function parseFieldPath(text: string): FieldPath {
  const keys: string[] = [];
  let rest = text;
  for (;;) {
    const { key, length } = rest.startsWith('`') ? quotedKey(rest, text) : plainKey(rest, text);
    keys.push(key);
    if (length === rest.length) return fieldPath(keys);
    if (rest[length] !== '.') throw invalidPath(text);
    rest = rest.slice(length + 1);
  }
}

function plainKey(rest: string, text: string): { key: string; length: number } {
  const dot = rest.indexOf('.');
  const key = dot < 0 ? rest : rest.slice(0, dot);
  if (!simpleKey.test(key)) throw invalidPath(text);
  return { key, length: key.length };
}

function quotedKey(rest: string, text: string): { key: string; length: number } {
  let key = '';
  for (let i = 1; i < rest.length; i += 1) {
    if (rest[i] === '`') {
      if (key === '') throw invalidPath(text);
      return { key, length: i + 1 };
    }
    if (rest[i] === '\\') i += 1;
    key += rest[i] ?? '';
  }
  throw invalidPath(text);
}

const invalidPath = (text: string) => invalidArgument(`Invalid property path "${text}".`);

/** A path made of keys of any content. */
export function fieldPath(keys: readonly string[]): FieldPath {
  const canonical = keys.reduce((around, key) => canonicalPath(key, around), '');
  return { keys, encoded: keys.map((key) => Buffer.from(key)), canonical };
}

/** The canonical spelling of a key below a path (empty: at the top). */
export function canonicalPath(key: string, around: string): string {
  const quoted = simpleKey.test(key) ? key : `\`${key.replace(/[\\`]/g, (special) => `\\${special}`)}\``;
  return around === '' ? quoted : `${around}.${quoted}`;
}

/** Order of two paths, key by key: negative, zero or positive. */
export function compareFieldPaths(a: FieldPath, b: FieldPath): number {
  for (const [i, key] of a.encoded.entries()) {
    const order = Buffer.compare(key, b.encoded[i] ?? Buffer.alloc(0));
    if (order !== 0) return order;
  }
  return a.keys.length - b.keys.length;
}

/** The value at a path; undefined if there is none. */
export function valueAt(fields: Fields, path: FieldPath): Value | undefined {
  let current: Fields = fields;
  for (const [i, key] of path.keys.entries()) {
    const value = current.get(key);
    if (i === path.keys.length - 1) return value;
    if (value?.type !== 'map') return undefined;
    current = value.fields;
  }
  return undefined;
}

/** The fields with `value` at a path, or without anything there if it is undefined. Maps on the way are made, and
 *  whatever else stands there gives way, as an update does. */
export function withValueAt(fields: Fields, path: FieldPath, value: Value | undefined): Fields {
  return withKeys(fields, path.keys, value);
}

function withKeys(fields: Fields, keys: readonly string[], value: Value | undefined): Fields {
  const [key, ...rest] = keys;
  if (key === undefined) return fields;
  const changed = new Map(fields);
  if (rest.length === 0) {
    if (value === undefined) changed.delete(key);
    else changed.set(key, value);
    return changed;
  }
  const inner = fields.get(key);
  if (inner?.type !== 'map' && value === undefined) return fields;
  changed.set(key, { type: 'map', fields: withKeys(inner?.type === 'map' ? inner.fields : new Map(), rest, value) });
  return changed;
}

/** Only what lies at the given paths, as a projection or a document mask asks for it. */
export function project(fieldAt: (path: FieldPath) => Value | undefined, paths: readonly FieldPath[]): Fields {
  let projected: Fields = new Map();
  for (const path of paths) {
    const value = fieldAt(path);
    if (value !== undefined) projected = withValueAt(projected, path, value);
  }
  return projected;
}
