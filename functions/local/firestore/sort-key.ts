// Values and paths as byte strings whose plain comparison is Firestore's order. An index is then nothing but a sorted set of
// strings, a cursor is a prefix of one, and a range that a transaction has read is two of them. The bytes are kept in JavaScript
// strings of one byte a character: they compare as memory does and cost a third of what a Buffer costs.
import { databaseAndPath } from './resource-name.ts';
import type { Fields, Value } from './value.ts';
import { vectorElements } from './value.ts';

/** Ends arrays, maps, paths: lower than any byte that can follow, so that a prefix sorts before what it is a prefix of. */
const END = 0x00;

// The first byte of each type, in the order across types that Firestore documents. Null < boolean < NaN < number < timestamp <
// string < bytes < reference < geo point < array < vector < map.
const NULL_TAG = 0x10;
const BOOLEAN_TAG = 0x18;
const NAN_TAG = 0x20;
const NUMBER_TAG = 0x28;
const TIMESTAMP_TAG = 0x30;
const STRING_TAG = 0x38;
const BYTES_TAG = 0x40;
const REFERENCE_TAG = 0x48;
const GEO_POINT_TAG = 0x50;
const ARRAY_TAG = 0x58;
const VECTOR_TAG = 0x60;
const MAP_TAG = 0x68;
const LAST_TAG = 0x70;

// Inside byte strings a zero byte is written as two, so that the end can be told from it.
const ESCAPE = 0x00;
const ESCAPED_ZERO = 0xff;
const STRING_END = 0x01;

// The first byte of a path segment: ids of the form __id7__ are numbers and sort before all others.
const NUMERIC_SEGMENT = 0x01;
const STRING_SEGMENT = 0x02;

/** A byte above all that can begin the next part of a key: closes a range after a prefix. */
const AFTER = '\xff';

const INT64_BIAS = 1n << 63n;
/** Only the canonical spelling of a number, so that no two ids share a key. */
const NUMERIC_ID = /^__id(0|-?[1-9]\d{0,18})__$/;
/** What a double cannot tell apart of two 64-bit integers is at most half of 2^11: it fits two bytes around this middle. */
const REMAINDER_BIAS = 0x8000;
/** Seconds of the earliest timestamp, 0001-01-01T00:00:00Z, so that what is written is not negative. */
const MIN_TIMESTAMP_SECONDS = -62_135_596_800;

/** Where a range begins or ends: just before, or just after, every key that starts with `prefix`. */
export interface Position {
  readonly prefix: string;
  readonly side: 'before' | 'after';
}

/** The lowest key at a position, in an ascending index. */
export const positionKey = (position: Position) =>
  position.side === 'before' ? position.prefix : position.prefix + AFTER;

/** The same position in a descending index, where every byte is inverted and before and after change places. */
export function invertPosition(position: Position): Position {
  return { prefix: invert(position.prefix), side: position.side === 'before' ? 'after' : 'before' };
}

/** The key bytes for descending order. */
export function invert(key: string): string {
  const bytes = Buffer.from(key, 'latin1');
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
  return bytes.toString('latin1');
}

/** The key of a value: keys compare as Firestore orders the values, and values that are equal to it have equal keys (1 and 1.0). */
export function valueKey(value: Value): string {
  const writer = scratch();
  writeValue(writer, value);
  return writer.finish();
}

/** The key of a path of collections and documents, ended. */
export function pathKey(path: string): string {
  const writer = scratch();
  writePath(writer, path);
  return writer.finish();
}

/** What the keys of everything at or below a path begin with. */
export function pathPrefix(path: string): string {
  const writer = scratch();
  writeSegments(writer, path);
  return writer.finish();
}

/** What the keys of everything strictly below a path begin with one of: the range of its descendants. */
export function descendantRange(path: string): { readonly from: string; readonly to: string } {
  const prefix = pathPrefix(path);
  return { from: prefix + String.fromCharCode(END + 1), to: prefix + AFTER };
}

/** The range of the values that can be compared with `value` by `<` and `>`: those of its type. NaN counts as a number.
 *  Its ends are bytes between two tags, which begin no key, so that they separate the types in a descending index too. */
export function typeRange(value: Value): { readonly from: Position; readonly to: Position } {
  const [first, next] = typeTags(value);
  return { from: between(first), to: between(next) };
}

const between = (nextTag: number): Position => ({ prefix: String.fromCharCode(nextTag - 1), side: 'before' });

function typeTags(value: Value): readonly [number, number] {
  switch (value.type) {
    case 'null':
      return [NULL_TAG, BOOLEAN_TAG];
    case 'boolean':
      return [BOOLEAN_TAG, NAN_TAG];
    case 'integer':
    case 'double':
      return [NAN_TAG, TIMESTAMP_TAG];
    case 'timestamp':
      return [TIMESTAMP_TAG, STRING_TAG];
    case 'string':
      return [STRING_TAG, BYTES_TAG];
    case 'bytes':
      return [BYTES_TAG, REFERENCE_TAG];
    case 'reference':
      return [REFERENCE_TAG, GEO_POINT_TAG];
    case 'geoPoint':
      return [GEO_POINT_TAG, ARRAY_TAG];
    case 'array':
      return [ARRAY_TAG, VECTOR_TAG];
    case 'map':
      return vectorElements(value.fields) ? [VECTOR_TAG, MAP_TAG] : [MAP_TAG, LAST_TAG];
  }
}

/** Whether `a` and `b` are of one type, so that `<` and `>` between them can hold. */
export function sameType(a: Value, b: Value): boolean {
  return typeTags(a)[0] === typeTags(b)[0];
}

/** Firestore's order: negative, zero or positive. */
export function compareValues(a: Value, b: Value): number {
  return compareKeys(valueKey(a), valueKey(b));
}

/** Order of two keys: negative, zero or positive. */
export function compareKeys(a: string, b: string): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

const INITIAL_BYTES = 512;

/** Collects the bytes of one key. */
interface KeyWriter {
  byte(value: number): void;
  uint16(value: number): void;
  uint32(value: number): void;
  uint64(value: bigint): void;
  double(value: number): void;
  /** Bytes of any content and length, escaped and ended. */
  escaped(value: Uint8Array): void;
  text(value: string): void;
  finish(): string;
}

function createKeyWriter(): KeyWriter {
  let bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  let length = 0;
  const reserve = (more: number) => {
    if (length + more <= bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(length + more, bytes.length * 2));
    bytes.copy(grown, 0, 0, length);
    bytes = grown;
  };
  const byte = (value: number) => {
    reserve(1);
    bytes[length++] = value;
  };
  const uint64 = (value: bigint) => {
    reserve(8);
    length = bytes.writeBigUInt64BE(value, length);
  };
  const endString = () => {
    byte(ESCAPE);
    byte(STRING_END);
  };
  const escaped = (value: Uint8Array) => {
    reserve(value.length * 2 + 2);
    for (const each of value) {
      bytes[length++] = each;
      if (each === ESCAPE) bytes[length++] = ESCAPED_ZERO;
    }
    endString();
  };
  return {
    byte,
    uint16(value) {
      reserve(2);
      length = bytes.writeUInt16BE(value, length);
    },
    uint32(value) {
      reserve(4);
      length = bytes.writeUInt32BE(value, length);
    },
    uint64,
    double(value) {
      reserve(8);
      bytes.writeDoubleBE(value, length);
      const negative = ((bytes[length] ?? 0) & 0x80) !== 0;
      // Positive doubles already sort as their bits do; negative ones sort backwards, and below.
      if (negative) for (let i = length; i < length + 8; i += 1) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
      else bytes[length] = (bytes[length] ?? 0) | 0x80;
      length += 8;
    },
    escaped,
    text(value) {
      if (value.includes('\0')) {
        escaped(Buffer.from(value));
        return;
      }
      const size = Buffer.byteLength(value);
      reserve(size + 2);
      length += bytes.write(value, length, size, 'utf8');
      endString();
    },
    finish() {
      const key = bytes.toString('latin1', 0, length);
      length = 0;
      return key;
    },
  };
}

// Keys are built one at a time and synchronously, so one buffer serves them all; it is scratch space, not state.
const sharedWriter = createKeyWriter();
const scratch = () => sharedWriter;

function writeValue(writer: KeyWriter, value: Value): void {
  switch (value.type) {
    case 'null':
      writer.byte(NULL_TAG);
      break;
    case 'boolean':
      writer.byte(BOOLEAN_TAG);
      writer.byte(value.value ? 1 : 0);
      break;
    case 'integer':
      writeNumber(writer, Number(value.value), value.value);
      break;
    case 'double':
      writeNumber(writer, value.value, undefined);
      break;
    case 'timestamp':
      writer.byte(TIMESTAMP_TAG);
      writer.uint64(BigInt(value.seconds - MIN_TIMESTAMP_SECONDS));
      writer.uint32(value.nanos);
      break;
    case 'string':
      writer.byte(STRING_TAG);
      writer.text(value.value);
      break;
    case 'bytes':
      writer.byte(BYTES_TAG);
      writer.escaped(value.value);
      break;
    case 'reference':
      writer.byte(REFERENCE_TAG);
      writeReference(writer, value.value);
      break;
    case 'geoPoint':
      writer.byte(GEO_POINT_TAG);
      writer.double(value.latitude + 0);
      writer.double(value.longitude + 0);
      break;
    case 'array':
      writer.byte(ARRAY_TAG);
      for (const element of value.values) writeValue(writer, element);
      writer.byte(END);
      break;
    case 'map':
      writeMap(writer, value.fields);
      break;
  }
}

function writeNumber(writer: KeyWriter, double: number, integer: bigint | undefined): void {
  if (Number.isNaN(double)) {
    writer.byte(NAN_TAG);
    return;
  }
  writer.byte(NUMBER_TAG);
  // Adding zero makes -0 into 0: the two are equal.
  writer.double(double + 0);
  writer.uint16(REMAINDER_BIAS + (integer === undefined ? 0 : Number(integer - BigInt(double))));
}

function writeMap(writer: KeyWriter, fields: Fields): void {
  const elements = vectorElements(fields);
  if (elements) {
    // Vectors sort by dimension first.
    writer.byte(VECTOR_TAG);
    writer.uint32(elements.length);
    for (const element of elements) writeValue(writer, element);
    writer.byte(END);
    return;
  }
  writer.byte(MAP_TAG);
  const keys = [...fields.keys()].map((key) => Buffer.from(key)).sort(Buffer.compare);
  for (const key of keys) {
    const value = fields.get(key.toString());
    if (value === undefined) continue;
    writer.byte(STRING_TAG);
    writer.escaped(key);
    writeValue(writer, value);
  }
  writer.byte(END);
}

function writeReference(writer: KeyWriter, name: string): void {
  const { database, path } = databaseAndPath(name);
  writer.text(database);
  writePath(writer, path);
}

function writePath(writer: KeyWriter, path: string): void {
  writeSegments(writer, path);
  writer.byte(END);
}

function writeSegments(writer: KeyWriter, path: string): void {
  if (path === '') return;
  for (const segment of path.split('/')) {
    const number = numericId(segment);
    if (number === undefined) {
      writer.byte(STRING_SEGMENT);
      writer.text(segment);
    } else {
      writer.byte(NUMERIC_SEGMENT);
      writer.uint64(number + INT64_BIAS);
    }
  }
}

/** The number inside an id of the form `__id7__`; undefined for every other id. */
export function numericId(id: string): bigint | undefined {
  if (!id.startsWith('__id')) return undefined;
  const digits = NUMERIC_ID.exec(id)?.[1];
  if (digits === undefined) return undefined;
  const number = BigInt(digits);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

/** The path that a path key was made of. */
export function pathOfKey(key: string): string {
  const bytes = Buffer.from(key, 'latin1');
  const segments: string[] = [];
  let offset = 0;
  while (offset < bytes.length && bytes[offset] !== END) {
    if (bytes[offset] === NUMERIC_SEGMENT) {
      segments.push(`__id${bytes.readBigUInt64BE(offset + 1) - INT64_BIAS}__`);
      offset += 9;
      continue;
    }
    const text: number[] = [];
    offset += 1;
    for (; !(bytes[offset] === ESCAPE && bytes[offset + 1] === STRING_END); offset += 1) {
      text.push(bytes[offset] ?? 0);
      if (bytes[offset] === ESCAPE) offset += 1;
    }
    offset += 2;
    segments.push(Buffer.from(text).toString());
  }
  return segments.join('/');
}
