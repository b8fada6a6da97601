import { UUID } from 'bson';
import { decode } from '../bson/codec.ts';
import type { Document } from '../bson/values.ts';
import { type CollectionIndex, createCollectionIndex, type IndexSpec } from './collectionIndex.ts';
import { createOrderedKeys, type KeyRange } from './orderedKeys.ts';

/** A collection in memory, as BSON: what was stored is sent without being encoded again. */
export interface Collection {
  readonly uuid: UUID;
  readonly db: string;
  readonly name: string;
  readonly namespace: string;
  /** The options it was created with, as `listCollections` shows them. */
  readonly options: Document;
  /** Whether its changes are logged with the document before and after (`changeStreamPreAndPostImages`). */
  readonly keepsImages: boolean;
  /** Indexes besides the one on `_id`, by name. */
  readonly indexes: ReadonlyMap<string, CollectionIndex>;
  readonly size: number;
  get(idKey: string): Uint8Array | undefined;
  /** The ids in the order in which the documents were inserted. */
  ids(): Iterable<string>;
  /** The ids in their own order. */
  scanIds(range: KeyRange, reverse: boolean): Iterable<{ key: string; idKey: string }>;
  /** Stores a document in place of what was there, and keeps the indexes right. No checks. */
  put(idKey: string, bytes: Uint8Array): void;
  remove(idKey: string): void;
  addIndex(spec: IndexSpec): CollectionIndex;
  dropIndex(name: string): void;
  setOptions(options: Document): void;
  rename(db: string, name: string): void;
}

export function createCollection(start: { db: string; name: string; options: Document }): Collection {
  let { db, name, options } = start;
  const uuid = new UUID();
  const documents = new Map<string, Uint8Array>();
  const order = createOrderedKeys();
  const indexes = new Map<string, CollectionIndex>();

  const unindex = (idKey: string, bytes: Uint8Array) => {
    if (indexes.size === 0) return;
    const document = decode(bytes);
    for (const index of indexes.values()) index.remove(document, idKey);
  };
  return {
    uuid,
    get db() {
      return db;
    },
    get name() {
      return name;
    },
    get namespace() {
      return `${db}.${name}`;
    },
    get options() {
      return options;
    },
    get keepsImages() {
      const images = options.changeStreamPreAndPostImages;
      return typeof images === 'object' && images !== null && 'enabled' in images && images.enabled === true;
    },
    indexes,
    get size() {
      return documents.size;
    },
    get: (idKey) => documents.get(idKey),
    ids: () => documents.keys(),
    scanIds: (range, reverse) => order.scan(range, reverse),
    put(idKey, bytes) {
      const before = documents.get(idKey);
      if (before) unindex(idKey, before);
      else order.add(idKey, idKey);
      documents.set(idKey, bytes);
      if (indexes.size === 0) return;
      const document = decode(bytes);
      for (const index of indexes.values()) index.add(document, idKey);
    },
    remove(idKey) {
      const before = documents.get(idKey);
      if (!before) return;
      unindex(idKey, before);
      documents.delete(idKey);
      order.remove(idKey);
    },
    addIndex(spec) {
      const index = createCollectionIndex(spec);
      for (const [idKey, bytes] of documents) index.add(decode(bytes), idKey);
      indexes.set(spec.name, index);
      return index;
    },
    dropIndex: (indexName) => {
      indexes.delete(indexName);
    },
    setOptions(next) {
      options = next;
    },
    rename(nextDb, nextName) {
      db = nextDb;
      name = nextName;
    },
  };
}
