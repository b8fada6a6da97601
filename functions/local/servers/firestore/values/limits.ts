// What a document may hold. Published limits: https://firebase.google.com/docs/firestore/quotas
import { invalidArgument } from '../status.ts';
import { fullName, isReserved } from './resourceName.ts';
import { type Fields, type Value, vectorElements } from './value.ts';

const maxDocumentBytes = 1024 * 1024;
/** What a text or bytes may have: the document's limit less what surrounds the shortest one. */
const maxValueBytes = maxDocumentBytes - 89;
const maxFieldNameBytes = 1500;
const maxFieldPathBytes = 1500;
/** Maps and arrays inside each other. */
const maxDepth = 20;

/** Checks what a document is about to hold. @throws FirestoreError INVALID_ARGUMENT */
export function checkFields(fields: Fields): void {
  checkMap(fields, 1, 0);
}

/** Checks the size of a document. @throws FirestoreError INVALID_ARGUMENT */
export function checkDocumentSize(database: string, path: string, bytes: number): void {
  if (bytes <= maxDocumentBytes) return;
  throw invalidArgument(
    `Document '${fullName(database, path)}' cannot be written because its size (${bytes.toLocaleString('en-US')} bytes) ` +
      `exceeds the maximum allowed size of ${maxDocumentBytes.toLocaleString('en-US')} bytes.`,
  );
}

/** @param around  bytes of the path of the map that holds these fields, with the dot that follows it */
function checkMap(fields: Fields, depth: number, around: number): void {
  if (vectorElements(fields)) return;
  for (const [key, value] of fields) {
    const bytes = Buffer.byteLength(key);
    if (bytes === 0) throw invalidArgument('The property.name is the empty string.');
    if (bytes > maxFieldNameBytes)
      throw invalidArgument(`The property.name is longer than ${maxFieldNameBytes} bytes.`);
    if (isReserved(key)) throw invalidArgument(`field name '${key}' is reserved.`);
    if (around + bytes > maxFieldPathBytes)
      throw invalidArgument(`property path is longer than ${maxFieldPathBytes} bytes.`);
    checkValue(value, depth, key, around + bytes + 1);
  }
}

function checkValue(value: Value, depth: number, key: string, around: number): void {
  if (value.type === 'string' || value.type === 'bytes') {
    if (Buffer.byteLength(value.value) > maxValueBytes)
      throw invalidArgument(`The value of property "${key}" is longer than ${maxValueBytes} bytes.`);
  }
  if (value.type !== 'map' && value.type !== 'array') return;
  if (depth > maxDepth) throw invalidNesting(key);
  if (value.type === 'map') checkMap(value.fields, depth + 1, around);
  else checkElements(value.values, depth, key, around);
}

function checkElements(elements: readonly Value[], depth: number, key: string, around: number): void {
  for (const element of elements) {
    // Production names the array that is inside, which has no name, by its type.
    if (element.type === 'array') throw invalidNesting('array');
    checkValue(element, depth + 1, key, around);
  }
}

const invalidNesting = (key: string) => invalidArgument(`Property ${key} contains an invalid nested entity.`);
