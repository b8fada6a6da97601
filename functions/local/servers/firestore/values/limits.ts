// Published limits: https://firebase.google.com/docs/firestore/quotas

import { invalidArgument } from '../status.ts';
import { numericId } from './pathKey.ts';
import { fullName } from './resourceName.ts';
import { documentSize } from './size.ts';
import { type Fields, type Value, vectorElements } from './value.ts';

const maxDocumentBytes = 1024 * 1024;
const maxIdBytes = 1500;
const maxFieldNameBytes = 1500;
/** A document's name below the root may have this many bytes … */
const maxNameBytes = 6 * 1024;
/** … and this many collections, one in the other. */
const maxCollectionDepth = 100;
/** Maps and arrays inside each other. */
const maxDepth = 20;
const maxIndexEntries = 40_000;
/** Every plain field has an ascending and a descending entry by default. */
const entriesPerValue = 2;
/** Transforms of one document in one commit. */
export const maxTransforms = 500;

const reservedName = /^__.*__$/s;

/** Checks the ids in a document's path. @throws FirestoreError INVALID_ARGUMENT */
export function checkPath(path: string): void {
  const segments = path.split('/');
  if (segments.length > maxCollectionDepth * 2)
    throw invalidArgument(`A document can be nested at most ${maxCollectionDepth} collections deep.`);
  if (Buffer.byteLength(path) > maxNameBytes)
    throw invalidArgument(`A document name can have at most ${maxNameBytes} bytes.`);
  for (const [i, id] of segments.entries()) checkId(id, i % 2 === 0 ? 'collection' : 'document');
}

/** Checks one id. @throws FirestoreError INVALID_ARGUMENT */
export function checkId(id: string, what: 'collection' | 'document'): void {
  if (id === '') throw invalidArgument(`A ${what} id cannot be empty.`);
  if (id === '.' || id === '..') throw invalidArgument(`Resource id "${id}" is invalid because it is "." or "..".`);
  if (Buffer.byteLength(id) > maxIdBytes)
    throw invalidArgument(`The ${what} id "${id.slice(0, 20)}..." is longer than ${maxIdBytes} bytes.`);
  if (reservedName.test(id) && !(what === 'document' && numericId(id) !== undefined)) {
    throw invalidArgument(`Resource id "${id}" is invalid because it is reserved.`);
  }
}

/** Checks what is about to be stored. @throws FirestoreError INVALID_ARGUMENT */
export function checkDocument(database: string, path: string, fields: Fields): void {
  const size = documentSize(path, fields);
  if (size > maxDocumentBytes) {
    throw invalidArgument(
      `Document '${fullName(database, path)}' cannot be written because its size (${size.toLocaleString('en-US')} bytes) ` +
        `exceeds the maximum allowed size of ${maxDocumentBytes.toLocaleString('en-US')} bytes.`,
    );
  }
  checkFields(fields, 1);
  if (indexEntries(fields) > maxIndexEntries) {
    throw invalidArgument(`too many index entries for entity ${fullName(database, path)}`);
  }
}

function checkFields(fields: Fields, depth: number): void {
  if (vectorElements(fields)) return;
  for (const [key, value] of fields) {
    if (key === '') throw invalidArgument('A field name cannot be empty.');
    if (Buffer.byteLength(key) > maxFieldNameBytes)
      throw invalidArgument(`The field name "${key.slice(0, 20)}..." is longer than ${maxFieldNameBytes} bytes.`);
    if (reservedName.test(key)) throw invalidArgument(`The field name "${key}" is reserved.`);
    checkValue(value, depth, key);
  }
}

function checkValue(value: Value, depth: number, key: string): void {
  if (value.type !== 'map' && value.type !== 'array') return;
  if (depth > maxDepth)
    throw invalidArgument(
      `Property ${key} contains an invalid nested entity: maps and arrays can be nested ${maxDepth} deep.`,
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
    entries += entriesPerValue;
    if (value.type === 'array') entries += value.values.length;
    else if (value.type === 'map' && !vectorElements(value.fields)) entries += indexEntries(value.fields);
  }
  return entries;
}
