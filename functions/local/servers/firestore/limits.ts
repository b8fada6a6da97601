// Published limits: https://firebase.google.com/docs/firestore/quotas

import { numericId } from './pathKey.ts';
import { fullName } from './resourceName.ts';
import { documentSize } from './size.ts';
import { invalidArgument } from './status.ts';
import type { Fields, Value } from './value.ts';
import { vectorElements } from './value.ts';

const MAX_DOCUMENT_BYTES = 1024 * 1024;
const MAX_ID_BYTES = 1500;
const MAX_FIELD_NAME_BYTES = 1500;
/** A document's name below the root may have this many bytes … */
const MAX_NAME_BYTES = 6 * 1024;
/** … and this many collections, one in the other. */
const MAX_COLLECTION_DEPTH = 100;
/** Maps and arrays inside each other. */
const MAX_DEPTH = 20;
const MAX_INDEX_ENTRIES = 40_000;
/** Every plain field has an ascending and a descending entry by default. */
const ENTRIES_PER_VALUE = 2;
/** Transforms of one document in one commit. */
export const MAX_TRANSFORMS = 500;

const RESERVED = /^__.*__$/s;

/** Checks the ids in a document's path. @throws FirestoreError INVALID_ARGUMENT */
export function checkPath(path: string): void {
  const segments = path.split('/');
  if (segments.length > MAX_COLLECTION_DEPTH * 2)
    throw invalidArgument(`A document can be nested at most ${MAX_COLLECTION_DEPTH} collections deep.`);
  if (Buffer.byteLength(path) > MAX_NAME_BYTES)
    throw invalidArgument(`A document name can have at most ${MAX_NAME_BYTES} bytes.`);
  for (const [i, id] of segments.entries()) checkId(id, i % 2 === 0 ? 'collection' : 'document');
}

/** Checks one id. @throws FirestoreError INVALID_ARGUMENT */
export function checkId(id: string, what: 'collection' | 'document'): void {
  if (id === '') throw invalidArgument(`A ${what} id cannot be empty.`);
  if (id === '.' || id === '..') throw invalidArgument(`Resource id "${id}" is invalid because it is "." or "..".`);
  if (Buffer.byteLength(id) > MAX_ID_BYTES)
    throw invalidArgument(`The ${what} id "${id.slice(0, 20)}..." is longer than ${MAX_ID_BYTES} bytes.`);
  if (RESERVED.test(id) && !(what === 'document' && numericId(id) !== undefined)) {
    throw invalidArgument(`Resource id "${id}" is invalid because it is reserved.`);
  }
}

/** Checks what is about to be stored. @throws FirestoreError INVALID_ARGUMENT */
export function checkDocument(database: string, path: string, fields: Fields): void {
  const size = documentSize(path, fields);
  if (size > MAX_DOCUMENT_BYTES) {
    throw invalidArgument(
      `Document '${fullName(database, path)}' cannot be written because its size (${size.toLocaleString('en-US')} bytes) ` +
        `exceeds the maximum allowed size of ${MAX_DOCUMENT_BYTES.toLocaleString('en-US')} bytes.`,
    );
  }
  checkFields(fields, 1);
  if (indexEntries(fields) > MAX_INDEX_ENTRIES) {
    throw invalidArgument(`too many index entries for entity ${fullName(database, path)}`);
  }
}

function checkFields(fields: Fields, depth: number): void {
  if (vectorElements(fields)) return;
  for (const [key, value] of fields) {
    if (key === '') throw invalidArgument('A field name cannot be empty.');
    if (Buffer.byteLength(key) > MAX_FIELD_NAME_BYTES)
      throw invalidArgument(`The field name "${key.slice(0, 20)}..." is longer than ${MAX_FIELD_NAME_BYTES} bytes.`);
    if (RESERVED.test(key)) throw invalidArgument(`The field name "${key}" is reserved.`);
    checkValue(value, depth, key);
  }
}

function checkValue(value: Value, depth: number, key: string): void {
  if (value.type !== 'map' && value.type !== 'array') return;
  if (depth > MAX_DEPTH)
    throw invalidArgument(
      `Property ${key} contains an invalid nested entity: maps and arrays can be nested ${MAX_DEPTH} deep.`,
    );
  if (value.type === 'map') {
    checkFields(value.fields, depth + 1);
    return;
  }
  for (const element of value.values) {
    if (element.type === 'array')
      throw invalidArgument(`Property ${key} contains an invalid nested entity: an array cannot hold an array.`);
    checkValue(element, depth + 1, key);
  }
}

/** Entries that the automatic single-field indexes would have. */
function indexEntries(fields: Fields): number {
  let entries = 0;
  for (const value of fields.values()) {
    entries += ENTRIES_PER_VALUE;
    if (value.type === 'array') entries += value.values.length;
    else if (value.type === 'map' && !vectorElements(value.fields)) entries += indexEntries(value.fields);
  }
  return entries;
}
