import { Int32, Long } from 'bson';
import { sameName } from '../auth/users.ts';
import { encode } from '../bson/codec.ts';
import { valuesAt } from '../bson/paths.ts';
import { documentsSource } from '../cursors.ts';
import { badValue, CommandError } from '../errors.ts';
import { distinctValues } from '../expression/sets.ts';
import { meetFailGetMore } from '../failPoints/failCommand.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { compileProjection } from '../query/projection.ts';
import { type Found, filterOf, readDocuments } from '../query/read.ts';
import { readableCollection } from '../replicaSet/oplogCollection.ts';
import { createCollection } from '../storage/collection.ts';
import type { CollectionView } from '../storage/view.ts';
import { cursorReply, openCursor, snapshotFields } from './cursorReply.ts';
import { refuseCollation } from './writeCommands.ts';

/** A collection as a read sees it; one that is not there like an empty one, so that what is asked is checked. */
export function viewForRead({ deployment, db, readTime, view }: Operation, name: string): CollectionView {
  if (readTime) deployment.history.requireSameCollection(`${db}.${name}`, readTime);
  return view(readableCollection(deployment, db, name) ?? createCollection({ db, name, options: {} }));
}

function found(operation: Operation, name: string, limit: number): Generator<Found> {
  const { fields } = operation;
  const query = {
    filter: filterOf(fields.body.filter ?? fields.body.query),
    sort: fields.document('sort'),
    skip: fields.count('skip'),
    hint: fields.body.hint,
    limit,
  };
  return readDocuments(viewForRead(operation, name), query, operation.evaluation);
}

function* projected(operation: Operation, documents: Iterable<Found>): Generator<Uint8Array> {
  const projection = operation.fields.document('projection');
  const project =
    projection && Object.keys(projection).length > 0 ? compileProjection(projection, operation.evaluation) : undefined;
  for (const { bytes, document } of documents) yield project ? encode(project(document)) : bytes;
}

/** Reads everything at once where the collection is seen as it was at one time. */
export const atOneTime = <T>(operation: Operation, items: Iterable<T>): Iterator<T> =>
  (operation.readTime ? [...items] : items)[Symbol.iterator]();

function cursorId(value: unknown): bigint {
  if (value instanceof Long) return value.toBigInt();
  throw new CommandError(14, "The field 'getMore' must be a 64-bit integer");
}

export const readCommands: CommandTable = {
  find(operation) {
    const { fields, db } = operation;
    const name = fields.string('find');
    refuseCollation(fields.body);
    if (fields.boolean('tailable'))
      throw badValue('error processing query: tailable cursor requested on non capped collection');
    const limit = fields.count('limit') ?? 0;
    const documents = projected(operation, found(operation, name, limit));
    return openCursor(operation, `${db}.${name}`, documentsSource(atOneTime(operation, documents)), {
      batchSize: fields.count('batchSize'),
      singleBatch: fields.boolean('singleBatch'),
    });
  },

  async getMore(operation) {
    const { fields, deployment, db, connection, session } = operation;
    const id = cursorId(fields.body.getMore);
    const cursor = deployment.cursors.get(id);
    const namespace = `${db}.${fields.string('collection')}`;
    if (cursor.namespace !== namespace) {
      throw new CommandError(13, `Requested getMore on '${namespace}', but cursor belongs to ${cursor.namespace}`);
    }
    if (!sameName(cursor.user, connection.user)) {
      throw new CommandError(13, `cursor id ${id} was not created by the authenticated user`);
    }
    if (cursor.sessionKey !== undefined && cursor.sessionKey !== session?.key) {
      throw new CommandError(13, `Cannot run getMore on cursor ${id}, which was created in another session`);
    }
    const size = fields.count('batchSize');
    try {
      meetFailGetMore(deployment, connection);
      const batch = await cursor.source.next({
        size: size === 0 ? undefined : size,
        maxTimeMs: fields.count('maxTimeMS'),
        signal: operation.signal,
      });
      if (batch.done) deployment.cursors.kill(id);
      return cursorReply('nextBatch', batch.done ? 0n : id, namespace, batch);
    } catch (error) {
      // A cursor that failed, or whose client disconnected, is of no use to anyone.
      deployment.cursors.kill(id);
      throw error;
    }
  },

  killCursors({ fields, deployment, connection }) {
    const ids = fields.requiredArray('cursors').map(cursorId);
    for (const id of ids) {
      const cursor = deployment.cursors.find(id);
      if (cursor && !sameName(cursor.user, connection.user)) {
        throw new CommandError(13, `not authorized to kill cursor on ${cursor.namespace}`);
      }
    }
    const killed = ids.filter((id) => deployment.cursors.kill(id));
    const notFound = ids.filter((id) => !killed.includes(id));
    const asLongs = (list: readonly bigint[]) => list.map((id) => Long.fromBigInt(id));
    return {
      fields: {
        cursorsKilled: asLongs(killed),
        cursorsNotFound: asLongs(notFound),
        cursorsAlive: [],
        cursorsUnknown: [],
      },
    };
  },

  count(operation) {
    const { fields } = operation;
    const name = fields.string('count');
    refuseCollation(fields.body);
    const filter = filterOf(fields.body.query);
    const skip = fields.count('skip') ?? 0;
    const limit = fields.count('limit') ?? 0;
    const { collection } = viewForRead(operation, name);
    if (Object.keys(filter).length === 0 && fields.body.hint === undefined && !operation.readTime) {
      const rest = Math.max(0, collection.size - skip);
      return { fields: { n: new Int32(limit === 0 ? rest : Math.min(rest, limit)) } };
    }
    let n = 0;
    for (const _ of found(operation, name, limit)) n += 1;
    return { fields: { n: new Int32(n) } };
  },

  distinct(operation) {
    const { fields } = operation;
    const path = fields.string('key').split('.');
    refuseCollation(fields.body);
    const values = function* () {
      for (const { document } of found(operation, fields.string('distinct'), 0)) yield* valuesAt(document, path);
    };
    return { fields: { values: distinctValues(values()), ...snapshotFields(operation) } };
  },
};
