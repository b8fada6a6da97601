import { invalidArgument } from '../status.ts';
import { numericId } from './pathKey.ts';

/** `projects/P/databases/D`, then `/documents` and perhaps a path below it. */
const namePattern = /^(projects\/[^/]+\/databases\/[^/]+)\/documents(?:\/(.*))?$/s;

// Published limits: https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields
const maxIdBytes = 1500;
/** A document's name below the root may have this many bytes … */
const maxNameBytes = 6 * 1024;
/** … and this many collections, one in the other. */
const maxCollectionDepth = 100;
const reservedName = /^__.*__$/s;

/** A name taken apart: the database it belongs to and the path below that database's root (empty for the root). */
export interface Name {
  readonly database: string;
  readonly path: string;
}

/** Takes a name apart without checking the path. A string that is no name counts as a path of no database, so that any
 *  reference can be ordered. */
export function databaseAndPath(name: string): Name {
  const match = namePattern.exec(name);
  return match ? { database: match[1] ?? '', path: match[2] ?? '' } : { database: '', path: name };
}

/** Takes the name of a document or of a database's root apart, as parents are given.
 *  @throws FirestoreError INVALID_ARGUMENT if it is neither */
export function parseParent(name: string): Name {
  const parsed = databaseAndPath(name);
  if (parsed.database === '') throw invalidArgument(`Invalid resource name: "${name}".`);
  if (parsed.path !== '') checkDocumentPath(parsed.path, name);
  return parsed;
}

/** Takes the name of a document apart. @throws FirestoreError INVALID_ARGUMENT if it names no document of `database` */
export function parseDocumentName(name: string, database: string): string {
  const parsed = databaseAndPath(name);
  if (parsed.database === '') throw invalidArgument(`Invalid resource name: "${name}".`);
  if (parsed.database !== database) {
    throw invalidArgument(`Document name "${name}" does not belong to the database of this request, "${database}".`);
  }
  checkDocumentPath(parsed.path, name);
  return parsed.path;
}

/** Checks a value that refers to a document, of whatever database. @throws FirestoreError INVALID_ARGUMENT */
export function checkReference(name: string): void {
  const { database, path } = databaseAndPath(name);
  if (database === '' || path.split('/').includes('')) throw invalidArgument(`Invalid reference value: "${name}".`);
  if (depth(path) % 2 !== 0) throw notADocument(name);
  for (const id of path.split('/')) checkLength(id);
}

const notADocument = (name: string) =>
  invalidArgument(`Document name "${name}" lacks "/documents/collection/document" at its end.`);

function checkDocumentPath(path: string, name: string): void {
  const segments = path.split('/');
  if (segments.length % 2 !== 0) throw notADocument(name);
  if (segments.length > maxCollectionDepth * 2)
    throw invalidArgument(`A document can be nested at most ${maxCollectionDepth} collections deep.`);
  if (Buffer.byteLength(path) > maxNameBytes)
    throw invalidArgument(`A document name can have at most ${maxNameBytes} bytes.`);
  for (const [i, id] of segments.entries()) checkId(id, i % 2 === 0 ? 'Collection' : 'Resource');
}

/** Checks an id, of a collection or of a document, which production calls a resource.
 *  @throws FirestoreError INVALID_ARGUMENT */
export function checkId(id: string, what: 'Collection' | 'Resource'): void {
  if (id === '') throw invalidArgument(`${what} id is the empty string.`);
  if (id.includes('/')) throw invalidArgument(`${what} id "${id}" is invalid because it contains "/".`);
  if (id === '.' || id === '..') throw invalidArgument(`${what} id "${id}" is invalid because it is "." or "..".`);
  checkLength(id);
  if (isReserved(id) && !(what === 'Resource' && numericId(id) !== undefined))
    throw invalidArgument(`${what} id "${id}" is invalid because it is reserved.`);
}

function checkLength(id: string): void {
  if (Buffer.byteLength(id) > maxIdBytes)
    throw invalidArgument(`The key path element name is longer than ${maxIdBytes} bytes.`);
}

/** Whether a name of a collection, a document or a field belongs to the service. */
export const isReserved = (name: string) => reservedName.test(name);

/** How many segments a path has. */
export function depth(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}

/** The full name of a path in a database. */
export const fullName = (database: string, path: string) =>
  path === '' ? `${database}/documents` : `${database}/documents/${path}`;

/** A document's collection id: the last segment but one of its path. */
export function collectionIdOf(path: string): string {
  const end = path.lastIndexOf('/');
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}

/** The path of the document above a document, empty for one of a root collection. */
export function parentOf(path: string): string {
  const collectionEnd = path.lastIndexOf('/');
  const parentEnd = path.lastIndexOf('/', collectionEnd - 1);
  return parentEnd < 0 ? '' : path.slice(0, parentEnd);
}

/** The first segment of a path: the root collection that everything below it is accounted to. */
export const rootCollectionOf = (path: string) => path.split('/', 1)[0] ?? '';
