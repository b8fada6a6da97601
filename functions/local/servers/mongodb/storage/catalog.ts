import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { type Collection, createCollection } from './collection.ts';

/** The databases and their collections. A database is there as long as it has a collection. */
export interface Catalog {
  find(db: string, name: string): Collection | undefined;
  create(db: string, name: string, options: Document): Collection;
  remove(collection: Collection): void;
  /** Gives a collection another name, in place of the collection that had it. */
  move(collection: Collection, db: string, name: string): void;
  collections(db: string): Collection[];
  databases(): string[];
  all(): Collection[];
}

/** The longest `database.collection`, in bytes. */
const longestNamespace = 255;

/** Throws 73 (InvalidNamespace) for a name that no collection can have. */
function checkNamespace(db: string, name: string): void {
  const invalid =
    db === '' ||
    /[/\\. "$\0]/.test(db) ||
    name === '' ||
    name.includes('$') ||
    name.includes('\0') ||
    name.startsWith('.') ||
    name.endsWith('.') ||
    Buffer.byteLength(`${db}.${name}`) > longestNamespace;
  if (invalid) throw new CommandError(73, `Invalid namespace specified '${db}.${name}'`);
}

export function createCatalog(): Catalog {
  const databases = new Map<string, Map<string, Collection>>();
  const remove = (db: string, name: string) => {
    const collections = databases.get(db);
    collections?.delete(name);
    if (collections?.size === 0) databases.delete(db);
  };
  const put = (collection: Collection) => {
    const collections = databases.get(collection.db) ?? new Map<string, Collection>();
    databases.set(collection.db, collections.set(collection.name, collection));
  };
  return {
    find: (db, name) => databases.get(db)?.get(name),
    create(db, name, options) {
      checkNamespace(db, name);
      const collection = createCollection({ db, name, options });
      put(collection);
      return collection;
    },
    remove: (collection) => remove(collection.db, collection.name),
    move(collection, db, name) {
      checkNamespace(db, name);
      remove(collection.db, collection.name);
      collection.rename(db, name);
      put(collection);
    },
    collections: (db) => [...(databases.get(db)?.values() ?? [])],
    databases: () => [...databases.keys()].sort(),
    all: () => [...databases.values()].flatMap((collections) => [...collections.values()]),
  };
}
