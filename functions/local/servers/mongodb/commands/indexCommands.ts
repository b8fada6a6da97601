import { Int32 } from 'bson';
import { decode, encode } from '../bson/codec.ts';
import { equalValues } from '../bson/orderKey.ts';
import { shellText } from '../bson/shellText.ts';
import { type Document, isDocument, isNumeric, isTruthy, toNumber } from '../bson/values.ts';
import { documentsSource } from '../cursors.ts';
import { CommandError, namespaceNotFound, notImplemented } from '../errors.ts';
import type { Evaluation } from '../expression/scope.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { compileFilter } from '../query/matcher.ts';
import type { Collection } from '../storage/collection.ts';
import type { IndexSpec } from '../storage/collectionIndex.ts';
import { duplicateKey } from '../storage/writer.ts';
import { collectionForWrite } from '../writes/targetCollection.ts';
import { batchSizeOf } from './collectionCommands.ts';
import { openCursor } from './cursorReply.ts';
import { refuseCollation } from './writeCommands.ts';

const idIndex = (): Document => ({ v: new Int32(2), key: { _id: new Int32(1) }, name: '_id_' });

const defaultName = (key: Document) =>
  Object.entries(key)
    .map(([path, direction]) => `${path}_${isNumeric(direction) ? toNumber(direction) : String(direction)}`)
    .join('_');

const plainOptions: ReadonlySet<string> = new Set([
  ...['v', 'key', 'name', 'ns', 'unique', 'sparse', 'partialFilterExpression', 'background', 'collation'],
]);

/** Options of a real server that this one does not have. */
const unsupportedOptions: ReadonlySet<string> = new Set([
  ...['expireAfterSeconds', 'hidden', 'wildcardProjection', 'weights', 'default_language', 'language_override'],
  ...['textIndexVersion', '2dsphereIndexVersion', 'bits', 'min', 'max', 'prepareUnique', 'clustered', 'storageEngine'],
]);

function parseSpec(spec: Document, evaluation: Evaluation): IndexSpec {
  const { key } = spec;
  refuseCollation(spec);
  for (const [option, value] of Object.entries(spec)) {
    if (plainOptions.has(option) || value === false) continue;
    if (unsupportedOptions.has(option)) throw notImplemented(`an index with '${option}'`);
    throw new CommandError(
      197,
      `The field '${option}' is not valid for an index specification. Specification: ${shellText(spec)}`,
    );
  }
  if (!isDocument(key) || Object.keys(key).length === 0)
    throw new CommandError(67, 'Index keys cannot be an empty object');
  const fields = Object.entries(key).map(([path, direction]) => {
    if (path.includes('$**')) throw notImplemented('a wildcard index');
    if (!isNumeric(direction)) throw notImplemented(`an index of type '${String(direction)}'`);
    if (toNumber(direction) === 0) throw new CommandError(67, 'Values in the index key pattern cannot be 0.');
    return { path, descending: toNumber(direction) < 0 };
  });
  const name = typeof spec.name === 'string' ? spec.name : defaultName(key);
  const partial = isDocument(spec.partialFilterExpression)
    ? compileFilter(spec.partialFilterExpression, evaluation)
    : undefined;
  return {
    name,
    key,
    fields,
    unique: isTruthy(spec.unique),
    sparse: isTruthy(spec.sparse),
    ...(partial ? { partial: (document: Document) => partial(document) } : {}),
    shown: { v: new Int32(2), ...spec, key, name },
  };
}

/** An index that is there already, or an error where it would clash with another. */
function sameIndex(collection: Collection, spec: IndexSpec): boolean {
  if (equalValues(spec.key, { _id: new Int32(1) })) return true;
  for (const { spec: other } of collection.indexes.values()) {
    const sameKey = equalValues(other.key, spec.key);
    if (other.name === spec.name && !sameKey) {
      throw new CommandError(86, `An existing index has the same name as the requested index: ${spec.name}`);
    }
    if (!sameKey) continue;
    if (other.unique !== spec.unique || other.sparse !== spec.sparse) {
      throw new CommandError(
        other.name === spec.name ? 86 : 85,
        `An equivalent index already exists with different options: ${other.name}`,
      );
    }
    if (other.name !== spec.name)
      throw new CommandError(85, `Index already exists with a different name: ${other.name}`);
    return true;
  }
  return false;
}

/** Builds all indexes or none. */
function buildAll(collection: Collection, specs: readonly IndexSpec[]): void {
  try {
    for (const spec of specs) build(collection, spec);
  } catch (error) {
    for (const { name } of specs) collection.dropIndex(name);
    throw error;
  }
}

function build(collection: Collection, spec: IndexSpec): void {
  const index = collection.addIndex(spec);
  if (!spec.unique) return;
  const holders = new Map<string, string>();
  for (const idKey of collection.ids()) {
    const document = decode(collection.get(idKey) ?? encode({}));
    for (const key of index.keysOf(document)) {
      const other = holders.get(key);
      if (other !== undefined && other !== idKey) throw duplicateKey(collection, index, document);
      holders.set(key, idKey);
    }
  }
}

function indexesToDrop(collection: Collection, wanted: unknown): string[] {
  const names = [...collection.indexes.keys()];
  if (wanted === '*') return names;
  if (Array.isArray(wanted)) return wanted.flatMap((one) => indexesToDrop(collection, one));
  if (wanted === '_id_') throw new CommandError(72, 'cannot drop _id index');
  const found = names.find((name) =>
    typeof wanted === 'string' ? name === wanted : equalValues(collection.indexes.get(name)?.spec.key, wanted),
  );
  if (found === undefined) throw new CommandError(27, `index not found with name [${JSON.stringify(wanted)}]`);
  return [found];
}

function existing({ deployment, db }: Operation, name: string): Collection {
  const collection = deployment.catalog.find(db, name);
  if (!collection) throw namespaceNotFound(`ns does not exist: ${db}.${name}`);
  return collection;
}

export const indexCommands: CommandTable = {
  createIndexes(operation) {
    const { fields, deployment, db, evaluation } = operation;
    const name = fields.string('createIndexes');
    const isNew = deployment.catalog.find(db, name) === undefined;
    const specs = fields.documents('indexes').map((spec) => parseSpec(spec, evaluation));
    const collection = collectionForWrite(operation, { db, name });
    const before = collection.indexes.size + 1;
    const created = specs.filter((spec) => !sameIndex(collection, spec));
    buildAll(collection, created);
    const shown = created.map((spec) => spec.shown);
    // Indexes of an empty collection are made one by one, those of others in one build.
    const builds = collection.size === 0 ? shown.map((index) => [index]) : shown.length === 0 ? [] : [shown];
    for (const indexes of builds) deployment.writer.log(collection, { kind: 'createIndexes', indexes });
    return {
      fields: {
        numIndexesBefore: new Int32(before),
        numIndexesAfter: new Int32(collection.indexes.size + 1),
        createdCollectionAutomatically: isNew,
        ...(created.length === 0 ? { note: 'all indexes already exist' } : {}),
      },
    };
  },

  listIndexes(operation) {
    const { fields } = operation;
    const collection = existing(operation, fields.string('listIndexes'));
    const listed = [idIndex(), ...[...collection.indexes.values()].map(({ spec }) => spec.shown)].map(encode);
    return openCursor(operation, collection.namespace, documentsSource(listed[Symbol.iterator]()), {
      batchSize: batchSizeOf(operation),
    });
  },

  dropIndexes(operation) {
    const { fields, deployment } = operation;
    const collection = existing(operation, fields.string('dropIndexes'));
    const before = collection.indexes.size + 1;
    const names = indexesToDrop(collection, fields.body.index);
    const shown = names.flatMap((name): Document[] => {
      const index = collection.indexes.get(name);
      return index ? [index.spec.shown] : [];
    });
    for (const name of names) collection.dropIndex(name);
    for (const index of shown) deployment.writer.log(collection, { kind: 'dropIndexes', indexes: [index] });
    return { fields: { nIndexesWas: new Int32(before) } };
  },
};
