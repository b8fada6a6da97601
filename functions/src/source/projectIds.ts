import { Binary, Decimal128, Double, Int32, Long, ObjectId, UUID } from 'mongodb';
import type { IdForm } from '../config/defineConfig.ts';

/** The types that a project's `_id` may have. To MongoDB whole numbers of every numeric type are the same key if they
 *  are equal. */
export type ProjectMongoId = string | ObjectId | Binary | WholeNumber;
type WholeNumber = number | bigint | Int32 | Long | Double | Decimal128;

/** The form of an `_id`; undefined for a type that is none. */
export function formOfMongoId(id: unknown): IdForm | undefined {
  if (typeof id === 'string') return 'string';
  if (id instanceof ObjectId) return 'objectId';
  if (isUuid(id)) return 'uuid';
  return wholeNumberFrom(id) === undefined ? undefined : 'integer';
}

/** The string form of a project's `_id`, under which assets name it (of a number its decimal digits); undefined for an
 *  `_id` of a type that has none here. */
export function projectIdFromMongo(id: unknown): string | undefined {
  if (typeof id === 'string') return id;
  if (id instanceof ObjectId) return id.toHexString();
  return isUuid(id) ? id.toUUID().toString() : wholeNumberFrom(id)?.toString();
}

/** Whether an `_id` has a string form. */
export function isProjectMongoId(id: unknown): id is ProjectMongoId {
  return formOfMongoId(id) !== undefined;
}

const uuidBytes = 16;

/** Whether binary data is a UUID, and not only says so: MongoDB takes any length under that subtype. */
export function isUuid(id: unknown): id is Binary {
  return id instanceof Binary && id.sub_type === Binary.SUBTYPE_UUID && id.length() === uuidBytes;
}

/** What 64 bits hold. */
const leastWhole = -(2n ** 63n);
const mostWhole = 2n ** 63n - 1n;

function wholeNumberFrom(id: unknown): bigint | undefined {
  const whole = bigintFrom(id);
  return whole !== undefined && whole >= leastWhole && whole <= mostWhole ? whole : undefined;
}

function bigintFrom(id: unknown): bigint | undefined {
  if (typeof id === 'bigint') return id;
  if (typeof id === 'number') return Number.isInteger(id) ? BigInt(id) : undefined;
  if (id instanceof Long) return id.toBigInt();
  if (id instanceof Int32 || id instanceof Double) return bigintFrom(id.valueOf());
  return id instanceof Decimal128 ? bigintFromDecimal(id.toString()) : undefined;
}

/** Of a number as Decimal128 writes it, which keeps its exponent: `1000`, `1000.0` and `1E+3` are one key. */
function bigintFromDecimal(text: string): bigint | undefined {
  const [, sign = '', whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const places = fraction.length - Number(exponent);
  const digits = (whole + fraction).padStart(places, '0');
  if (places <= 0) return BigInt(sign + digits + '0'.repeat(-places));
  const cut = digits.length - places;
  return /[1-9]/.test(digits.slice(cut)) ? undefined : BigInt(`${sign}0${digits.slice(0, cut)}`);
}

/** The ObjectIds whose string form sorts at or after a text, as a condition on `_id`. */
export function objectIdsFrom(text: string): { readonly $gte: ObjectId } | { readonly $gt: ObjectId } {
  const prefix = /^[0-9a-f]{0,24}/.exec(text)?.[0] ?? '';
  if (prefix.length === hexOfObjectId) {
    const id = new ObjectId(prefix);
    return text.length === hexOfObjectId ? { $gte: id } : { $gt: id };
  }
  const digit = [...'0123456789abcdef'].find((next) => next >= text.charAt(prefix.length));
  return digit === undefined
    ? { $gt: new ObjectId(prefix.padEnd(hexOfObjectId, 'f')) }
    : { $gte: new ObjectId(`${prefix}${digit}`.padEnd(hexOfObjectId, '0')) };
}

const hexOfObjectId = 24;

/** Every `_id` that a project of this project id can have in MongoDB, whatever forms are configured: who asks wants to
 *  know whether the project is gone, and what lives in a form that nobody expected lives all the same. Most ids have
 *  one form only. */
export function mongoIdsOf(projectId: string): ProjectMongoId[] {
  const whole = /^(?:0|-?[1-9]\d{0,18})$/.test(projectId) ? wholeNumberFrom(BigInt(projectId)) : undefined;
  return [
    projectId,
    ...(/^[0-9a-f]{24}$/i.test(projectId) ? [new ObjectId(projectId)] : []),
    ...(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(projectId) ? [new UUID(projectId)] : []),
    ...(whole === undefined ? [] : [Long.fromBigInt(whole)]),
  ];
}
