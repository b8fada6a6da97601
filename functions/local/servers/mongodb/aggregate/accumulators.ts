import { Int32 } from 'bson';
import { setField } from '../bson/paths.ts';
import { type Document, fieldsOf, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Expression } from '../expression/expression.ts';
import type { Evaluation } from '../expression/scope.ts';
import { distinctValues } from '../expression/sets.ts';
import { average, deviation, extreme, present, sum } from '../expression/statistics.ts';
import { sortBy } from '../query/sort.ts';

/** Computes one field of a group from the documents in it. */
export type Accumulator = (documents: readonly Document[]) => unknown;

type AccumulatorCompiler = (operand: unknown, evaluation: Evaluation) => Accumulator;

/** An accumulator that works on the values of one expression. */
const overValues =
  (reduce: (values: readonly unknown[]) => unknown): AccumulatorCompiler =>
  (operand, evaluation) => {
    const value: Expression = compileExpression(Array.isArray(operand) && operand.length === 1 ? operand[0] : operand);
    return (documents) => reduce(documents.map((document) => value(evaluation.on(document))));
  };

function mergeObjects(values: readonly unknown[]): Document {
  const merged: Document = {};
  for (const value of present(values)) {
    for (const [name, content] of Object.entries(fieldsOf(value) ?? {})) setField(merged, name, content);
  }
  return merged;
}

/** `$top`, `$bottom` and the `…N` forms: documents are sorted first. */
const ranked =
  (end: 'top' | 'bottom', many: boolean): AccumulatorCompiler =>
  (operand, evaluation) => {
    if (!isDocument(operand) || !isDocument(operand.sortBy))
      throw new CommandError(5788002, 'an accumulator that sorts needs a sortBy');
    const { sortBy: spec, output, n } = operand;
    const value = compileExpression(output);
    const count = compileExpression(n ?? 1);
    return (documents) => {
      const values = sortBy(documents, spec, (document) => document).map(
        (document) => value(evaluation.on(document)) ?? null,
      );
      if (!many) return end === 'top' ? values.at(0) : values.at(-1);
      const wanted = count(evaluation.on({}));
      const size = isNumeric(wanted) ? toNumber(wanted) : 1;
      return end === 'top' ? values.slice(0, size) : values.slice(-size);
    };
  };

const several =
  (pick: (values: readonly unknown[], n: number) => unknown[]): AccumulatorCompiler =>
  (operand, evaluation) => {
    if (!isDocument(operand)) throw new CommandError(5787900, 'the accumulator needs { input, n }');
    const value = compileExpression(operand.input);
    const count = compileExpression(operand.n);
    return (documents) => {
      const n = count(evaluation.on({}));
      return pick(
        documents.map((document) => value(evaluation.on(document)) ?? null),
        isNumeric(n) ? toNumber(n) : 0,
      );
    };
  };

const ordered = (values: readonly unknown[]) => sortBy(present(values), { v: new Int32(1) }, (value) => ({ v: value }));

const accumulators: Readonly<Record<string, AccumulatorCompiler>> = {
  $sum: overValues(sum),
  $avg: overValues(average),
  $min: overValues((values) => extreme(values, 1)),
  $max: overValues((values) => extreme(values, -1)),
  $first: overValues((values) => values[0] ?? null),
  $last: overValues((values) => values.at(-1) ?? null),
  $push: overValues((values) => values.filter((value) => value !== undefined)),
  $addToSet: overValues((values) => distinctValues(values.filter((value) => value !== undefined))),
  $count: () => (documents) => new Int32(documents.length),
  $mergeObjects: overValues(mergeObjects),
  $stdDevPop: overValues((values) => deviation(values, false)),
  $stdDevSamp: overValues((values) => deviation(values, true)),
  $firstN: several((values, n) => values.slice(0, n)),
  $lastN: several((values, n) => values.slice(-n)),
  $minN: several((values, n) => ordered(values).slice(0, n)),
  $maxN: several((values, n) => ordered(values).reverse().slice(0, n)),
  $top: ranked('top', false),
  $bottom: ranked('bottom', false),
  $topN: ranked('top', true),
  $bottomN: ranked('bottom', true),
};

/** Compiles `{ $sum: '$amount' }`. Throws 15952 for an accumulator it does not know. */
export function compileAccumulator(field: string, spec: unknown, evaluation: Evaluation): Accumulator {
  if (!isDocument(spec)) throw new CommandError(40234, `The field '${field}' must be an accumulator object`);
  const entries = Object.entries(spec);
  const [name = '', operand] = entries[0] ?? [];
  if (entries.length !== 1) throw new CommandError(40238, `The field '${field}' must specify one accumulator`);
  const compiler = Object.hasOwn(accumulators, name) ? accumulators[name] : undefined;
  if (!compiler) throw new CommandError(15952, `unknown group operator '${name}'`);
  return compiler(operand, evaluation);
}
