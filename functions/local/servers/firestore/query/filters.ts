import { fieldOf, type StoredDocument } from '../values/document.ts';
import { nameField } from '../values/fieldPath.ts';
import { compareKeys } from '../values/keyBytes.ts';
import { fullName } from '../values/resourceName.ts';
import { comparable, indexKey } from '../values/sortKey.ts';
import type { Value } from '../values/value.ts';
import type { Conjunction, FieldCondition } from './query.ts';

/** A document's value as a condition or an order sees it: the name is a field too. */
export function conditionValue(
  database: string,
  document: StoredDocument,
  field: FieldCondition['field'],
): Value | undefined {
  if (field.canonical === nameField) return { type: 'reference', value: fullName(database, document.path) };
  return fieldOf(document, field);
}

/** Whether a document meets all conditions. */
export function matches(database: string, document: StoredDocument, conjunction: Conjunction): boolean {
  return conjunction.every((condition) => {
    const value = conditionValue(database, document, condition.field);
    return value !== undefined && meets(value, condition);
  });
}

/** Whether a value meets a condition. A missing field meets none, not even "not equal"; null meets no negative one. */
export function meets(value: Value, { op, value: operand }: Pick<FieldCondition, 'op' | 'value'>): boolean {
  switch (op) {
    case 'equal':
      return equal(value, operand);
    case 'notEqual':
      return value.type !== 'null' && !equal(value, operand);
    case 'notIn':
      // A null in the list makes every comparison with it undefined, so that nothing matches.
      if (value.type === 'null' || elements(operand).some(({ type }) => type === 'null')) return false;
      return !elements(operand).some((element) => equal(value, element));
    case 'exists':
      return true;
    case 'arrayContains':
      return elements(value).some((element) => equal(element, operand));
    default:
      return comparable(value, operand) && inRange(compareKeys(indexKey(value), indexKey(operand)), op);
  }
}

function inRange(order: number, op: 'less' | 'lessOrEqual' | 'greater' | 'greaterOrEqual'): boolean {
  if (op === 'less') return order < 0;
  if (op === 'lessOrEqual') return order <= 0;
  return op === 'greater' ? order > 0 : order >= 0;
}

const equal = (a: Value, b: Value) => indexKey(a) === indexKey(b);

const elements = (value: Value) => (value.type === 'array' ? value.values : []);
