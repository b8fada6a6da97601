import { invalidArgument } from '../status.ts';

/** `projects/P/databases/D`, then `/documents` and perhaps a path below it. */
const namePattern = /^(projects\/[^/]+\/databases\/[^/]+)\/documents(?:\/(.*))?$/s;

/** A name taken apart: the database it belongs to and the path below that database's root (empty for the root
 *  itself). */
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

/** Takes the name of a document or a database root apart. @throws FirestoreError INVALID_ARGUMENT if it is neither */
export function parseName(name: string): Name {
  const match = namePattern.exec(name);
  if (!match) throw invalidArgument(`Invalid resource name: "${name}".`);
  return { database: match[1] ?? '', path: match[2] ?? '' };
}

/** Takes the name of a document apart. @throws FirestoreError INVALID_ARGUMENT if it does not name a document of
 *  `database` */
export function parseDocumentName(name: string, database: string): string {
  const parsed = parseName(name);
  if (parsed.database !== database) {
    throw invalidArgument(`Document name "${name}" does not belong to the database of this request, "${database}".`);
  }
  if (depth(parsed.path) % 2 !== 0 || parsed.path === '') {
    throw invalidArgument(`Document name "${name}" lacks "/documents/collection/document" at its end.`);
  }
  return parsed.path;
}

/** How many segments a path has. */
export function depth(path: string): number {
  if (path === '') return 0;
  let segments = 1;
  for (let i = path.indexOf('/'); i >= 0; i = path.indexOf('/', i + 1)) segments += 1;
  return segments;
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
export function rootCollectionOf(path: string): string {
  const end = path.indexOf('/');
  return end < 0 ? path : path.slice(0, end);
}

/** The id of a database inside its name, as messages show it. */
export const projectOf = (database: string) => database.split('/')[1] ?? '';
