import type { FieldTransformMessage } from '../messages.ts';
import { invalidArgument } from '../status.ts';
import { type FieldPath, parseFieldPath, valueAt, withValueAt } from '../values/fieldPath.ts';
import { compareValues, valueKey } from '../values/sortKey.ts';
import { type Fields, nullValue, type Value } from '../values/value.ts';
import { decodeValue } from '../values/valueCodec.ts';

/** A change of one field that depends on what it holds. */
export interface FieldTransform {
  readonly field: FieldPath;
  /** @param current  the field's value, undefined if there is none
   *  @param now  the time of the request */
  apply(current: Value | undefined, now: Value): { readonly value: Value; readonly result: Value };
}

const maxInt64 = (1n << 63n) - 1n;
const minInt64 = -(1n << 63n);

/** Reads a transform. @throws FirestoreError INVALID_ARGUMENT */
export function parseTransform(message: FieldTransformMessage): FieldTransform {
  const field = parseFieldPath(message.fieldPath ?? '');
  return { field, apply: transformOf(message) };
}

function transformOf(message: FieldTransformMessage): FieldTransform['apply'] {
  if (message.setToServerValue === 'REQUEST_TIME') return (_, now) => same(now);
  if (message.increment) return numeric('increment', message.increment, add);
  if (message.maximum) return numeric('maximum', message.maximum, (a, b) => (compareValues(a, b) >= 0 ? a : b));
  if (message.minimum) return numeric('minimum', message.minimum, (a, b) => (compareValues(a, b) <= 0 ? a : b));
  if (message.appendMissingElements) {
    return onArray(message.appendMissingElements.values, (current, given) => distinct(current, given));
  }
  if (message.removeAllFromArray) {
    return onArray(message.removeAllFromArray.values, (current, given) => {
      const removed = new Set(given.map(valueKey));
      return current.filter((element) => !removed.has(valueKey(element)));
    });
  }
  throw invalidArgument('A field transform needs a transform type.');
}

const same = (value: Value) => ({ value, result: value });

type Numeric = Extract<Value, { type: 'integer' | 'double' }>;
const isNumeric = (value: Value | undefined): value is Numeric => value?.type === 'integer' || value?.type === 'double';

function numeric(
  name: string,
  bytes: Buffer,
  combine: (current: Numeric, operand: Numeric) => Value,
): FieldTransform['apply'] {
  const operand = decodeValue(bytes);
  if (!isNumeric(operand)) throw invalidArgument(`The operand of ${name} must be an integer or a double.`);
  // What is not a number gives way to the operand.
  return (current) => same(isNumeric(current) ? combine(current, operand) : operand);
}

/** Integers stop at the ends of their 64 bits; with a double on either side the sum is one. */
function add(a: Numeric, b: Numeric): Value {
  if (a.type === 'integer' && b.type === 'integer') {
    const sum = a.value + b.value;
    return { type: 'integer', value: sum > maxInt64 ? maxInt64 : sum < minInt64 ? minInt64 : sum };
  }
  return { type: 'double', value: Number(a.value) + Number(b.value) };
}

function onArray(
  given: readonly Buffer[] = [],
  combine: (current: readonly Value[], given: readonly Value[]) => readonly Value[],
): FieldTransform['apply'] {
  const elements = given.map(decodeValue);
  return (current) => ({
    value: { type: 'array', values: combine(current?.type === 'array' ? current.values : [], elements) },
    result: nullValue,
  });
}

function distinct(current: readonly Value[], given: readonly Value[]): Value[] {
  const present = new Set(current.map(valueKey));
  const added = given.filter((element) => {
    const key = valueKey(element);
    return present.has(key) ? false : present.add(key);
  });
  return [...current, ...added];
}

/** Applies transforms in their order. */
export function applyTransforms(
  fields: Fields,
  transforms: readonly FieldTransform[],
  now: Value,
): { readonly fields: Fields; readonly results: readonly Value[] } {
  let changed = fields;
  const results: Value[] = [];
  for (const { field, apply } of transforms) {
    const { value, result } = apply(valueAt(changed, field), now);
    changed = withValueAt(changed, field, value);
    results.push(result);
  }
  return { fields: changed, results };
}
