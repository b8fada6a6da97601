import type { KeyWriter, Position } from './keyBytes.ts';
import { compareKeys, createKeyWriter, END } from './keyBytes.ts';
import { writePath } from './pathKey.ts';
import { databaseAndPath } from './resourceName.ts';
import type { Fields, Value } from './value.ts';
import { MIN_TIMESTAMP_SECONDS, vectorElements } from './value.ts';

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

/** What a double cannot tell apart of two 64-bit integers is at most half of 2^11: it fits two bytes around this middle. */
const REMAINDER_BIAS = 0x8000;

// Scratch space, not state: every key is finished before the next one is begun.
const scratch = createKeyWriter();

/** The key of a value: keys compare as Firestore orders the values, and values that are equal to it have equal keys (1 and 1.0). */
export function valueKey(value: Value): string {
  scratch.begin();
  writeValue(scratch, value);
  return scratch.finish();
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
