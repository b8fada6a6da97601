// Storage sizes by the published rules: https://firebase.google.com/docs/firestore/storage-size
import type { Fields, Value } from './value.ts';

const nameOverheadBytes = 16;
const documentOverheadBytes = 32;
const numberBytes = 8;
const geoPointBytes = 16;

/** Size of a text, or of the name of a field. */
export const textSize = (text: string) => Buffer.byteLength(text) + 1;

/** What every index entry has besides names and values. */
export const indexEntryOverheadBytes = 32;
/** What an index keeps of a value: longer ones are cut off. */
const maxIndexedBytes = 1500;

/** Size of a document's name, from its path below the root. */
export function nameSize(path: string): number {
  return path.split('/').reduce((sum, segment) => sum + textSize(segment), nameOverheadBytes);
}

/** Size of a whole document. */
export function documentSize(path: string, fields: Fields): number {
  return nameSize(path) + fieldsSize(fields) + documentOverheadBytes;
}

/** What an index entry has of a value. */
export const indexedSize = (value: Value) => Math.min(valueSize(value), maxIndexedBytes);

function fieldsSize(fields: Fields): number {
  let sum = 0;
  for (const [key, value] of fields) sum += textSize(key) + valueSize(value);
  return sum;
}

function valueSize(value: Value): number {
  switch (value.type) {
    case 'null':
    case 'boolean':
      return 1;
    case 'integer':
    case 'double':
    case 'timestamp':
      return numberBytes;
    case 'string':
      return textSize(value.value);
    case 'bytes':
      return value.value.length;
    case 'reference':
      return nameSize(value.value.replace(/^projects\/[^/]*\/databases\/[^/]*\/documents\//, ''));
    case 'geoPoint':
      return geoPointBytes;
    case 'array':
      return value.values.reduce((sum, element) => sum + valueSize(element), 0);
    case 'map':
      return fieldsSize(value.fields);
  }
}
