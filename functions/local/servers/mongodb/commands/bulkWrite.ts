import { Int32, Long } from 'bson';
import { decode, encode } from '../bson/codec.ts';
import { type Document, isNumeric, toNumber } from '../bson/values.ts';
import { documentsSource } from '../cursors.ts';
import { badValue, type CommandError } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { readFields } from '../requests/fields.ts';
import { runBatch } from '../writes/batch.ts';
import { deleteDocuments } from '../writes/deleteDocuments.ts';
import { insertDecoded } from '../writes/insertDocument.ts';
import { collectionForWrite, type Namespace } from '../writes/targetCollection.ts';
import { updateDocuments } from '../writes/updateDocuments.ts';
import { openCursor } from './cursorReply.ts';
import { parseUpdate } from './writeCommands.ts';

type OperationResult =
  | { readonly kind: 'insert' }
  | {
      readonly kind: 'update';
      readonly matched: number;
      readonly modified: number;
      readonly upserted?: { readonly id: unknown } | undefined;
    }
  | { readonly kind: 'delete'; readonly deleted: number };

function namespaceOf(namespaces: readonly Document[], index: unknown): Namespace {
  const info = isNumeric(index) ? namespaces[toNumber(index)] : undefined;
  const namespace = info?.ns;
  if (typeof namespace !== 'string' || !namespace.includes('.'))
    throw badValue(`BulkWrite ops entry has an invalid nsInfo index: ${String(index)}`);
  const dot = namespace.indexOf('.');
  return { db: namespace.slice(0, dot), name: namespace.slice(dot + 1) };
}

function runOperation(operation: Operation, op: Document, namespaces: readonly Document[]): OperationResult {
  const fields = readFields('bulkWrite.ops', op);
  if (op.insert !== undefined) {
    const { _id, ...rest } = fields.requiredDocument('document');
    insertDecoded(operation, collectionForWrite(operation, namespaceOf(namespaces, op.insert)), { _id, ...rest });
    return { kind: 'insert' };
  }
  if (op.update !== undefined) {
    const names = { filter: 'filter', update: 'updateMods', variables: 'constants' };
    const statement = parseUpdate('bulkWrite.ops', op, names);
    const { matched, modified, upserted } = updateDocuments(operation, namespaceOf(namespaces, op.update), statement);
    return { kind: 'update', matched, modified, upserted };
  }
  if (op.delete !== undefined) {
    const statement = { filter: fields.requiredDocument('filter'), hint: op.hint, single: !fields.boolean('multi') };
    return { kind: 'delete', ...deleteDocuments(operation, namespaceOf(namespaces, op.delete), statement) };
  }
  throw badValue('BulkWrite ops entry needs insert, update or delete');
}

function resultDocument(index: number, result: OperationResult): Document {
  const n =
    result.kind === 'insert'
      ? 1
      : result.kind === 'delete'
        ? result.deleted
        : result.matched + (result.upserted ? 1 : 0);
  return {
    ok: 1,
    idx: new Int32(index),
    n: new Int32(n),
    ...(result.kind === 'update' ? { nModified: new Int32(result.modified) } : {}),
    ...(result.kind === 'update' && result.upserted ? { upserted: { _id: result.upserted.id } } : {}),
  };
}

const errorDocument = (index: number, error: CommandError): Document => ({
  ok: 0,
  idx: new Int32(index),
  n: new Int32(0),
  code: new Int32(error.code),
  errmsg: error.message,
  ...error.details,
});

export const bulkWriteCommands: CommandTable = {
  async bulkWrite(operation) {
    const { fields, sequences } = operation;
    const ops = sequences.get('ops')?.map(decode) ?? fields.documents('ops');
    const namespaces = sequences.get('nsInfo')?.map(decode) ?? fields.documents('nsInfo');
    const ordered = fields.body.ordered === undefined || fields.boolean('ordered');
    const outcome = await runBatch(operation, ops.length, ordered, (index) =>
      runOperation(operation, ops[index] ?? {}, namespaces),
    );
    const results = outcome.results.map(({ result }) => result);
    const count = (of: (result: OperationResult) => number) =>
      new Int32(results.reduce((sum, result) => sum + of(result), 0));
    const shown = [
      ...(fields.boolean('errorsOnly')
        ? []
        : outcome.results.map(({ index, result }) => ({ index, document: resultDocument(index, result) }))),
      ...outcome.errors.map(({ index, error }) => ({ index, document: errorDocument(index, error) })),
    ].sort((a, b) => a.index - b.index);
    const cursor = fields.document('cursor');
    const reply = await openCursor(
      operation,
      'admin.$cmd.bulkWrite',
      documentsSource(shown.map(({ document }) => encode(document))[Symbol.iterator]()),
      {
        batchSize: isNumeric(cursor?.batchSize) ? toNumber(cursor.batchSize) : undefined,
      },
    );
    return {
      ...reply,
      fields: {
        nErrors: new Int32(outcome.errors.length),
        nInserted: count((result) => (result.kind === 'insert' ? 1 : 0)),
        nMatched: count((result) => (result.kind === 'update' ? result.matched : 0)),
        nModified: count((result) => (result.kind === 'update' ? result.modified : 0)),
        nUpserted: count((result) => (result.kind === 'update' && result.upserted ? 1 : 0)),
        nDeleted: count((result) => (result.kind === 'delete' ? result.deleted : 0)),
        ...(outcome.retried.length > 0
          ? { retriedStmtIds: outcome.retried.map((index) => Long.fromNumber(index)) }
          : {}),
      },
    };
  },
};
