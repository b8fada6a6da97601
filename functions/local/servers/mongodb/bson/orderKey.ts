import { Binary, BSONRegExp, BSONSymbol, Code, Decimal128, Long, ObjectId, Timestamp } from 'bson';
import { RawText } from './rawText.ts';
import { fieldsOf, isNumeric, type Numeric, toNumber, typeOf } from './values.ts';

/**
 * One total order for everything: `orderKey(a) < orderKey(b)` exactly when MongoDB sorts a before b; equal keys are
 * equal values (5, 5.0 and Long 5). A key is a string of bytes (char codes to 255), and none is a prefix of another, so
 * that keys can be put one behind the other.
 */
export function orderKey(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `${typeByte.string}${textKey(value)}`;
    case 'boolean':
      return value ? `${typeByte.bool}\x01` : `${typeByte.bool}\x00`;
    case 'undefined':
      return typeByte.null;
    default:
      break;
  }
  if (value === null) return typeByte.null;
  if (value instanceof ObjectId) return `${typeByte.objectId}${bytesToText(value.id)}`;
  if (isNumeric(value)) return `${typeByte.number}${numberKey(value)}`;
  if (value instanceof Date) return `${typeByte.date}${doubleKey(value.getTime())}`;
  if (Array.isArray(value)) return `${typeByte.array}${value.map((item) => orderKey(item)).join('')}${endByte}`;
  if (value instanceof Timestamp) return `${typeByte.timestamp}${uint32Key(value.t)}${uint32Key(value.i)}`;
  if (value instanceof BSONSymbol) return `${typeByte.string}${textKey(value.value)}`;
  if (value instanceof RawText) return `${typeByte.string}${bytesKey(value.value())}`;
  if (value instanceof Binary) return binaryKey(value.value(), value.sub_type);
  if (value instanceof Uint8Array) return binaryKey(value, 0);
  if (value instanceof BSONRegExp) return `${typeByte.regex}${textKey(value.pattern)}${textKey(value.options)}`;
  if (value instanceof RegExp) return `${typeByte.regex}${textKey(value.source)}${textKey(value.flags)}`;
  if (value instanceof Code) {
    return value.scope
      ? `${typeByte.codeWithScope}${textKey(String(value.code))}${orderKey(value.scope)}`
      : `${typeByte.code}${textKey(String(value.code))}`;
  }
  const fields = fieldsOf(value);
  if (fields) return `${typeByte.object}${objectKey(fields)}`;
  return typeOf(value) === 'minKey' ? typeByte.minKey : typeByte.maxKey;
}

/** The sign of a − b in MongoDB's order. */
export function compareValues(a: unknown, b: unknown): number {
  const keyA = orderKey(a);
  const keyB = orderKey(b);
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}

export const equalValues = (a: unknown, b: unknown) => orderKey(a) === orderKey(b);

/** The first char of every key: the place of its type. Values that compare with each other share it. */
const typeByte = {
  minKey: '\x01',
  null: '\x05',
  number: '\x0a',
  string: '\x0f',
  object: '\x14',
  array: '\x19',
  binData: '\x1e',
  objectId: '\x23',
  bool: '\x28',
  date: '\x2d',
  timestamp: '\x32',
  regex: '\x37',
  code: '\x41',
  codeWithScope: '\x46',
  maxKey: '\x7f',
} as const;

/** Ends a sequence; sorts before every type, so that a shorter array comes before a longer one. */
const endByte = '\x00';

export const minKeyBracket = typeByte.minKey;
export const maxKeyBracket = typeByte.maxKey;

/** The bracket of types that a key belongs to: `$gt: 5` finds numbers only. */
export const typeBracket = (key: string) => key.charAt(0);

/** Greater than every key that starts with what it is put behind. */
export const afterAll = '\uffff';

/** Turns the order of keys round, for descending indexes. */
export function invertKey(key: string): string {
  let inverted = '';
  for (let i = 0; i < key.length; i += 1) inverted += String.fromCharCode(0xff - key.charCodeAt(i));
  return inverted;
}

function objectKey(fields: Record<string, unknown>): string {
  let key = '';
  for (const name of Object.keys(fields)) {
    const value = orderKey(fields[name]);
    // Documents compare field by field: the type first, then the name, then the value.
    key += value.charAt(0) + textKey(name) + value;
  }
  return key + endByte;
}

/** Zero bytes are escaped, the end is marked by two that sort before any escape. */
function textKey(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the zero char is the one that has to be escaped
  if (/^[\x01-\x7f]*$/.test(text)) return `${text}\x00\x00`;
  return bytesKey(Buffer.from(text, 'utf8'));
}

const bytesKey = (bytes: Uint8Array) => `${bytesToText(bytes).replaceAll('\x00', '\x00\xff')}\x00\x00`;

const bytesToText = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

function binaryKey(bytes: Uint8Array, subType: number): string {
  return `${typeByte.binData}${uint32Key(bytes.length)}${String.fromCharCode(subType)}${bytesToText(bytes)}`;
}

function uint32Key(n: number): string {
  return String.fromCharCode((n >>> 24) & 0xff, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);
}

const signBit = 0x80000000;

/** Eight bytes that sort as the doubles do; NaN before everything, −0 as 0. */
function doubleKey(n: number): string {
  if (Number.isNaN(n)) return '\x00\x00\x00\x00\x00\x00\x00\x00';
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, n === 0 ? 0 : n);
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  return high & signBit ? uint32Key(~high) + uint32Key(~low) : uint32Key((high | signBit) >>> 0) + uint32Key(low);
}

/** How an exact number stands to the double next to it; then, if they differ, the exact number itself decides. */
const restByte = { below: '\x01', equal: '\x02', above: '\x03' } as const;

function numberKey(value: Numeric): string {
  if (value instanceof Decimal128) return decimalKey(value.toString());
  const nearest = toNumber(value);
  if (value instanceof Long || typeof value === 'bigint') {
    const exact = typeof value === 'bigint' ? value : value.toBigInt();
    if (BigInt(nearest) !== exact) return decimalKey(exact.toString());
  }
  return doubleKey(nearest) + restByte.equal;
}

/** A number given in decimal notation, compared exactly. */
function decimalKey(text: string): string {
  const parsed = /^(-?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  const asDouble = Number(text);
  if (!parsed) return doubleKey(asDouble) + restByte.equal;
  const negative = parsed[1] === '-';
  const fraction = parsed[3] ?? '';
  const coefficient = BigInt(`${parsed[2] ?? ''}${fraction}` || '0');
  if (coefficient === 0n) return doubleKey(0) + restByte.equal;
  const exponent = Number(parsed[4] ?? '0') - fraction.length;
  const magnitude = Math.min(Math.abs(asDouble), Number.MAX_VALUE);
  const order = compareWithDouble(coefficient, exponent, magnitude);
  const key = doubleKey(negative ? -magnitude : magnitude);
  if (order === 0) return key + restByte.equal;
  const above = order > 0 !== negative;
  return key + (above ? restByte.above : restByte.below) + exactKey(coefficient, exponent, negative);
}

/** The sign of coefficient · 10^exponent − double, computed with whole numbers. */
function compareWithDouble(coefficient: bigint, exponent: number, double: number): number {
  let mantissa = double;
  let power = 0;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    power -= 1;
  }
  let left = coefficient;
  let right = BigInt(mantissa);
  if (exponent >= 0) left *= 10n ** BigInt(exponent);
  else right *= 10n ** BigInt(-exponent);
  if (power < 0) left <<= BigInt(-power);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Keeps the decimal exponent positive; Decimal128 goes from 1e-6176 to 1e6145. */
const exponentBias = 7000;
const exponentDigits = 5;

function exactKey(coefficient: bigint, exponent: number, negative: boolean): string {
  const digits = coefficient.toString();
  const leading = exponent + digits.length - 1 + exponentBias;
  const key = `${String(leading).padStart(exponentDigits, '0')}${digits.replace(/0+$/, '')}${endByte}`;
  return negative ? invertKey(key) : key;
}
