import { Int32 } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError, notImplemented } from '../errors.ts';
import { compileExpression } from '../expression/compile.ts';
import type { Expression } from '../expression/expression.ts';
import { mergeObjects } from '../expression/objects.ts';
import type { Evaluation } from '../expression/scope.ts';
import { distinctValues } from '../expression/sets.ts';
import { average, extreme, sum } from '../expression/statistics.ts';

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
};

const unsupported: ReadonlySet<string> = new Set(
  '$accumulator $bottom $bottomN $firstN $lastN $maxN $median $minN $percentile $stdDevPop $stdDevSamp $top $topN'.split(
    ' ',
  ),
);

/** Compiles `{ $sum: '$amount' }`. Throws 15952 for an accumulator it does not know. */
export function compileAccumulator(field: string, spec: unknown, evaluation: Evaluation): Accumulator {
  if (!isDocument(spec)) throw new CommandError(40234, `The field '${field}' must be an accumulator object`);
  const entries = Object.entries(spec);
  const [name = '', operand] = entries[0] ?? [];
  if (entries.length !== 1) throw new CommandError(40238, `The field '${field}' must specify one accumulator`);
  const compiler = Object.hasOwn(accumulators, name) ? accumulators[name] : undefined;
  if (!compiler && unsupported.has(name)) throw notImplemented(`the accumulator ${name}`);
  if (!compiler) throw new CommandError(15952, `unknown group operator '${name}'`);
  return compiler(operand, evaluation);
}
