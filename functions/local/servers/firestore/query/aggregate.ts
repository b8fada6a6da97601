import type { AggregationMessage } from '../messages.ts';
import { invalidArgument } from '../status.ts';
import { fieldOf, type StoredDocument } from '../values/document.ts';
import { type FieldPath, parseFieldPath } from '../values/fieldPath.ts';
import { nullValue, type Value } from '../values/value.ts';

/** How many aggregations one query may have (published limit). */
const maxAggregations = 5;

/** One number wanted of a query's results. */
export type Aggregation =
  | { readonly type: 'count'; readonly alias: string; readonly upTo: number | undefined }
  | { readonly type: 'sum' | 'avg'; readonly alias: string; readonly field: FieldPath };

/** Reads the aggregations of a query. @throws FirestoreError INVALID_ARGUMENT */
export function parseAggregations(messages: readonly AggregationMessage[]): Aggregation[] {
  if (messages.length === 0 || messages.length > maxAggregations) {
    throw invalidArgument(`A query needs between 1 and ${maxAggregations} aggregations.`);
  }
  const aggregations = messages.map((message, i) => parseAggregation(message, message.alias || `field_${i + 1}`));
  if (new Set(aggregations.map(({ alias }) => alias)).size < aggregations.length) {
    throw invalidArgument('Aliases of aggregations must be unique.');
  }
  return aggregations;
}

function parseAggregation(message: AggregationMessage, alias: string): Aggregation {
  if (message.sum) return { type: 'sum', alias, field: parseFieldPath(message.sum.field?.fieldPath ?? '') };
  if (message.avg) return { type: 'avg', alias, field: parseFieldPath(message.avg.field?.fieldPath ?? '') };
  if (!message.count) throw invalidArgument('An aggregation needs an operator: count, sum or avg.');
  const upTo = message.count.upTo ? Number(message.count.upTo.value ?? 0) : undefined;
  if (upTo !== undefined && upTo <= 0) throw invalidArgument('up_to must be greater than zero.');
  return { type: 'count', alias, upTo };
}

/** After how many results no aggregation can change any more. */
export function mostNeeded(aggregations: readonly Aggregation[]): number {
  return Math.max(
    ...aggregations.map((each) =>
      each.type === 'count' ? (each.upTo ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    ),
  );
}

/** The results that are aggregated at all: with a sum or an average among the aggregations only those that have its
 *  field, because all are served from one index. */
export function aggregated(
  aggregations: readonly Aggregation[],
  documents: readonly StoredDocument[],
): readonly StoredDocument[] {
  const fields = aggregations.flatMap((each) => (each.type === 'count' ? [] : [each.field]));
  if (fields.length === 0) return documents;
  return documents.filter((document) => fields.every((field) => fieldOf(document, field) !== undefined));
}

/** Computes one aggregation. */
export function aggregate(aggregation: Aggregation, documents: readonly StoredDocument[]): Value {
  if (aggregation.type === 'count') {
    return { type: 'integer', value: BigInt(Math.min(documents.length, aggregation.upTo ?? Number.POSITIVE_INFINITY)) };
  }
  const numbers = documents
    .map((document) => fieldOf(document, aggregation.field))
    .filter((value) => value?.type === 'integer' || value?.type === 'double');
  if (aggregation.type === 'sum') return sum(numbers);
  if (numbers.length === 0) return nullValue;
  const total = sum(numbers);
  return { type: 'double', value: Number(total.value) / numbers.length };
}

type Numeric = Extract<Value, { type: 'integer' | 'double' }>;

/** The sum of integers is one while it fits 64 bits; otherwise, and with doubles among them, it is a double. */
function sum(numbers: readonly Numeric[]): Numeric {
  let integers = 0n;
  let doubles = 0;
  let exact = true;
  for (const number of numbers) {
    if (number.type === 'integer') integers += number.value;
    else {
      doubles += number.value;
      exact = false;
    }
  }
  if (exact && BigInt.asIntN(64, integers) === integers) return { type: 'integer', value: integers };
  return { type: 'double', value: Number(integers) + doubles };
}
