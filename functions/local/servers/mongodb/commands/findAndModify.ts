import { Int32 } from 'bson';
import type { Document } from '../bson/values.ts';
import { failedToParse } from '../errors.ts';
import type { CommandHandler, CommandTable, Operation } from '../operation.ts';
import { compileProjection } from '../query/projection.ts';
import { filterOf } from '../query/read.ts';
import { deleteDocuments } from '../writes/deleteDocuments.ts';
import { updateDocuments } from '../writes/updateDocuments.ts';
import { refuseCollation } from './writeCommands.ts';

interface Modified {
  readonly value: Document | undefined;
  readonly count: number;
  readonly updatedExisting?: boolean;
  readonly upserted?: { readonly id: unknown } | undefined;
}

function remove(operation: Operation, name: string): Modified {
  const { fields, db } = operation;
  if (fields.body.update !== undefined) throw failedToParse("Cannot specify both an 'update' and 'remove'=true");
  if (fields.boolean('new')) throw failedToParse("Cannot specify both 'new'=true and 'remove'=true");
  const { deleted, before } = deleteDocuments(
    operation,
    { db, name },
    {
      filter: filterOf(fields.body.query),
      sort: fields.document('sort'),
      hint: fields.body.hint,
      single: true,
    },
  );
  return { value: before, count: deleted };
}

function update(operation: Operation, name: string): Modified {
  const { fields, db } = operation;
  const upsert = fields.boolean('upsert');
  const result = updateDocuments(
    operation,
    { db, name },
    {
      filter: filterOf(fields.body.query),
      update: fields.body.update,
      sort: fields.document('sort'),
      hint: fields.body.hint,
      multi: false,
      upsert,
      arrayFilters: fields.array('arrayFilters') ?? [],
    },
  );
  return {
    value: fields.boolean('new') ? result.after : result.before,
    count: result.matched + (result.upserted ? 1 : 0),
    updatedExisting: result.matched > 0,
    upserted: result.upserted,
  };
}

const findAndModify: CommandHandler = async (operation) => {
  const { fields, evaluation } = operation;
  const name = fields.string(fields.command);
  refuseCollation(fields.body);
  if (!fields.boolean('remove') && fields.body.update === undefined) {
    throw failedToParse('Either an update or remove=true must be specified');
  }
  const { result } = await operation.once(0, () =>
    fields.boolean('remove') ? remove(operation, name) : update(operation, name),
  );
  const projection = fields.document('fields');
  const value =
    result.value && projection && Object.keys(projection).length > 0
      ? compileProjection(projection, evaluation)(result.value)
      : result.value;
  return {
    fields: {
      lastErrorObject: {
        n: new Int32(result.count),
        ...(result.updatedExisting === undefined ? {} : { updatedExisting: result.updatedExisting }),
        ...(result.upserted ? { upserted: result.upserted.id } : {}),
      },
      value: value ?? null,
    },
  };
};

export const findAndModifyCommands: CommandTable = { findAndModify, findandmodify: findAndModify };
