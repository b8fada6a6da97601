import { Int32 } from 'bson';
import { decode } from '../bson/codec.ts';
import { type Document, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { filterOf } from '../query/read.ts';
import { readFields } from '../requests/fields.ts';
import { checkFields } from '../requests/knownFields.ts';
import { batchFields, runBatch } from '../writes/batch.ts';
import { deleteDocuments } from '../writes/deleteDocuments.ts';
import { insertDocument } from '../writes/insertDocument.ts';
import { collectionForWrite } from '../writes/targetCollection.ts';
import { type UpdateStatement, updateDocuments } from '../writes/updateDocuments.ts';

const isOrdered = ({ fields }: Operation) => fields.body.ordered === undefined || fields.boolean('ordered');

const total = (counts: readonly number[]) => new Int32(counts.reduce((sum, count) => sum + count, 0));

/** The statements of an update or delete, which come in the body or beside it. */
function statementsOf({ fields, sequences }: Operation, field: string): readonly Document[] {
  return sequences.get(field)?.map(decode) ?? fields.documents(field);
}

function parseUpdate(statement: Document): UpdateStatement {
  checkFields('update.updates', statement);
  const fields = readFields('update.updates', statement);
  refuseCollation(statement);
  return {
    filter: filterOf(statement.q),
    update: statement.u,
    multi: fields.boolean('multi'),
    upsert: fields.boolean('upsert'),
    arrayFilters: fields.array('arrayFilters') ?? [],
    sort: fields.document('sort'),
    hint: statement.hint,
    variables: fields.document('c'),
  };
}

/** Only the simple (binary) collation is known; another one would give wrong answers silently. */
export function refuseCollation(statement: Document): void {
  const collation = statement.collation;
  const locale =
    typeof collation === 'object' && collation !== null && 'locale' in collation ? collation.locale : undefined;
  if (locale !== undefined && locale !== 'simple') {
    throw notImplemented(`collation '${String(locale)}'`);
  }
}

const isSingle = (limit: unknown) => isNumeric(limit) && toNumber(limit) === 1;

export const writeCommands: CommandTable = {
  bulkWrite() {
    throw notImplemented('bulkWrite (client.bulkWrite of a driver)');
  },

  async insert(operation) {
    const { fields, sequences, db } = operation;
    const documents = sequences.get('documents') ?? [];
    if (documents.length === 0)
      throw new CommandError(16, 'Write batch sizes must be between 1 and 100000. Got 0 operations.');
    const collection = collectionForWrite(operation, { db, name: fields.string('insert') });
    const outcome = await runBatch(operation, documents.length, isOrdered(operation), (index) =>
      insertDocument(operation, collection, documents[index] ?? new Uint8Array()),
    );
    return { fields: { n: new Int32(outcome.results.length), ...batchFields(outcome) } };
  },

  async update(operation) {
    const { fields, db } = operation;
    const name = fields.string('update');
    const statements = statementsOf(operation, 'updates').map(parseUpdate);
    const outcome = await runBatch(operation, statements.length, isOrdered(operation), (index) => {
      const statement = statements[index];
      if (!statement) throw new RangeError('no such statement');
      return updateDocuments(operation, { db, name }, statement);
    });
    const upserted = outcome.results.flatMap(({ index, result }) =>
      result.upserted ? [{ index: new Int32(index), _id: result.upserted.id }] : [],
    );
    return {
      fields: {
        n: total(outcome.results.map(({ result }) => result.matched + (result.upserted ? 1 : 0))),
        ...(upserted.length > 0 ? { upserted } : {}),
        nModified: total(outcome.results.map(({ result }) => result.modified)),
        ...batchFields(outcome),
      },
    };
  },

  async delete(operation) {
    const { fields, db } = operation;
    const name = fields.string('delete');
    const statements = statementsOf(operation, 'deletes').map((statement) => {
      checkFields('delete.deletes', statement);
      refuseCollation(statement);
      const { hint, limit } = statement;
      const filter = readFields('delete.deletes', statement).requiredDocument('q');
      return { filter, hint, single: isSingle(limit) };
    });
    const outcome = await runBatch(operation, statements.length, isOrdered(operation), (index) => {
      const statement = statements[index];
      if (!statement) throw new RangeError('no such statement');
      return deleteDocuments(operation, { db, name }, statement).deleted;
    });
    return { fields: { n: total(outcome.results.map(({ result }) => result)), ...batchFields(outcome) } };
  },
};
