import { Int32, Long } from 'bson';
import { stageParts } from '../aggregate/pipeline.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { readableCollection } from '../replicaSet/oplogCollection.ts';
import { currentOperations } from '../running/currentOp.ts';
import type { Collection } from '../storage/collection.ts';

/** The documents of a pipeline that begins with a stage about the server itself; `undefined` if it does not. */
export function statisticsSource(
  operation: Operation,
  name: string | undefined,
  stages: readonly unknown[],
): Document[] | undefined {
  const { deployment, db } = operation;
  const first = stages[0];
  if (first === undefined) return undefined;
  const [stage, operand] = stageParts(first);
  const collection = name === undefined ? undefined : readableCollection(deployment, db, name);
  switch (stage) {
    case '$collStats':
      if (!collection) throw new CommandError(26, `Collection [${db}.${name ?? ''}] not found.`);
      return [
        {
          ns: collection.namespace,
          localTime: new Date(deployment.clock.now()),
          storageStats: sizes(collection),
          count: new Int32(collection.size),
        },
      ];
    case '$indexStats':
      return collection
        ? indexNames(collection).map((index) => ({
            name: index,
            accesses: { ops: Long.fromNumber(0), since: new Date(deployment.clock.now()) },
          }))
        : [];
    case '$currentOp':
      return currentOperations(operation, isDocument(operand) ? operand : {});
    case '$listLocalSessions':
    case '$listSessions':
      return deployment.sessions.all().map(({ lsid, lastUsed }) => ({ _id: lsid, lastUse: new Date(lastUsed) }));
    default:
      return undefined;
  }
}

const indexNames = (collection: Collection) => ['_id_', ...collection.indexes.keys()];

/** The sizes of a collection, in bytes, as `collStats` shows them. */
export function sizes(collection: Collection): Document {
  let bytes = 0;
  for (const idKey of collection.ids()) bytes += collection.get(idKey)?.length ?? 0;
  return {
    size: Long.fromNumber(bytes),
    count: new Int32(collection.size),
    avgObjSize: new Int32(collection.size === 0 ? 0 : Math.round(bytes / collection.size)),
    storageSize: Long.fromNumber(bytes),
    totalIndexSize: Long.fromNumber(0),
    totalSize: Long.fromNumber(bytes),
    nindexes: new Int32(indexNames(collection).length),
    indexSizes: Object.fromEntries(indexNames(collection).map((name) => [name, Long.fromNumber(0)])),
    ...(collection.options.capped === true ? { capped: true, maxSize: Long.fromNumber(bytes) } : { capped: false }),
    ok: new Int32(1),
  };
}
