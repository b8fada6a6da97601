import { Int32 } from 'bson';
import { orderKey } from '../bson/orderKey.ts';
import { setField } from '../bson/paths.ts';
import { type Document, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Evaluation } from '../expression/scope.ts';
import { sortBy } from '../query/sort.ts';
import { type Accumulator, compileAccumulator } from './accumulators.ts';
import type { Pipeline, StageTable } from './stage.ts';

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

function bucket(operand: Document, evaluation: Evaluation): Pipeline {
  const groupedBy = compileExpression(operand.groupBy);
  const boundaries = operand.boundaries;
  if (!Array.isArray(boundaries) || boundaries.length < 2)
    throw new CommandError(40192, 'The $bucket boundaries field must have at least 2 values');
  const keys = boundaries.map((boundary) => orderKey(boundary));
  const hasDefault = operand.default !== undefined;
  const fields = compileFields(
    isDocument(operand.output) ? operand.output : { count: { $sum: new Int32(1) } },
    evaluation,
  );
  return function* (documents) {
    const buckets: { id: unknown; members: Document[] }[] = boundaries.slice(0, -1).map((id) => ({ id, members: [] }));
    const rest: { id: unknown; members: Document[] } = { id: operand.default, members: [] };
    for (const document of documents) {
      const key = orderKey(groupedBy(evaluation.on(document)));
      const at = keys.findLastIndex((boundary) => boundary <= key);
      const found = buckets[at];
      if (!found && !hasDefault)
        throw new CommandError(
          40066,
          '$switch could not find a matching branch for an input, and no default was specified',
        );
      (found ?? rest).members.push(document);
    }
    for (const { id, members } of [...buckets, rest]) if (members.length > 0) yield groupDocument(id, members, fields);
  };
}

/** Splits the sorted values into parts of about the same size; equal values are never parted. */
function bucketAuto(operand: Document, evaluation: Evaluation): Pipeline {
  const groupedBy = compileExpression(operand.groupBy);
  const count = isNumeric(operand.buckets) ? toNumber(operand.buckets) : 0;
  if (!Number.isInteger(count) || count < 1)
    throw new CommandError(40243, 'The $bucketAuto buckets field must be greater than 0');
  if (operand.granularity !== undefined)
    throw new CommandError(
      238,
      '$bucketAuto with a granularity is not implemented by the embedded MongoDB server of the local stack',
    );
  const fields = compileFields(
    isDocument(operand.output) ? operand.output : { count: { $sum: new Int32(1) } },
    evaluation,
  );
  return function* (documents) {
    const valued = [...documents].map((document) => ({ document, value: groupedBy(evaluation.on(document)) ?? null }));
    const items = sortBy(valued, { v: new Int32(1) }, ({ value }) => ({ v: { value } }));
    let from = 0;
    for (let number = 0; number < count && from < items.length; number += 1) {
      let to =
        number === count - 1 ? items.length : Math.max(from + 1, Math.round(((number + 1) * items.length) / count));
      while (to < items.length && orderKey(items[to]?.value) === orderKey(items[to - 1]?.value)) to += 1;
      const members = items.slice(from, to).map(({ document }) => document);
      const max = items[to]?.value ?? items.at(-1)?.value;
      yield groupDocument({ min: items[from]?.value, max }, members, fields);
      from = to;
    }
  };
}

function requireSpec(stage: string, operand: unknown, code: number): Document {
  if (!isDocument(operand)) throw new CommandError(code, `The ${stage} stage specification must be an object`);
  return operand;
}

export const groupStages: StageTable = {
  $group: (operand, { evaluation }) => {
    const { _id, ...fields } = requireSpec('$group', operand, 15947);
    if (_id === undefined) throw new CommandError(15955, 'a group specification must include an _id');
    return group(_id, compileFields(fields, evaluation), evaluation);
  },
  $sortByCount: (operand, { evaluation }) => {
    const grouped = group(operand, compileFields({ count: { $sum: new Int32(1) } }, evaluation), evaluation);
    return (documents) => sortBy(grouped(documents), { count: new Int32(-1) }, (document) => document);
  },
  $bucket: (operand, { evaluation }) => bucket(requireSpec('$bucket', operand, 40201), evaluation),
  $bucketAuto: (operand, { evaluation }) => bucketAuto(requireSpec('$bucketAuto', operand, 40240), evaluation),
};
