import { BSON, Code, DBRef } from 'mongodb';

/** What was read from MongoDB as relaxed Extended JSON
 *  (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/). Documents are walked here: `EJSON` takes one
 *  with a field `_bsontype`, such as an ObjectId that once was stored with its insides, for a type of its own and
 *  throws. */
export function extendedJson(value: unknown): string {
  return JSON.stringify(jsonOf(value));
}

function jsonOf(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map(jsonOf);
  if (isPlain(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonOf(inner)]));
  if (value instanceof DBRef) return jsonOf(value.toJSON());
  if (value instanceof Code && value.scope !== null) return { $code: value.code, $scope: jsonOf(value.scope) };
  return BSON.EJSON.serialize(value, { relaxed: true });
}

/** Whether a value is a document, and none of the classes that stand for a type of BSON. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
