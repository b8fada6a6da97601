import { orderKey } from '../bson/orderKey.ts';
import { setField } from '../bson/paths.ts';
import type { Document } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Evaluation } from '../expression/scope.ts';
import { type Accumulator, compileAccumulator } from './accumulators.ts';
import { operandDocument, type Pipeline, type StageTable } from './stage.ts';

type Fields = readonly { readonly name: string; readonly accumulate: Accumulator }[];

function compileFields(spec: Document, evaluation: Evaluation): Fields {
  return Object.entries(spec).map(([name, value]) => ({
    name,
    accumulate: compileAccumulator(name, value, evaluation),
  }));
}

function groupDocument(id: unknown, members: readonly Document[], fields: Fields): Document {
  const group: Document = id === undefined ? {} : { _id: id };
  for (const { name, accumulate } of fields) {
    const value = accumulate(members);
    if (value !== undefined) setField(group, name, value);
  }
  return group;
}

/** Groups by MongoDB's equality: 5, 5.0 and Long 5 are one group. */
function group(idSpec: unknown, fields: Fields, evaluation: Evaluation): Pipeline {
  const idOf = compileExpression(idSpec);
  return function* (documents) {
    const groups = new Map<string, { id: unknown; members: Document[] }>();
    for (const document of documents) {
      const id = idOf(evaluation.on(document)) ?? null;
      const key = orderKey(id);
      const found = groups.get(key);
      if (found) found.members.push(document);
      else groups.set(key, { id, members: [document] });
    }
    for (const { id, members } of groups.values()) yield groupDocument(id, members, fields);
  };
}

export const groupStages: StageTable = {
  $group: (operand, { evaluation }) => {
    const { _id, ...fields } = operandDocument('$group', operand, 15947);
    if (_id === undefined) throw new CommandError(15955, 'a group specification must include an _id');
    return group(_id, compileFields(fields, evaluation), evaluation);
  },
};
