import { Int32 } from 'bson';
import { encode } from '../bson/codec.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { documentsSource } from '../cursors.ts';
import { CommandError, namespaceNotFound } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { compileFilter } from '../query/matcher.ts';
import { readableCollection, readableCollections } from '../replicaSet/oplogCollection.ts';
import type { Fields } from '../requests/fields.ts';
import type { Collection } from '../storage/collection.ts';
import { createAndLog } from '../writes/targetCollection.ts';
import { sizes } from './aggregateStatistics.ts';
import { openCursor } from './cursorReply.ts';
import { refuseCollation } from './writeCommands.ts';

/** The options that a collection keeps. */
const optionsIn = ({ body: { changeStreamPreAndPostImages } }: Fields): Document =>
  changeStreamPreAndPostImages === undefined ? {} : { changeStreamPreAndPostImages };

function existing({ deployment, db }: Operation, name: string): Collection {
  const collection = deployment.catalog.find(db, name);
  if (!collection) throw namespaceNotFound(`ns not found: ${db}.${name}`);
  return collection;
}

function dropCollection({ deployment }: Operation, collection: Collection): void {
  deployment.catalog.remove(collection);
  deployment.writer.log(collection, { kind: 'drop' });
}

function describeCollection(collection: Collection): Document {
  return {
    name: collection.name,
    type: 'collection',
    options: collection.options,
    info: { readOnly: false, uuid: collection.uuid },
    idIndex: { v: new Int32(2), key: { _id: new Int32(1) }, name: '_id_' },
  };
}

function rename(operation: Operation): void {
  const { deployment, fields } = operation;
  const split = (namespace: string) => {
    const dot = namespace.indexOf('.');
    return { db: namespace.slice(0, dot), name: namespace.slice(dot + 1) };
  };
  const from = split(fields.string('renameCollection'));
  const to = split(fields.string('to'));
  const source = deployment.catalog.find(from.db, from.name);
  if (!source) throw namespaceNotFound(`Source collection ${from.db}.${from.name} does not exist`);
  const target = deployment.catalog.find(to.db, to.name);
  if (target === source) throw new CommandError(20, "Can't rename a collection to itself");
  if (target && !fields.boolean('dropTarget')) throw new CommandError(48, 'target namespace exists');
  const before = { db: source.db, name: source.name, uuid: source.uuid };
  if (target) deployment.catalog.remove(target);
  deployment.catalog.move(source, to.db, to.name);
  deployment.writer.log(before, { kind: 'rename', to, dropTarget: target?.uuid });
}

export const collectionCommands: CommandTable = {
  create(operation) {
    const { fields, deployment, db } = operation;
    const name = fields.string('create');
    refuseCollation(fields.body);
    if (deployment.catalog.find(db, name)) throw new CommandError(48, `Collection ${db}.${name} already exists.`);
    createAndLog(operation, db, name, optionsIn(fields));
    return { fields: {} };
  },

  collMod(operation) {
    const { fields, deployment } = operation;
    const collection = existing(operation, fields.string('collMod'));
    const options = optionsIn(fields);
    const before = collection.options;
    collection.setOptions({ ...before, ...options });
    deployment.writer.log(collection, { kind: 'modify', options, before });
    return { fields: {} };
  },

  drop(operation) {
    const { fields, deployment, db } = operation;
    const name = fields.string('drop');
    const collection = deployment.catalog.find(db, name);
    // Since MongoDB 7.0 it is no error to drop what is not there.
    if (!collection) return { fields: {} };
    dropCollection(operation, collection);
    return { fields: { nIndexesWas: new Int32(collection.indexes.size + 1), ns: `${db}.${name}` } };
  },

  dropDatabase(operation) {
    const { deployment, db } = operation;
    const collections = deployment.catalog.collections(db);
    for (const collection of collections) dropCollection(operation, collection);
    if (collections.length > 0) deployment.writer.log({ db, name: '' }, { kind: 'dropDatabase' });
    return { fields: collections.length > 0 ? { dropped: db } : {} };
  },

  renameCollection(operation) {
    rename(operation);
    return { fields: {} };
  },

  listCollections(operation) {
    const { fields, deployment, db, evaluation } = operation;
    const matches = compileFilter(fields.document('filter') ?? {}, evaluation);
    const nameOnly = fields.boolean('nameOnly');
    const listed = readableCollections(deployment, db)
      .map(describeCollection)
      .filter((collection) => matches(collection))
      .map((collection) => encode(nameOnly ? { name: collection.name, type: collection.type } : collection));
    return openCursor(operation, `${db}.$cmd.listCollections`, documentsSource(listed[Symbol.iterator]()), {
      batchSize: batchSizeOf(operation),
    });
  },

  listDatabases({ fields, deployment, evaluation }) {
    const matches = compileFilter(fields.document('filter') ?? {}, evaluation);
    const nameOnly = fields.boolean('nameOnly');
    let totalSize = 0;
    const databases = deployment.catalog.databases().flatMap((name) => {
      const size = deployment.catalog
        .collections(name)
        .reduce((sum, collection) => sum + Number(sizes(collection).size), 0);
      totalSize += size;
      const shown: Document = nameOnly ? { name } : { name, sizeOnDisk: size, empty: false };
      return matches(shown) ? [shown] : [];
    });
    return { fields: { databases, ...(nameOnly ? {} : { totalSize, totalSizeMb: Math.floor(totalSize / 2 ** 20) }) } };
  },

  collStats(operation) {
    const { fields, deployment, db } = operation;
    const name = fields.string('collStats');
    const collection = readableCollection(deployment, db, name);
    return {
      fields: {
        ns: `${db}.${name}`,
        ...(collection ? sizes(collection) : { size: new Int32(0), count: new Int32(0), nindexes: new Int32(0) }),
      },
    };
  },

  dbStats({ deployment, db }) {
    const collections = deployment.catalog.collections(db);
    const objects = collections.reduce((sum, collection) => sum + collection.size, 0);
    const dataSize = collections.reduce((sum, collection) => sum + Number(sizes(collection).size), 0);
    return {
      fields: {
        db,
        collections: new Int32(collections.length),
        views: new Int32(0),
        objects: new Int32(objects),
        dataSize,
        storageSize: dataSize,
        indexes: new Int32(collections.reduce((sum, { indexes }) => sum + indexes.size + 1, 0)),
      },
    };
  },
};

/** The size of the first batch of a command that lists things. */
export function batchSizeOf({ fields }: Operation): number | undefined {
  const cursor = fields.body.cursor;
  const size = isDocument(cursor) ? cursor.batchSize : undefined;
  return size === undefined ? undefined : Number(size);
}
