import { Binary, BSONRegExp, Long, ObjectId, Timestamp } from 'bson';
import { fieldsOf, isNumeric, toNumber } from './values.ts';

/** A value as the server writes it into its messages: `{ find: "projects", filter: { _id: ObjectId('…') } }`. */
export function shellText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof ObjectId) return `ObjectId('${value.toHexString()}')`;
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (value instanceof Timestamp) return `Timestamp(${value.t}, ${value.i})`;
  if (value instanceof BSONRegExp) return `/${value.pattern}/${value.options}`;
  if (value instanceof Binary) {
    return value.sub_type === Binary.SUBTYPE_UUID
      ? `UUID("${value.toUUID().toString()}")`
      : `BinData(${value.sub_type}, ${value.toString('hex').toUpperCase()})`;
  }
  if (value instanceof Long) return value.toString();
  if (isNumeric(value)) return String(toNumber(value));
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[ ${value.map(shellText).join(', ')} ]`;
  const fields = fieldsOf(value);
  if (!fields) return String(value);
  const entries = Object.entries(fields).map(([name, inner]) => `${name}: ${shellText(inner)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}
